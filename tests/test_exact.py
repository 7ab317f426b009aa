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
from global_optimality.polar.spectral import decompose

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


def spectral_cases() -> list[torch.Tensor]:
    """Generic, graded, clustered, rank-one, tiny, huge, subnormal and structured matrices."""
    Q, _ = torch.linalg.qr(randn("basis", 8, 5))
    R, _ = torch.linalg.qr(randn("other basis", 5, 5))
    graded = Q @ torch.diag(torch.logspace(0, -14, 5, dtype=torch.float64)) @ R
    clustered = Q @ torch.diag(1 - 1e-13 * torch.arange(5.0, dtype=torch.float64)) @ R
    one = torch.ones(8, 5, dtype=torch.float64)
    hilbert = 1 / (torch.arange(8.0)[:, None] + torch.arange(5.0) + 1).double()
    generic = randn("generic", 8, 5)
    return [
        generic,
        generic.T,
        graded,
        clustered,
        one,
        hilbert,
        Q,
        1e-300 * generic,
        1e300 * Q,
        1e-310 * generic,
        0 * Q,
    ]


@pytest.mark.parametrize("k", range(11))
def test_the_spectral_bound_is_proved_and_sharp(k):
    Q = spectral_cases()[k][None]
    U, s, Vh, upper = decompose(Q)
    rows = exact(Q[0].tolist())
    assert spectral_norm_at_most(rows, Fraction(float(upper)))
    if float(upper) > 1e-300:
        assert not spectral_norm_at_most(rows, Fraction(float(upper)) * (1 - Fraction(1, 10**13)))
        assert float(((U * s[:, None]) @ Vh - Q).abs().max()) <= 1e-14 * float(upper)


@pytest.mark.parametrize("k", range(7))
@pytest.mark.parametrize("damage", [1e-3, 1e-8, 1e-12])
def test_the_spectral_bound_survives_a_bad_decomposition(monkeypatch, k, damage):
    """Nothing is taken on trust: singular values and vectors that are wrong make the bound looser, never false."""
    real = torch.linalg.svd

    def bad(Q, **options):
        U, s, Vh = real(Q, **options)
        shift = 1 + damage * randn("damage", *U.shape)
        return U * shift, s * (1 - damage), Vh * (1 - damage)

    Q = spectral_cases()[k][None]
    monkeypatch.setattr(torch.linalg, "svd", bad)
    upper = decompose(Q)[3]
    assert spectral_norm_at_most(exact(Q[0].tolist()), Fraction(float(upper)))


def test_bounds_of_larger_instances_are_proved_by_their_dual_points():
    problem = tiny("larger", None, 2.0, 40, 30)
    for W in (problem.random(2, 3), minimise(problem, problem.random(2, 10)).weights):
        certificate = certify(problem, W)
        for i in range(2):
            G = exact(certificate.dual[i].tolist())
            proved = dual_value(exact(problem.loss.Y.tolist()), G)
            assert proved >= Fraction(float(certificate.lower_bound[i]))
            assert proved - Fraction(float(certificate.lower_bound[i])) <= Fraction(1, 10**12) * proved, (
                "and it is sharp"
            )


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
