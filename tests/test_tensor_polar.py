"""The polar of tensors of rank one: grids, orthogonal components, unfoldings."""

import numpy as np
import pytest
import torch

import global_optimality as go
import laws
from deep_draws import draw, networks, pair_polar, trio
from global_optimality.polar.best_first import begin, refine
from global_optimality.polar.tensor import TensorCones


def sphere_grid(T: np.ndarray, count: int = 2000) -> float:
    """max over unit u in the plane of σ₁(T(u, ·, ·)), on a grid."""
    angles = np.linspace(0, np.pi, count)
    slices = np.cos(angles)[:, None, None] * T[0] + np.sin(angles)[:, None, None] * T[1]
    return float(np.linalg.norm(slices, 2, axis=(1, 2)).max())


@pytest.mark.parametrize("sizes", [(2, 3, 4), (2, 2, 2)])
def test_tensors_against_a_grid(sizes):
    mapping, Q = go.RankOneTensor(sizes), draw("T", 2, *sizes)
    found = [sphere_grid(q.numpy()) for q in Q]
    for theta in trio(3):
        polar = pair_polar(mapping, theta)
        bound = polar(Q)
        laws.polar_encloses(polar, mapping, theta, Q, networks(mapping, 2))
        assert bound.lower.tolist() == pytest.approx(found, rel=1e-5)
        assert bound.upper.tolist() == pytest.approx(found, rel=1e-5)


@pytest.mark.parametrize("order", [3, 4])
def test_tensors_with_orthogonal_components(order):
    """Σ_j c_j e_j ⊗ … ⊗ e_j, rotated, has spectral norm max |c_j|."""
    T = np.zeros((3,) * order)
    for j, c in enumerate((1.0, -2.5, 2.0)):
        T[(j,) * order] = c
    for axis in range(order):
        rotation = np.linalg.qr(draw(f"rotation {axis}", 3, 3).numpy())[0]
        T = np.moveaxis(np.tensordot(rotation, T, (1, axis)), 0, axis)
    bound = pair_polar(go.RankOneTensor((3,) * order), go.SumOfPowers(order))(torch.tensor(T)[None])
    assert float(bound.lower) == pytest.approx(2.5, rel=1e-6)
    assert 2.5 * (1 - 1e-12) <= float(bound.upper) <= 2.5 * (1 + 1e-5)


def test_large_tensors_are_bounded_by_unfoldings():
    mapping, Q = go.RankOneTensor((7, 8, 9)), draw("T", 1, 7, 8, 9)
    bound = pair_polar(mapping, go.SumOfPowers(3))(Q)
    unfolded = min(np.linalg.norm(np.moveaxis(Q[0].numpy(), k, 0).reshape(Q.shape[1 + k], -1), 2) for k in range(3))
    assert float(bound.upper) == pytest.approx(unfolded, rel=1e-9)
    laws.polar_encloses(lambda q: bound, mapping, go.SumOfPowers(3), Q, networks(mapping, 1))
    search = begin([TensorCones(draw("T", 3, 5, 5))], torch.zeros(1, dtype=torch.float64))
    assert refine(search, go.Effort(nodes=500, tolerance=1e-6)).upper <= search.upper
