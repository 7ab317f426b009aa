"""Theorem 2's meta-algorithm as printed: descend, slide along a null vector, append a zero subnetwork, repeat."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import Enum

import torch
from torch import Tensor

from .certificate import Certificate, Verdict, certify
from .descent import Method, NewtonCG, minimise
from .effort import Effort
from .factors import Factors, append, has_zero_slice, slice_norms, zeros_like_slice
from .polar import Polar, oracle_of
from .problem import Problem, check_problem
from .settings import instance, number, whole
from .status import Status

NULL = 1e-13
"""A singular value below NULL · σ₁ of the matrix (vec φ(w_i))_i counts as zero: Φ then moves by rounding only."""

RISE = 1e-13
"""A slide is taken only if f rises nowhere along it by more than RISE · f: rounding of the recomputed objective."""

COARSE, FINE = 1e-3, 1e-2
"""Descent starts at gradient tolerance COARSE. The gap is first order in the gradient: while it exceeds the tolerance
by 1/FINE it is not the descent's fault, and a size is left for the next; else the tolerance is multiplied by FINE."""


class Step(Enum):
    """The kinds of pieces of the path."""

    START = "the start"
    DESCEND = "local descent (step 1)"
    SLIDE = "slide along a null vector until a subnetwork is zero (step 3)"
    APPEND = "append a zero subnetwork (step 4)"
    ESCAPE = "leave zero along the atom of the polar"


@dataclass(frozen=True, eq=False)
class DescentPath:
    """f along the whole path, in between steps too: T points, each with the kind of piece it lies on and the size r.

    ``objective`` is ``(T,)``; ``weights`` and ``certificate`` (of one run) are those of the end.
    """

    objective: Tensor
    steps: tuple[Step, ...]
    size: tuple[int, ...]
    weights: Factors
    certificate: Certificate
    status: Status

    @property
    def largest_rise(self) -> float:
        """The largest increase of f over any earlier point of the path, relative to f there; 0 if it never rises."""
        lowest = torch.cummin(self.objective, 0).values
        return float(((self.objective - lowest) / lowest.abs().clamp(min=torch.finfo(lowest.dtype).tiny)).max())


def meta_algorithm(
    problem: Problem,
    W: Factors | None = None,
    *,
    r: int | None = None,
    seed: int = 0,
    method: Method | None = None,
    polar: Polar | None = None,
    effort: Effort | None = None,
    tol: float = 1e-8,
    max_rounds: int = 1000,
    samples: int = 4,
) -> DescentPath:
    """Theorem 2's construction from W (one run) or from a random start of r subnetworks (default 1).

    Ends with GLOBAL once the certified relative gap is at most ``tol``. Every piece of the path is looked at in
    ``samples`` points between its ends; each call of the polar costs at most ``effort``. ``ValueError`` for several
    runs, r < 1, an infinite start, or unequal degrees.
    """
    check_problem(problem).check_balanced()
    if W is not None and r is not None:
        raise ValueError(f"r = {r} is the size of a random start, but a start W is given: pass one of the two.")
    whole("samples", samples)
    whole("max_rounds", max_rounds, 1)
    number("tol", tol)
    if method is not None:
        instance("method", method, Method, "pass LBFGS(), NewtonCG() or the like.")
    if W is None:
        W = problem.random(1, 1 if r is None else whole("r", r, 1), seed=seed)
    problem.check(W)
    if W[0].shape[0] != 1:
        raise ValueError(f"meta_algorithm follows one path but W holds {W[0].shape[0]} runs: pass one run, w[:1].")
    if not torch.isfinite(problem(*W)).all():
        raise ValueError("f is not finite at the start: Theorem 2 starts from finite objectives only.")
    method = NewtonCG(interior=samples) if method is None else replace(method, interior=samples)
    polar = oracle_of(problem, polar, effort)
    trail, accuracy = _Trail(problem, W, samples), COARSE
    for _ in range(max_rounds):
        trail.descend(method, accuracy)
        certificate = certify(problem, trail.weights, polar)
        if _within(certificate, tol):
            return trail.path(certificate, Status.GLOBAL)
        if accuracy > FINE * tol and not bool(certificate.relative_gap > accuracy / FINE):
            accuracy = max(FINE * accuracy, FINE * tol)
            continue
        if not has_zero_slice(trail.weights).item():
            if not trail.slide():
                trail.append()
            certificate = certify(problem, trail.weights, polar)
        if not trail.escape(certificate):
            if _within(certificate, tol):
                return trail.path(certificate, Status.GLOBAL)
            if accuracy <= FINE * tol:
                return trail.path(certificate, Status.NO_ESCAPE)
            accuracy = max(FINE * accuracy, FINE * tol)
    return trail.path(certify(problem, trail.weights, polar), Status.STEPS)


def _within(certificate: Certificate, tol: float) -> bool:
    return certificate.verdict(tol) == (Verdict.CERTIFIED,)


@dataclass
class _Trail:
    """The path so far: current weights, and f at every point looked at."""

    problem: Problem
    weights: Factors
    samples: int
    objective: list[Tensor] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    size: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._follow(Step.START, lambda t: self.weights, only_end=True)

    def descend(self, method: Method, tol: float) -> None:
        """Step 1: the path goes straight from each iterate to the next."""

        def observe(new: Factors, value: Tensor) -> None:
            old = self.weights
            self._follow(Step.DESCEND, lambda t: tuple(a + t * (b - a) for a, b in zip(old, new, strict=True)))

        minimise(self.problem, self.weights, method, tol=tol, observe=observe)

    def slide(self) -> bool:
        """Step 3: w_i ← (1 + tβ_i)^{1/p} w_i for t from 0 to 1; False when there is no null vector β."""
        start = self.weights
        f0 = self.problem(*start)
        for beta in null_vectors(self.problem, start):
            curve = self._slide_along(beta)
            times = [(j + 1) / (self.samples + 1) for j in range(self.samples + 1)]
            if all(bool(self.problem(*curve(t)) <= f0 * (1 + RISE)) for t in times):
                self._follow(Step.SLIDE, curve)
                return True
        return False

    def _slide_along(self, beta: Tensor) -> Callable[[float], Factors]:
        start = self.weights

        def curve(t: float) -> Factors:
            return self.problem.mapping.scaled(start, (1 + t * beta).clamp(min=0)[None])

        return curve

    def append(self) -> None:
        """Step 4: [W 0]."""
        self.weights = append(self.weights, zeros_like_slice(self.weights))
        self._follow(Step.APPEND, lambda t: self.weights, only_end=True)

    def escape(self, certificate: Certificate) -> bool:
        """Leave a zero subnetwork: f is convex in ε^p along ε·atom, so it falls up to the best scale."""
        lower, zero = certificate.escape_objective, slice_norms(self.weights) == 0
        if bool(lower >= certificate.objective * (1 - RISE)) or not zero.any():
            return False
        start, share = self.weights, torch.ones_like(zero[:, :1], dtype=lower.dtype)
        i = int(zero[0].nonzero()[0, 0])

        def curve(t: float) -> Factors:
            new = tuple(w.clone() for w in start)
            for w, a in zip(new, self.problem.mapping.scaled(certificate.escape, t * share), strict=True):
                w[:, i] = a[:, 0]
            return new

        self._follow(Step.ESCAPE, curve)
        return True

    def path(self, certificate: Certificate, status: Status) -> DescentPath:
        objective = torch.cat(self.objective)
        return DescentPath(objective, tuple(self.steps), tuple(self.size), self.weights, certificate, status)

    def _follow(self, step: Step, curve: Callable[[float], Factors], only_end: bool = False) -> None:
        count = 1 if only_end else self.samples + 1
        for j in range(count):
            self.weights = curve((j + 1) / count)
            self.objective.append(self.problem(*self.weights).detach())
            self.steps.append(step)
            self.size.append(self.weights[0].shape[1])


def null_vectors(problem: Problem, W: Factors) -> list[Tensor]:
    """β ``(r,)`` with Σβ_iφ(w_i) = 0, min β = −1 and Σβ_iθ(w_i) ≤ 0, for one run; gentlest (least max β) first.

    From the singular vectors of the card(X) × r matrix of vec φ(w_i) with singular values ≤ NULL · σ₁.
    """
    columns = problem.mapping.phi(*W)[0].flatten(1).T
    theta = problem.regularizer.theta(*W)[0]
    r = columns.shape[1]
    if columns.shape[0] > r:
        columns = torch.linalg.qr(columns, mode="r").R
    _, s, Vh = torch.linalg.svd(columns, full_matrices=True)
    rank = int((s > NULL * s[0]).sum()) if len(s) and s[0] > 0 else 0
    found = []
    for beta in Vh[rank:]:
        tilt = float(beta @ theta)
        for signed in (beta, -beta):
            falls = float(signed @ theta) <= 0 or abs(tilt) <= NULL * float(beta.abs() @ theta)
            if falls and float(signed.min()) < 0:
                found.append(signed / -signed.min())
    return sorted(found, key=lambda b: float(b.max()))
