"""Theorem 2's meta-algorithm as printed: descend, slide along a null vector, append a zero subnetwork, repeat."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import Enum

import torch
from torch import Tensor

from .certificate import Certificate, Verdict, certify
from .descent import Method, NewtonCG, Stop, largest_rise, minimise
from .descent.null_space import null_vectors
from .descent.scales import best_scales
from .effort import Clock, Effort
from .factors import Factors, append, has_zero_slice, slice_norms, zeros_like_slice
from .polar import Oracle, Polar, oracle_of
from .problem import Problem, check_problem
from .settings import instance, number, whole
from .sliding_frank_wolfe import ascent
from .status import Status

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
        return largest_rise(self.objective)


def meta_algorithm(
    problem: Problem,
    W: Factors | None = None,
    *,
    r: int | None = None,
    seed: int = 0,
    method: Method | None = None,
    polar: Polar | None = None,
    effort: Effort | None = None,
    time_limit: float | None = None,
    tol: float = 1e-8,
    max_rounds: int = 1000,
    samples: int = 4,
) -> DescentPath:
    """Theorem 2's construction from W (one run) or from a random start of r subnetworks (default 1).

    On the way an ascent of the polar shows how to leave zero; once its atoms leave no gap above ``tol``, or none lowers
    f, a proof is tried, of at most ``effort``. Ends with GLOBAL when the certified relative gap is at most
    ``tol``, with TIME after ``time_limit`` seconds. Every piece of the path is looked at in ``samples`` points between
    its ends. ``ValueError`` for several runs, r < 1, an infinite start, or unequal degrees.
    """
    W = _start(problem, W, r, seed)
    whole("samples", samples)
    whole("max_rounds", max_rounds, 1)
    number("tol", tol)
    method = NewtonCG() if method is None else instance("method", method, Method, "pass LBFGS(), NewtonCG() or so.")
    method = replace(method, interior=samples)
    clock = Effort(seconds=time_limit).started("meta-algorithm")
    polar = oracle_of(problem, polar, effort)
    trail, accuracy = _Trail(problem, W, samples), COARSE
    for _ in range(max_rounds):
        trail.descend(method, accuracy, lambda: clock.over)
        if clock.over:
            return trail.path(_proof(trail, polar, effort, clock), Status.TIME)
        gap, way = ascent(problem, trail.weights, polar)
        certificate = None
        if not gap > tol:
            certificate = _proof(trail, polar, effort, clock)
            if _within(certificate, tol):
                return trail.path(certificate, Status.GLOBAL)
            gap, way = float(certificate.relative_gap[0]), certificate.escape
        if accuracy > FINE * tol and not gap > accuracy / FINE:
            accuracy = max(FINE * accuracy, FINE * tol)
            continue
        if not has_zero_slice(trail.weights).item():
            certificate = None  # its atom is as good as before: neither step changes Φ
            if not trail.slide():
                trail.append()
        if trail.escape(way):
            continue
        certificate = _proof(trail, polar, effort, clock) if certificate is None else certificate
        if _within(certificate, tol):
            return trail.path(certificate, Status.GLOBAL)
        if trail.escape(certificate.escape):
            continue
        if accuracy <= FINE * tol:
            return trail.path(certificate, Status.NO_ESCAPE)
        accuracy = max(FINE * accuracy, FINE * tol)
    return trail.path(_proof(trail, polar, effort, clock), Status.STEPS)


def _start(problem: Problem, W: Factors | None, r: int | None, seed: int) -> Factors:
    check_problem(problem).check_balanced()
    if W is not None and r is not None:
        raise ValueError(f"r = {r} is the size of a random start, but a start W is given: pass one of the two.")
    if W is None:
        W = problem.random(1, 1 if r is None else whole("r", r, 1), seed=seed)
    problem.check(W)
    if W[0].shape[0] != 1:
        raise ValueError(f"meta_algorithm follows one path but W holds {W[0].shape[0]} runs: pass one run, w[:1].")
    if not torch.isfinite(problem(*W)).all():
        raise ValueError("f is not finite at the start: Theorem 2 starts from finite objectives only.")
    return W


def _proof(trail: "_Trail", polar: Oracle, effort: Effort | None, clock: Clock) -> Certificate:
    """The certificate of the present weights, within ``effort`` and the time that is left."""
    if math.isinf(clock.left):
        return certify(trail.problem, trail.weights, polar)
    known = math.inf if effort is None or effort.seconds is None else effort.seconds
    return certify(trail.problem, trail.weights, polar.spending(Effort(seconds=min(clock.left, known))))


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

    def descend(self, method: Method, tol: float, stop: Stop) -> None:
        """Step 1: the path goes straight from each iterate to the next."""

        def observe(new: Factors, value: Tensor) -> None:
            old = self.weights
            self._follow(Step.DESCEND, lambda t: tuple(a + t * (b - a) for a, b in zip(old, new, strict=True)))

        minimise(self.problem, self.weights, method, tol=tol, observe=observe, stop=stop)
        self._rescale(stop)

    def _rescale(self, stop: Stop) -> None:
        """To the best scales: f is convex in those of φ and least there, so it falls all the way, at kinks too."""
        start, scaled = self.weights, self.problem.mapping.scaled
        with torch.no_grad():
            D = self.problem.mapping.phi(*start)[0].cpu().numpy()
            cost = self.problem.lam * self.problem.regularizer.theta(*start)[0].cpu().numpy()
        s = torch.from_numpy(best_scales(self.problem.array_loss, D, cost, stop=stop)).to(start[0])
        before, after = (self.problem(*scaled(start, t[None])) for t in (torch.ones_like(s), s))
        if bool(after < before * (1 - RISE)):
            self._follow(Step.DESCEND, lambda t: scaled(start, (1 + t * (s - 1)).clamp(min=0)[None]))

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

    def escape(self, atom: Factors) -> bool:
        """Leave a zero subnetwork towards an atom at its best scale: f is convex in ε^p along ε·atom, so it falls."""
        before, after = self.problem(*self.weights), self.problem(*append(self.weights, atom))
        zero = slice_norms(self.weights) == 0
        if bool(after >= before * (1 - RISE)) or not zero.any():
            return False
        start, share = self.weights, torch.ones_like(zero[:, :1], dtype=before.dtype)
        i = int(zero[0].nonzero()[0, 0])

        def curve(t: float) -> Factors:
            new = tuple(w.clone() for w in start)
            for w, a in zip(new, self.problem.mapping.scaled(atom, t * share), strict=True):
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
