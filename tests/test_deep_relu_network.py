"""Deep ReLU networks: certified, refuted, undecided, and what no effort and no mismatch may claim."""

import pytest
import torch

from deep_cases import THETAS, curve
from global_optimality import (
    LBFGS,
    Effort,
    Problem,
    Status,
    Verdict,
    WeightDecay,
    certify,
    meta_algorithm,
    minimise,
    polar_of,
)
from global_optimality.boosting import boost
from global_optimality.factors import append, has_zero_slice
from global_optimality.polar.deep_relu import deep_relu_polar


@pytest.fixture(scope="module")
def boosted():
    problem = curve(6, (2, 2, 1), 0.4)
    polar = deep_relu_polar(problem.mapping, Effort(nodes=20_000, tolerance=1e-3))
    return problem, polar, boost(problem, polar=polar, tol=1e-2, max_rounds=20)


@pytest.mark.slow
def test_a_deep_network_is_certified(boosted):
    """K = 3, six samples, inner width 2, two or more subnetworks, λ ≤ λ_max / 2, over all sizes, to 1 %."""
    problem, polar, result = boosted
    assert result.status is Status.GLOBAL
    assert result.certificate.verdict(1e-2) == (Verdict.CERTIFIED,)
    assert result.weights[0].shape[1] >= 2
    again = certify(problem, result.weights, polar)
    assert torch.equal(again.lower_bound, result.certificate.lower_bound)
    values = [row.objective for row in result.history]
    assert values == sorted(values, reverse=True)
    rival = minimise(problem, problem.random(8, 6, seed=5), LBFGS(), max_steps=60)
    assert bool((rival.objective >= float(again.lower_bound)).all()), "no network lies below the bound"


@pytest.mark.slow
def test_the_certificate_is_the_same_for_the_three_regularizers(boosted):
    problem, polar, result = boosted
    for theta in THETAS:
        other = Problem(problem.loss, problem.mapping, theta, problem.lam)
        certificate = certify(other, result.weights, polar)
        assert float(certificate.lower_bound) == pytest.approx(float(result.certificate.lower_bound), rel=1e-9)
        assert float(certificate.objective) == pytest.approx(float(result.certificate.objective), rel=1e-9)


@pytest.mark.slow
def test_little_effort_is_undecided_and_never_wrong(boosted):
    problem, _, result = boosted
    for cones in (20, 200, 2000):
        certificate = certify(problem, result.weights, deep_relu_polar(problem.mapping, Effort(nodes=cones)))
        assert float(certificate.lower_bound) <= float(result.certificate.objective)
        verdict = certificate.verdict(1e-2)
        assert verdict == (Verdict.UNDECIDED,) or float(certificate.relative_gap) <= 1e-2
    assert certify(problem, result.weights, deep_relu_polar(problem.mapping, Effort(nodes=20))).verdict(1e-2) == (
        Verdict.UNDECIDED,
    )


@pytest.mark.slow
def test_a_network_is_refuted_and_the_escape_is_real():
    problem = curve(6, (2, 2, 1), 0.2)
    descent = minimise(problem, problem.random(8, 1, seed=3), max_steps=200)
    worst = int(descent.objective.argmax())
    W = tuple(w[worst : worst + 1] for w in descent.weights)
    certificate = certify(problem, W, deep_relu_polar(problem.mapping, Effort(nodes=100)))
    assert certificate.verdict(1e-2) == (Verdict.REFUTED,)
    lower = float(problem(*append(W, certificate.escape)))
    assert lower < 0.99 * float(certificate.objective)


@pytest.mark.slow
def test_at_lambda_max_zero_is_optimal():
    problem = curve(5, (2, 1, 1), 1.0001)
    zero = tuple(torch.zeros_like(w) for w in problem.random(1, 1))
    assert bool(has_zero_slice(zero))
    assert certify(problem, zero).verdict(1e-3) == (Verdict.CERTIFIED,)
    below = Problem(problem.loss, problem.mapping, problem.regularizer, 0.5 * problem.lam)
    assert certify(below, zero).verdict(1e-3) == (Verdict.REFUTED,)


@pytest.mark.slow
def test_a_mismatched_problem_is_refused_and_never_certified():
    problem = curve(5, (2, 1, 1), 0.5)
    with pytest.raises(ValueError, match="degree 3 but θ has degree 2"):
        Problem(problem.loss, problem.mapping, WeightDecay(), 0.1)
    other = Problem(problem.loss, problem.mapping, WeightDecay(), 0.1, allow_mismatch=True)
    with pytest.raises(ValueError, match="degree"):
        meta_algorithm(other)
    for W in (other.random(1, 2), minimise(other, other.random(1, 2)).weights):
        certificate = certify(other, W, polar_of(problem))
        assert certificate.verdict(1e3) == (Verdict.UNDECIDED,)
        assert float(certificate.lower_bound) == -torch.inf
