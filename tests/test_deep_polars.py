"""Polars of deep subnetworks: closed forms, dense grids, convex programs for all cells, random networks; the search."""

import numpy as np
import pytest
import torch

import global_optimality as go
import laws
from deep_draws import TWO, draw, networks, pair_polar, trio
from global_optimality.polar.ascent import ascend

# --- exact polars -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("widths", [(1, 4), (3, 4), (2, 1, 4), (3, 2, 2, 4)])
def test_deep_linear_is_the_spectral_norm(widths):
    S = draw("S", 7, 5)
    for mapping in (go.DeepLinear(5, widths), go.DeepLinear(5, widths, S)):
        Q = draw("Q", 3, *mapping.shape)
        matrices = Q.numpy() if mapping.S is None else np.einsum("ij,nik->njk", S.numpy(), Q.numpy())
        truth = np.linalg.norm(matrices, 2, axis=(1, 2))
        for theta in trio(len(widths)):
            polar = pair_polar(mapping, theta)
            laws.polar_contains(polar(Q), truth)
            laws.polar_encloses(polar, mapping, theta, Q, networks(mapping, 3))
            assert bool((polar(Q).upper - polar(Q).lower <= 1e-12 * polar(Q).upper).all())
            assert float(polar(0 * Q).upper.max()) == 0


def test_two_factors_have_one_polar_for_all_balanced_regularizers():
    Q = draw("Q", 2, 4, 3)
    for theta in (*trio(2), go.SumOfSquares(), go.WeightDecay()):
        laws.polar_contains(pair_polar(go.MatrixProduct(4, 3), theta)(Q), np.linalg.norm(Q.numpy(), 2, axis=(1, 2)))


# --- convolutions, ascent, lookup -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "mapping",
    [
        go.ConvPool(draw("images", 6, 1, 6, 6), 2, 3, 2, 2),
        go.ConvPool(draw("images", 6, 1, 6, 6), 2, 3, 2, 2, go.Pooling.AVERAGE),
        go.AlexNet(draw("images", 4, 1, 12, 12), (2, 2), (3, 2), (2, 2), 2, 2),
    ],
)
def test_convolutions_are_enclosed(mapping):
    Q = draw("Q", 2, *mapping.shape)
    for theta in trio(mapping.degree)[:2]:
        laws.polar_encloses(pair_polar(mapping, theta), mapping, theta, Q, networks(mapping, 2, 200))


def test_ascent_finds_the_spectral_norm():
    Q = draw("Q", 3, 5, 4)
    value, atom = ascend(go.DeepLinear(5, (2, 2, 4)), go.SumOfPowers(3), Q, starts=32)
    truth = torch.linalg.matrix_norm(Q, 2)
    laws.same(value, truth, 1e-8)
    laws.same(go.SumOfPowers(3).theta(*atom)[:, 0], torch.ones(3, dtype=torch.float64), 1e-12)
    value, atom = ascend(go.MatrixProduct(2, 2), go.SumOfSquares(), torch.zeros(1, 2, 2, dtype=torch.float64))
    assert float(value) == 0


@pytest.mark.parametrize(
    ("mapping", "theta"),
    [
        (go.DeepRelu(draw("S", 4, 2), (2, 1, 1)), go.PathNorm(3)),
        (go.DeepRelu(draw("S", 4, 2), (2, 1, 1)), go.ProductOfNorms((go.Norm.ONE, TWO, TWO))),
        (go.DeepLinear(4, (2, 3)), go.ProductOfNorms((go.Norm.ONE, TWO))),
        (go.RankOneTensor((2, 2, 2)), go.ProductOfNorms((go.Norm.ONE, TWO, TWO))),
    ],
)
def test_unknown_pairs(mapping, theta):
    with pytest.raises(LookupError, match="no polar is known"):
        pair_polar(mapping, theta)
