"""What limits deep networks of the theory: Schatten values, chains of width one, the flatness of zero."""

import itertools

import numpy as np
import pytest
import torch

from book.deep_networks import experiment, limits
from global_optimality import DeepRelu


def test_schatten_values_against_numpy():
    X = torch.tensor([[3.0, 0.0], [0.0, 4.0]], dtype=torch.float64)
    assert float(limits.schatten(X, 1.0)) == pytest.approx(7)
    assert float(limits.schatten(X, 2.0)) == pytest.approx(5)
    assert float(limits.schatten(X, 2 / 3)) == pytest.approx((3 ** (2 / 3) + 4 ** (2 / 3)) ** 1.5)


def test_one_network_is_enough_exactly_when_its_cost_is_a_norm():
    table = limits.one_is_enough(seed=0, trials=50)
    assert table.loc[2, "triangle"] <= 1 + 1e-12
    assert table.loc[3, "triangle"] > 1.2
    np.testing.assert_allclose(table["excess_four"], 0, atol=1e-8)
    assert table.loc[2, "excess_one"] == pytest.approx(0, abs=1e-8)
    assert table.loc[3, "excess_one"] > 0.01


def test_chains_of_width_one_are_certified_as_deep_networks():
    table = limits.sufficient([4, 12], 0.1, draws=(0,))
    assert (table["size"] <= table["card"]).all()
    assert table["gap"].max() <= 1e-8
    U, V = torch.tensor([[[0.6, -0.8], [3.0, 4.0]]]).double(), torch.tensor([[[2.0], [-1.0]]]).double()
    W = limits.chain((U, V))
    sizes = [w.flatten(2).norm(dim=2) for w in W]
    for a, b in itertools.pairwise(sizes):
        torch.testing.assert_close(a, b)
    deep = DeepRelu(experiment.curve(4, (1, 1), 1, seed=0).mapping.S, (1, 1, 1))
    torch.testing.assert_close(deep.Phi(*W), torch.relu(deep.S @ U.mT) @ V)


def test_zero_is_left_by_newton_only_where_there_is_curvature():
    table = limits.from_zero(seed=1)
    assert table["gradient_norm"].max() == 0
    assert table.loc["linear, K = 2", "newton_fall"] > 0.01
    assert table.drop(index="linear, K = 2")["newton_fall"].abs().max() == 0
    assert table["escape_fall"].min() > 0.01
