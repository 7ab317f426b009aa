"""Laws of certificates and descents: weak duality, verdicts, values that are recomputed and never rise."""

import torch

from global_optimality import Certificate, Problem, Status, Verdict, certify
from global_optimality.factors import Factors, append, scale

from .closeness import same


def weak_duality(certificate: Certificate, optimum: float, accuracy: float) -> None:
    """lower_bound ≤ F* ≤ objective for every run; the reference is known to the relative ``accuracy``."""
    slack = accuracy * abs(optimum)
    assert bool((certificate.lower_bound <= optimum + slack).all()), "the lower bound exceeds the optimum"
    assert bool((certificate.objective >= optimum - slack).all()), "an objective lies below the optimum"
    assert bool((certificate.gap >= 0).all())


def same_certificate(a: Certificate, b: Certificate, tol: float) -> None:
    """One lower bound and one objective, relative to the objective."""
    scale_ = a.objective.abs()
    for x, y in ((a.objective, b.objective), (a.lower_bound, b.lower_bound), (a.gap, b.gap)):
        assert bool(((x - y).abs() <= tol * scale_).all())


def pure(problem: Problem, W: Factors) -> None:
    """Certifying twice gives the same bits and leaves the weights alone."""
    before = tuple(w.clone() for w in W)
    first, second = certify(problem, W), certify(problem, W)
    for name in (
        "objective",
        "lower_bound",
        "gap",
        "polar",
        "polar_lower",
        "alignment",
        "gradient_norm",
        "dual",
        "escape_objective",
    ):
        assert torch.equal(getattr(first, name), getattr(second, name)), name
    assert all(torch.equal(a, b) for a, b in zip(before, W, strict=True))


def escape_is_real(problem: Problem, W: Factors, certificate: Certificate, tol: float) -> None:
    """REFUTED means: the exhibited network, of one more subnetwork, is lower by more than tol, recomputed."""
    value = problem(*append(W, certificate.escape))
    for i, verdict in enumerate(certificate.verdict(tol)):
        if verdict is Verdict.REFUTED:
            assert float(problem(*W)[i] - value[i]) > tol * abs(float(problem(*W)[i])) * (1 - 1e-6)


def verdict_order(certificate: Certificate, tol: float) -> None:
    """CERTIFIED iff gap ≤ tol · |f|; else REFUTED iff the escape is lower by more than that; else UNDECIDED."""
    f = certificate.objective
    for i, verdict in enumerate(certificate.verdict(tol)):
        small = float(certificate.gap[i]) <= tol * abs(float(f[i]))
        lower = float(f[i] - certificate.escape_objective[i]) > tol * abs(float(f[i]))
        assert verdict is (Verdict.CERTIFIED if small else Verdict.REFUTED if lower else Verdict.UNDECIDED)


def descent_is_recomputed(problem: Problem, descent) -> None:
    """Objective, gradient norm and alignment are those of the returned weights."""
    W = descent.weights
    value, gradient = problem.gradient(*W)
    same(descent.objective, value)
    if not problem.regularizer.constrained:
        norm = torch.stack([g.flatten(1).square().sum(1) for g in gradient]).sum(0).sqrt()
        assert bool(((descent.gradient_norm - norm).abs() <= 1e-12 * (norm + problem.gradient_scale(value))).all())
    same(descent.alignment, problem.alignment(*W), 1e-9)
    assert len(descent.status) == len(value) == len(descent.steps)
    assert all(isinstance(s, Status) for s in descent.status)


def never_rises(values: list[float], tol: float = 1e-12) -> None:
    """No value exceeds an earlier one by more than tol, relative."""
    lowest = float("inf")
    for value in values:
        assert value <= lowest + tol * abs(lowest) or lowest == float("inf"), f"rises from {lowest} to {value}"
        lowest = min(lowest, value)


def splitting_is_neutral(problem: Problem, W: Factors, degree: int) -> None:
    """A subnetwork split into two copies of 2^{−1/p} w each leaves Φ and Θ, hence f, alone."""
    half = torch.full(W[0].shape[:2], 0.5 ** (1 / degree), dtype=W[0].dtype)
    split = append(scale(W, half), scale(W, half))
    same(problem(*split), problem(*W))
