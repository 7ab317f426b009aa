"""The regularizers of practice beside φ: verdicts on pairs, dropout in closed form, max-norm by hand."""

import itertools
import math

import numpy as np
import pytest
import torch

from book.implications import compatibility
from book.shared import data
from global_optimality import MatrixProduct

KINDS = {
    ("ReLU, K = 4", "weight decay, ½ squares"): ("TOO_LOW", 2**0.5),
    ("conv, K = 2", "dropout, expected"): ("TOO_HIGH", 0.5),
    ("ReLU, K = 4", "dropout, expected"): ("TOO_HIGH", 0.5),
    ("conv, K = 2", "max-norm and ½ squares"): ("NO_DEGREE", 1.0),
    ("conv, K = 2", "ℓ1 decay"): ("TOO_LOW", 2**0.5),
}


def test_verdicts_and_the_price_of_two_halves():
    table = compatibility.compatible(seed=1).set_index(["network", "regularizer"])
    for key, row in table.iterrows():
        verdict, split = KINDS.get(key, ("BALANCED", 1.0))
        assert row["verdict"] == verdict, key
        assert row["split"] == pytest.approx(split, rel=1e-12), key
        if not math.isnan(row["q"]):
            assert row["split"] == pytest.approx(2 ** (1 - row["q"] / row["p"]), rel=1e-12)
            assert row["merged"] == pytest.approx(1 / split, rel=1e-12)
    assert table.loc[("conv, K = 2", "max-norm and ½ squares"), "merged"] == math.inf


def test_normalization_leaves_degree_two_at_every_depth():
    table = compatibility.degrees_by_layer(seed=2).set_index(["K", "layers"])
    for K in (2, 3, 4, 5):
        assert table.loc[(K, "plain"), "degree"] == K
        assert table.loc[(K, "normalized"), "degree in each factor"] == "0+" * (2 * K - 3) + "1+1"


def test_monte_carlo_meets_the_closed_form():
    assert compatibility.monte_carlo(draws=4000, seed=3)["deviations"].max() <= 4


@pytest.mark.parametrize("lam", [0.3, 3.0])
def test_the_minimum_of_dropout_against_a_general_minimiser(lam):
    Y = data.low_rank(5, 4, 2, noise=0.2, seed=4)
    s = torch.linalg.svdvals(Y).numpy()
    grid = np.linspace(0, s[0], 200001)
    kept = np.clip(s - grid[:, None], 0, None)  # the minimiser shrinks all singular values by one number
    values = 0.5 * np.square(s - kept).sum(1) + lam / 12 * np.square(kept.sum(1))
    assert compatibility.dropout_optimum(Y, lam, 6) == pytest.approx(values.min(), rel=1e-8)
    with pytest.raises(ValueError, match="take more subnetworks"):
        compatibility.dropout_optimum(torch.eye(4, dtype=torch.float64), 0.1, 2)


def test_descent_meets_the_minimum_of_dropout_and_spreads_it():
    table = compatibility.dropout_on_matrices(data.low_rank(6, 5, 2, seed=0), keep=0.5, sizes=[3, 6], runs=2, seed=0)
    assert table["deviation"].abs().max() <= 1e-9
    dropout = table[table["regularizer"] == "dropout"]
    np.testing.assert_allclose(dropout["effective"], dropout["size"], rtol=1e-4)
    balanced = table[table["regularizer"] == "balanced"]["objective"]
    assert balanced.max() == pytest.approx(balanced.min(), rel=1e-10)


def test_effective_size_of_known_networks():
    mapping = MatrixProduct(2, 2)
    one, zero = torch.ones(1, 3, 2, dtype=torch.float64), torch.zeros(1, 3, 2, dtype=torch.float64)
    alone = torch.cat([one[:, :1], zero[:, :2]], 1)
    sizes = [float(compatibility.effective_size(mapping, (w, w))) for w in (one, alone, zero)]
    assert sizes == pytest.approx([3, 1, 0])


@pytest.mark.parametrize(("radius", "r"), list(itertools.product([0.2, 0.45, 2.0], [1, 3, 7])))
def test_max_norm_by_hand_against_a_grid(radius, r):
    lam, s = 0.3, np.linspace(0, 1, 200001)
    t = s / r
    u = np.minimum(np.sqrt(t), radius)
    price = 0.5 * (u**2 + np.divide(t, u, out=np.zeros_like(t), where=u > 0) ** 2)
    expected = (0.5 * (1 - s) ** 2 + lam * r * price).min()
    assert compatibility.max_norm_by_hand(lam, radius, r) == pytest.approx(expected, abs=1e-9)
