"""Certificates: weak duality, invariances, verdicts, and the optimum certified."""

from dataclasses import replace

import pytest
import torch

import laws
import reference
from cases import (
    CONES,
    HARD,
    LOSSES,
    PROBLEMS,
    SEMIDEFINITE,
    factors,
    inside,
    matrix,
    optimal,
    params,
    problem,
    randn,
    starts,
)
from global_optimality import (
    GradientDescent,
    MatrixProduct,
    NewtonCG,
    NonNegative,
    Problem,
    ProductOfNorms,
    SquaredLoss,
    SumOfSquares,
    Verdict,
    certify,
    minimise,
    polar_of,
)
from global_optimality.factors import append, scale, zeros_like_slice
from reference import REFERENCE

every = pytest.mark.parametrize("name", PROBLEMS)


CONVEX = [name for name in PROBLEMS if not name.endswith(tuple(CONES))]


def many(f: Problem) -> list:
    """Weights of all kinds: random, zero, tiny, huge, rank-deficient, many subnetworks."""
    W = starts(f, n=4, r=3)
    one = tuple(w[:, :1] for w in W)
    return [
        W,
        *(tuple(s * w for w in W) for s in (0.0, 1e-9, 0.3, 1e3, 1e40, 1e75)),
        append(one, one),
        starts(f, n=2, r=20, name="large"),
        inside(f.regularizer, factors(f.mapping, n=4, r=1, name="single")),
    ]


@pytest.mark.slow
@every
def test_weak_duality(name):
    """The best bound of any weights lies below every objective of any weights, and below the reference's optimum."""
    f = PROBLEMS[name]
    certificates = [certify(f, W) for W in many(f)]
    for certificate in certificates if name in CONVEX else ():
        laws.weak_duality(certificate, reference.optimum(name), REFERENCE)
    bound = max(float(c.lower_bound.max()) for c in certificates)
    assert bound <= min(float(c.objective.min()) for c in certificates)
    assert bound <= min(float(f(*starts(f, 50, 3, f"trial {s}")).min()) for s in (0, 1))
    assert bound > 0, "the bound says something"


@every
def test_pure_and_ordered(name):
    f = PROBLEMS[name]
    for W in (starts(f), starts(f, n=1, r=1)):
        laws.pure(f, W)
        certificate = certify(f, W)
        for tol in (1e-9, 1e-2, 0.9):
            laws.verdict_order(certificate, tol)
        laws.escape_is_real(f, W, certificate, 1e-6)


@every
def test_batched(name):
    f = PROBLEMS[name]
    W = starts(f, n=3)
    whole = certify(f, W)
    for i in range(3):
        one = certify(f, tuple(w[i : i + 1] for w in W))
        for field in ("objective", "lower_bound", "gap", "polar", "alignment", "gradient_norm", "escape_objective"):
            laws.same(getattr(one, field), getattr(whole, field)[i : i + 1], 1e-11)


@every
def test_permutations_zero_slices_and_splits_change_nothing(name):
    f = PROBLEMS[name]
    W = starts(f)
    here = certify(f, W)
    half = torch.full(W[0].shape[:2], 0.5**0.5, dtype=torch.float64)
    for other in (
        tuple(w.flip(1) for w in W),
        append(W, zeros_like_slice(W)),
        append(scale(W, half), scale(W, half)),
    ):
        laws.same_certificate(certify(f, other), here, 1e-12)


@pytest.mark.parametrize("name", [name for name in PROBLEMS if "product" in name])
def test_rescaling_a_layer_of_a_product_of_norms_changes_nothing(name):
    f = PROBLEMS[name]
    U, V = starts(f)
    s = torch.exp(randn("scales", 3, 4, 1))
    laws.same_certificate(certify(f, (U * s, V / s)), certify(f, (U, V)), 1e-12)


@pytest.mark.parametrize("name", [name for name in PROBLEMS if not name.endswith(tuple(CONES))])
def test_signs_change_nothing(name):
    f = PROBLEMS[name]
    sign = randn("signs", 3, 4, 1).sign()
    laws.same_certificate(certify(f, tuple(sign * w for w in starts(f))), certify(f, starts(f)), 1e-13)


@every
def test_units_change_nothing(name):
    """Data and λ in other units: the relative gap stays."""
    f = PROBLEMS[name]
    for c in (1e-6, 4.0, 1e9):
        other = replace(f, loss=replace(f.loss, Y=c * f.loss.Y), lam=c * f.lam)
        W = starts(f)
        laws.same(certify(other, tuple(c**0.5 * w for w in W)).relative_gap, certify(f, W).relative_gap, 1e-11)


@pytest.mark.parametrize("theta", params(SEMIDEFINITE))
@pytest.mark.parametrize("loss", LOSSES)
def test_certified_at_the_optimum(theta, loss):
    name = f"{loss}, {'sum of squares' if isinstance(theta, SumOfSquares) else 'product two two'}"
    smooth, optimum = problem(loss), reference.optimum(name)
    W = optimal(smooth)  # balanced, so optimal for both
    certificate = certify(problem(loss, theta), W)
    assert certificate.verdict(1e-9) == (Verdict.CERTIFIED,) * 2
    assert certificate.objective.tolist() == pytest.approx([optimum] * 2, rel=REFERENCE)
    assert bool((certificate.polar <= 1 + 1e-8).all() and (certificate.polar >= 1 - 1e-8).all())
    assert float(certificate.alignment.max()) <= 1e-9 * optimum
    assert all("Globally optimal" in text for text in certificate.explain(1e-9))


def test_closed_form_of_the_gap_below_the_rank():
    """At the best network of size r the polar is max(1, σ_{r+1}/λ) and the objective that of eq. (8) cut at r."""
    f = problem()
    sigma = torch.linalg.svdvals(matrix())
    for r in (1, 2, 3):
        W = minimise(f, f.random(6, r), NewtonCG()).weights
        certificate = certify(f, W)
        kept, left = sigma[:r], sigma[r:]
        best = (
            0.5 * left.square().sum()
            + (0.5 * kept.clamp(max=f.lam).square() + f.lam * (kept - f.lam).clamp(min=0)).sum()
        )
        laws.same(certificate.objective, best.expand(6), 1e-12)
        polar = max(1.0, float(sigma[r] / f.lam)) if r < 3 else 1.0
        assert certificate.polar.tolist() == pytest.approx([polar] * 6, rel=1e-7)
        rank = int((sigma > f.lam).sum())
        expected = Verdict.CERTIFIED if r >= rank else Verdict.REFUTED
        assert set(certificate.verdict(1e-9)) == {expected}


def test_zero_data_are_certified_at_zero_and_refuted_elsewhere():
    f = problem(SquaredLoss(torch.zeros(4, 3, dtype=torch.float64)))
    zero = certify(f, tuple(0 * w for w in starts(f)))
    assert zero.relative_gap.tolist() == [0] * 3
    assert set(zero.verdict(1e-9)) == {Verdict.CERTIFIED}
    assert Verdict.CERTIFIED not in certify(f, starts(f)).verdict(0.5)


@every
def test_the_escape_is_the_best_scale_of_the_atom(name):
    f = PROBLEMS[name]
    W = tuple(0.2 * w for w in starts(f))
    certificate = certify(f, W)
    laws.same(f(*append(W, certificate.escape)), certificate.escape_objective)
    assert bool((certificate.escape_objective <= certificate.objective * (1 + 1e-15)).all())
    for s in (0.9, 0.999, 1.001, 1.1):
        assert bool(
            (
                f(*append(W, tuple(s * w for w in certificate.escape))) >= certificate.escape_objective * (1 - 1e-14)
            ).all()
        )


def test_every_verdict_is_reached_in_one_batch():
    f = problem(regularizer=ProductOfNorms((float("inf"), float("inf"))), lam=0.2)
    top = float(polar_of(f)(-f.loss.gradient(torch.zeros(1, 4, 3, dtype=torch.float64))).upper)
    zero = tuple(torch.zeros(1, 1, d, dtype=torch.float64) for d in (4, 3))
    lower = float(polar_of(f)(-f.loss.gradient(torch.zeros(1, 4, 3, dtype=torch.float64))).lower)
    assert certify(replace(f, lam=1.01 * top), zero).verdict(1e-9) == (Verdict.CERTIFIED,)
    assert certify(replace(f, lam=0.9 * lower), zero).verdict(1e-9) == (Verdict.REFUTED,)
    W = minimise(problem(), problem().random(1, 1), max_steps=0).weights
    assert certify(problem(), W).verdict(1e-9)[0] is not Verdict.CERTIFIED


def test_undecided_says_what_would_decide():
    f = problem()
    W = minimise(f, f.random(1, 4), NewtonCG()).weights
    certificate = certify(f, tuple(1.00001 * w for w in W))
    assert certificate.verdict(1e-12) == (Verdict.UNDECIDED,) or certificate.verdict(1e-12) == (Verdict.REFUTED,)
    nmf = problem(regularizer=NonNegative())
    enclosed = [certify(nmf, starts(nmf, n=1, r=3, name=f"e{i}")) for i in range(3)]
    for c in [certificate, *enclosed]:
        for verdict, text in zip(c.verdict(1e-12), c.explain(1e-12), strict=True):
            assert text.startswith(verdict.value)
            assert text.endswith((".", "judged."))


@pytest.mark.parametrize("theta", params({**HARD, **CONES}))
def test_hard_polars_enclose_the_optimum_from_both_sides(theta):
    """No exact polar, yet bounds: the lower bound is positive and below the best network found."""
    f = problem(regularizer=theta)
    W = minimise(f, starts(f, n=4, r=6), GradientDescent(), max_steps=100).weights
    best = float(certify(f, W).objective.min())
    bound = float(certify(f, W).lower_bound.max())
    assert 0 < bound <= best


def test_certificates_do_not_need_a_gradient_graph():
    W = tuple(w.requires_grad_() for w in starts(problem()))
    certificate = certify(problem(), W)
    assert not any(
        t.requires_grad for t in (certificate.objective, certificate.gap, certificate.dual, *certificate.escape)
    )


def test_a_large_instance_is_certified():
    Y = randn("large", 60, 40)
    f = Problem(SquaredLoss(Y), MatrixProduct(60, 40), SumOfSquares(), 0.5 * float(torch.linalg.matrix_norm(Y, 2)))
    _, optimum = reference.shrunk(Y.numpy(), f.lam)
    certificate = certify(f, minimise(f, f.random(2, 30)).weights)
    assert certificate.verdict(1e-8) == (Verdict.CERTIFIED,) * 2
    assert certificate.objective.tolist() == pytest.approx([optimum] * 2, rel=1e-10)
    laws.weak_duality(certificate, optimum, 1e-13)
