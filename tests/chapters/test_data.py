"""Data that several chapters use: shapes, splits, planted matrices, hidden entries."""

import pytest
import torch

from book.shared.data import diabetes, digits, hide, low_rank
from global_optimality import MatrixProduct, Problem, SquaredLoss, SumOfSquares


def test_digits():
    data = digits()
    assert data.S.shape == (1797, 64)
    assert data.S.dtype == torch.float64
    assert (float(data.S.min()), float(data.S.max())) == (0.0, 16.0)
    assert torch.equal(data.target.unique(), torch.arange(10))
    assert float(data.S.sum()) == 561718.0
    assert data.source


def test_diabetes():
    data = diabetes()
    assert data.S.shape == (442, 10)
    assert data.target.shape == (442,)
    assert bool(torch.isfinite(data.S).all())
    assert (data.S.square().sum(0) - 1).abs().max() < 1e-10
    assert data.S.mean(0).abs().max() < 1e-10


def test_planted_matrices():
    Y = low_rank(12, 9, 3, noise=0.0, seed=1)
    sigma = torch.linalg.svdvals(Y)
    assert int((sigma > 1e-12 * sigma[0]).sum()) == 3
    assert torch.equal(low_rank(12, 9, 3, seed=1), low_rank(12, 9, 3, seed=1))
    assert not torch.equal(low_rank(12, 9, 3, seed=1), low_rank(12, 9, 3, seed=2))
    noisy = low_rank(200, 150, 3, noise=0.5, seed=1) - low_rank(200, 150, 3, noise=0.0, seed=1)
    assert float(noisy.std()) == pytest.approx(0.5, rel=0.02)
    assert float(low_rank(300, 200, 5, noise=0.0).std()) == pytest.approx(1.0, rel=0.2)


@pytest.mark.parametrize("share", [0.0, 0.5, 0.9, 0.99])
def test_hidden_entries(share):
    Y = low_rank(60, 40, 3)
    mask = hide(Y, share, seed=3)
    assert mask.shape == Y.shape
    assert mask.dtype == torch.bool
    assert bool(mask.any(0).all() and mask.any(1).all()), "no row or column is hidden as a whole"
    assert float((~mask).double().mean()) == pytest.approx(share, abs=0.05)
    assert torch.equal(mask, hide(Y, share, seed=3))
    if share:
        assert not torch.equal(mask, hide(Y, share, seed=4))


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (lambda: low_rank(3, 4, 0), "between 1 and"),
        (lambda: low_rank(3, 4, 4), "rank = 4 must lie between 1 and min"),
        (lambda: hide(low_rank(3, 4, 1), 1.0), r"must lie in \[0, 1\)"),
        (lambda: hide(low_rank(3, 4, 1), -0.1), "share = -0.1"),
        (lambda: hide(low_rank(3, 4, 1), float("nan")), "share"),
    ],
)
def test_bad_arguments(bad, words):
    with pytest.raises(ValueError, match=words):
        bad()


def test_the_data_fit_the_package():
    Y = digits().S
    problem = Problem(SquaredLoss(Y), MatrixProduct(*Y.shape), SumOfSquares(), 1.0)
    assert problem.card == 1797 * 64
