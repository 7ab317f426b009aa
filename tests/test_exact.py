"""Whole certificates on tiny instances, confirmed without rounding by ``exact.py``."""

from fractions import Fraction

import pytest
import torch

from cases import randn, seen
from exact import (
    dual_value,
    exact,
    objective,
    off_mask_is_zero,
    positive_semidefinite,
    spectral_norm_at_most,
)
from global_optimality import (
    MaskedSquaredLoss,
    MatrixProduct,
    NewtonCG,
    Problem,
    SquaredLoss,
    SumOfSquares,
    certify,
    minimise,
)

EPS = torch.finfo(torch.float64).eps


def confirm(problem: Problem, W, mask=None) -> list[Fraction]:
    """Check every run's certificate exactly; returns the exact relative gaps."""
    certificate = certify(problem, W)
    Y, lam = exact(problem.loss.Y.tolist()), Fraction(problem.lam)
    shown = (torch.ones_like(problem.loss.Y, dtype=torch.bool) if mask is None else mask).tolist()
    gaps = []
    for i in range(len(certificate.objective)):
        G = exact(certificate.dual[i].tolist())
        value = objective(Y, shown, exact(W[0][i].tolist()), exact(W[1][i].tolist()), lam)
        assert off_mask_is_zero(G, shown)
        assert spectral_norm_at_most(G, lam), "the dual point is not feasible"
        assert dual_value(Y, G) >= Fraction(float(certificate.lower_bound[i])), (
            "the bound is not proved by its dual point"
        )
        assert abs(value - Fraction(float(certificate.objective[i]))) <= Fraction(32 * EPS) * value
        assert dual_value(Y, G) <= value, "weak duality"
        gaps.append((value - dual_value(Y, G)) / value)
    return gaps


def tiny(name: str, mask=None, lam: float = 0.3, rows: int = 3, columns: int = 2) -> Problem:
    Y = randn(name, rows, columns)
    loss = SquaredLoss(Y) if mask is None else MaskedSquaredLoss(Y, mask)
    return Problem(loss, MatrixProduct(rows, columns), SumOfSquares(), lam)


@pytest.mark.parametrize("lam", [1e-3, 0.3, 5.0])
@pytest.mark.parametrize("masked", [False, True])
def test_certificates_of_random_weights(masked, lam):
    for seed in range(6):
        mask = seen(f"mask {seed}", 3, 2) if masked else None
        problem = tiny(f"tiny {seed}", mask, lam)
        for deviation in (0.0, 1e-8, 1.0, 1e5):
            confirm(problem, problem.random(4, 2, seed=seed, deviation=deviation), mask)


@pytest.mark.parametrize("masked", [False, True])
def test_certificates_of_optima(masked):
    for seed in range(4):
        mask = seen(f"mask {seed}", 3, 2) if masked else None
        problem = tiny(f"tiny {seed}", mask)
        W = minimise(problem, problem.random(3, 3, seed=seed), NewtonCG()).weights
        assert max(confirm(problem, W, mask)) <= Fraction(1, 10**9), "globally optimal, in exact arithmetic"


@pytest.mark.parametrize(("rows", "columns"), [(5, 4), (1, 1), (2, 5)])
def test_other_sizes(rows, columns):
    for seed in range(4):
        problem = tiny(f"size {seed}", None, 0.4, rows, columns)
        confirm(problem, problem.random(3, 3, seed=seed))
        confirm(problem, minimise(problem, problem.random(2, 4, seed=seed)).weights)


def test_dual_points_touch_the_constraint_and_no_more():
    """Where the scale is capped, the dual point is feasible, and 1e-13 beyond it would not be."""
    problem = tiny("touch", lam=0.05)
    W = problem.random(12, 2)
    duals = [G for G in certify(problem, W).dual.tolist() if any(map(any, G))]
    assert len(duals) >= 2
    for G in duals:
        assert spectral_norm_at_most(exact(G), Fraction(problem.lam))
        assert not spectral_norm_at_most(exact(G), Fraction(problem.lam) * (1 - Fraction(1, 10**12)))


def test_the_checker_by_hand():
    one, zero = Fraction(1), Fraction(0)
    assert positive_semidefinite([[one, one], [one, one]])
    assert not positive_semidefinite([[one, 2 * one], [2 * one, one]])
    assert not positive_semidefinite([[zero, one], [one, one]])
    assert positive_semidefinite([[zero, zero], [zero, one]])
    G = exact([[3.0, 0.0], [0.0, 4.0]])
    assert spectral_norm_at_most(G, Fraction(4))
    assert not spectral_norm_at_most(G, Fraction(4) - Fraction(1, 10**30))
    assert dual_value(exact([[1.0]]), exact([[-1.0]])) == Fraction(1, 2)
    assert objective(exact([[2.0]]), [[True]], exact([[1.0]]), exact([[1.0]]), Fraction(3)) == Fraction(7, 2)
    assert not off_mask_is_zero(exact([[1.0, 1e-300]]), [[True, False]])


def test_the_checker_refuses_a_stretched_dual_point():
    problem = tiny("stretched", lam=0.05)
    G = certify(problem, problem.random(1, 2)).dual[0]
    assert not spectral_norm_at_most(exact((G * 1.000001).tolist()), Fraction(problem.lam))
