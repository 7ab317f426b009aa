"""Polars of matrices too large for all their singular pairs are bounded as those of small ones."""

import dataclasses

import pytest
import torch

import global_optimality as go
from cases import randn
from global_optimality.effort import Effort
from global_optimality.polar import matrix, signs, spectral
from global_optimality.polar.matrix import matrix_polar, spectral_polar
from global_optimality.polar.spectral import LARGE, leading, proved_norm
from global_optimality.regularizers import Norm, NormProduct, euclidean
from limited import completion


@pytest.mark.parametrize("shape", [(LARGE + 1, LARGE + 30), (LARGE + 60, LARGE + 1)])
@pytest.mark.parametrize("factor", [1.0, 0.9, 1e-3])
def test_the_norm_of_a_large_matrix_is_bounded_close_by(shape, factor):
    """Also where the value to prove is wrong: then the bound is looser, never below the norm."""
    Q = randn("limits Q", *shape)
    Q = Q + 3 * Q[:, :1] @ Q[:1] / Q.norm()
    s = torch.linalg.svdvals(Q)
    U, found, V = leading(Q, 3)
    assert torch.allclose(found, s[:3], rtol=1e-10)
    assert torch.allclose(Q.mT @ U, V * found, rtol=0, atol=1e-7 * float(s[0]))
    bound = float(proved_norm(Q, factor * float(found[0])))
    assert bound >= float(s[0])
    if factor == 1:
        assert bound <= float(s[0]) * (1 + 1e-8)


@pytest.mark.parametrize("shape", [(60, 80), (80, 60)])
def test_larger_matrices_are_not_squared(shape, monkeypatch):
    """Their triples are those of the square; where the time ends inside, the pair is one of unit vectors."""
    Q = randn("limits Q", *shape)
    formed = leading(Q, 3)
    monkeypatch.setattr(spectral, "GRAM", 10)
    monkeypatch.setattr(matrix, "LARGE", 10)
    for a, b in zip(formed, leading(Q, 3), strict=True):
        assert torch.allclose(a.abs(), b.abs(), rtol=0, atol=1e-9)
    with Effort(seconds=0.0).started().running():
        U, s, V = leading(Q, 3)
        bound = spectral_polar(Q[None])
    assert torch.allclose(torch.stack([U.norm(), V.norm()]), torch.ones(2, dtype=torch.float64), rtol=1e-14)
    assert torch.allclose((U.mT @ Q @ V)[0], s, rtol=1e-12)
    assert float(bound.lower) <= float(torch.linalg.svdvals(Q)[0]) <= float(bound.upper)


@pytest.mark.parametrize("norms", [(Norm.INFINITY, Norm.TWO), (Norm.INFINITY, Norm.INFINITY), None])
def test_polars_of_other_norms_bound_large_matrices_as_small_ones(norms, monkeypatch):
    """What the leading singular pairs alone prove is as close as what all of them prove, and a crude bound is above."""
    Q = randn("limits Q", 1, 45, 40)
    form = NormProduct(norms) if norms else dataclasses.replace(euclidean(2), non_negative=True)
    polar = matrix_polar(form)
    assert polar is not None
    small = polar(Q)
    monkeypatch.setattr(spectral, "LARGE", 30)
    monkeypatch.setattr(signs, "LARGE", 30)
    large = polar(Q)
    assert float(large.lower) <= float(small.upper) * (1 + 1e-12)
    assert float(small.lower) <= float(large.upper) * (1 + 1e-12)
    assert float(large.upper) <= 1.02 * float(small.upper)
    with Effort(seconds=0.0).started().running():
        crude = polar(Q)
    assert float(crude.upper) >= float(large.lower)


def test_the_norm_of_zero_is_zero():
    Q = torch.zeros(LARGE + 1, LARGE + 1, dtype=torch.float64)
    assert float(proved_norm(Q, float(leading(Q, 2)[1][0]))) == 0
    problem = dataclasses.replace(completion(LARGE + 1, LARGE + 1), lam=1e6)
    assert float(go.polar_of(problem)(Q[None]).upper[0]) == 0
