"""Certificates that must not be given: wrong problems, broken polars and losses, what float64 cannot prove."""

import pytest
import torch

import laws
import reference
from cases import (
    PROBLEMS,
    factors,
    matrix,
    optimal,
    problem,
    starts,
)
from global_optimality import (
    NonNegative,
    PolarBound,
    ProductOfNorms,
    SquaredLoss,
    Verdict,
    certify,
    polar_of,
)
from global_optimality.factors import append, scale
from reference import REFERENCE

# --- negative controls ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("factor", [0.5, 0.9, 0.999, 1.001, 1.1, 2.0])
def test_a_wrong_lambda_is_never_certified(factor):
    W = optimal(problem(lam=0.4))
    assert Verdict.CERTIFIED not in certify(problem(lam=0.4 * factor), W).verdict(1e-9)


def test_other_data_or_another_regularizer_are_never_certified():
    W = optimal(problem())
    for other in (
        problem(SquaredLoss(matrix("other"))),
        problem("masked"),
        problem(regularizer=ProductOfNorms((1, 1))),
        problem(regularizer=ProductOfNorms((1, 2))),
        problem(regularizer=ProductOfNorms((float("inf"), float("inf")))),
        problem(regularizer=NonNegative()),
    ):
        assert Verdict.CERTIFIED not in certify(other, W).verdict(1e-6)


def wasteful(W):
    """The same output at a higher cost: one more subnetwork (u, 0). The dual point stays sharp."""
    extra = torch.zeros_like(W[1][:, :1])
    return append(W, (torch.full_like(W[0][:, :1], 0.4), extra))


def shrunk(polar, by=0.99):
    """A polar that is wrong by one percent, consistently: its lower end and its atom with it."""

    def wrong(Q):
        bound = polar(Q)
        return PolarBound(
            by * bound.lower, by * bound.upper, scale(bound.atom, torch.full_like(bound.upper, by**0.5)[:, None])
        )

    return wrong


@pytest.mark.parametrize("name", ["squared, sum of squares", "masked, sum of squares"])
def test_a_polar_shrunk_by_one_percent_breaks_weak_duality(name):
    """The law notices: where the dual point is sharp, a smaller polar proves too much."""
    f, optimum = PROBLEMS[name], reference.optimum(name)
    W = wasteful(optimal(f))
    laws.weak_duality(certify(f, W), optimum, REFERENCE)
    with pytest.raises(AssertionError, match="exceeds the optimum"):
        laws.weak_duality(certify(f, W, shrunk(polar_of(f))), optimum, REFERENCE)


def test_a_conjugate_with_the_wrong_sign_breaks_weak_duality(monkeypatch):
    f, optimum = problem(), reference.optimum("squared, sum of squares")
    W = wasteful(optimal(f))
    right = SquaredLoss.conjugate
    monkeypatch.setattr(SquaredLoss, "conjugate", lambda self, G: right(self, G) - (G * G).flatten(1).sum(1) / 8)
    with pytest.raises(AssertionError, match="exceeds the optimum"):
        laws.weak_duality(certify(f, W), optimum, REFERENCE)


def test_a_bound_above_the_objective_is_a_contradiction_and_proves_nothing():
    f = problem()
    for by in (0.5, 0.99):
        certificate = certify(f, optimal(f), shrunk(polar_of(f), by))
        assert certificate.lower_bound.tolist() == [-torch.inf] * 2
        assert Verdict.CERTIFIED not in certificate.verdict(1e-6)


# --- what may never be certified --------------------------------------------------------------------------------------


def ascent_only(polar):
    def unbounded(Q):
        bound = polar(Q)
        return PolarBound(bound.lower, torch.full_like(bound.upper, torch.inf), bound.atom)

    return unbounded


@pytest.mark.parametrize("tol", [1e-9, 0.5, 1.0, 10.0])
def test_an_infinite_upper_bound_is_never_certified(tol):
    f = problem()
    for W in (optimal(f), starts(f), tuple(0 * w for w in starts(f))):
        certificate = certify(f, W, ascent_only(polar_of(f)))
        assert Verdict.CERTIFIED not in certificate.verdict(tol)
        assert bool((certificate.lower_bound <= 0).all())
        assert bool(torch.isinf(certificate.polar).all())


@pytest.mark.parametrize("tol", [1e-3, 0.5, 1.0, 10.0])
def test_float32_is_never_certified(tol):
    f = problem(SquaredLoss(matrix().float()))
    certificate = certify(f, tuple(w.float() for w in optimal(problem())))
    assert Verdict.CERTIFIED not in certificate.verdict(tol)
    assert float(certificate.relative_gap.max()) < 1e-3, "though the gap is small"
    assert all("float64" in text for text in certificate.explain(1e-3))


@pytest.mark.parametrize("bad", [torch.nan, torch.inf, -torch.inf, 1e200])
@pytest.mark.parametrize(
    "name", ["squared, sum of squares", "masked, product infinity infinity", "squared, non-negative"]
)
def test_weights_that_are_not_finite_prove_nothing(bad, name):
    f = PROBLEMS[name]
    W = tuple(w.clone() for w in starts(f))
    for w in W:
        w[1, 0, 0] = bad
    certificate = certify(f, W)
    assert certificate.gap[1] == certificate.relative_gap[1] == certificate.objective[1] == torch.inf
    assert certificate.lower_bound[1] == -torch.inf
    assert certificate.verdict(1e-3)[1] is Verdict.UNDECIDED
    assert "no finite lower bound" in certificate.explain(1e-3)[1]
    others = certify(f, tuple(w[[0, 2]] for w in W))
    laws.same_certificate(others, certify(f, tuple(w[[0, 2]] for w in starts(f))), 1e-13)
    laws.same(certificate.gap[[0, 2]], others.gap, 1e-11)


def test_a_negative_factor_under_the_cone_proves_nothing():
    f = problem(regularizer=NonNegative())
    certificate = certify(f, factors(f.mapping))
    assert bool(torch.isinf(certificate.gap).all() and torch.isinf(certificate.relative_gap).all())
    assert set(certificate.verdict(1e-3)) == {Verdict.UNDECIDED}


@pytest.mark.parametrize("value", [torch.nan, -1.0])
def test_a_polar_that_is_undefined_certifies_nothing(value):
    f = problem()
    polar = polar_of(f)

    def broken(Q):
        bound = polar(Q)
        return PolarBound(bound.lower, torch.full_like(bound.upper, value), bound.atom)

    assert Verdict.CERTIFIED not in certify(f, optimal(f), broken).verdict(1e-6)


@pytest.mark.parametrize("tol", [0.0, -1e-9, float("nan")])
def test_tolerance_must_be_positive(tol):
    with pytest.raises(ValueError, match="positive"):
        certify(problem(), starts(problem())).verdict(tol)
