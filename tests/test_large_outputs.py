"""What is measured of a pair (φ, θ) whose outputs are many takes little time and memory, and says the same."""

import pytest

import global_optimality as go
from cases import randn
from global_optimality import effort
from global_optimality.effort import Effort
from global_optimality.homogeneity import check_pair, measure, measure_degree, random_points

POINTS = random_points(((3,), (4,)))


def test_of_many_outputs_some_are_compared(monkeypatch):
    """The same ones at every point and scale; in parts where the memory of a step holds few subnetworks."""
    spread = randn("many outputs", 50, 40)
    monkeypatch.setattr(measure, "OUTPUTS", 100)
    monkeypatch.setattr(effort, "LEAST", 0)
    product = measure_degree(lambda u, v: u.sum() * v.sum() * spread, POINTS)
    assert product.is_degree(2)
    assert not measure_degree(lambda u, v: u.sum() * spread + v.square().sum(), POINTS).is_degree(2)
    mapping = go.MatrixProduct(50, 40)
    with Effort(memory=8 * 4 * 50 * 40 * 3).started().running():
        parted = check_pair(mapping, go.SumOfSquares())
    whole = check_pair(mapping, go.SumOfSquares())
    assert parted.verdict is whole.verdict
    assert parted.largest_ratio == pytest.approx(whole.largest_ratio, rel=1e-14)
