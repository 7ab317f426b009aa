"""Theorem 2's meta-algorithm as printed: descend, slide along a null vector, append a zero subnetwork, repeat."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch

from ..certificate import Certificate, Verdict, certify, same_in_units
from ..descent import MOST_POINTS, Method, NewtonCG, Stop
from ..effort import Clock, Effort
from ..factors import Factors, has_zero_slice
from ..losses import SampleLoss
from ..polar import Oracle, Polar
from ..polar.in_units import twin_oracle
from ..problem import Problem, check_problem
from ..settings import fits, instance, number, whole
from ..sliding_frank_wolfe import ascent
from ..sliding_frank_wolfe.budget import KEPT, UNKNOWN
from ..sliding_frank_wolfe.local import Local, built
from ..sliding_frank_wolfe.look import enough, look
from ..sliding_frank_wolfe.solve import PATIENT
from ..status import Status
from ..twin import Twin, far_twin, twin
from .path import DescentPath
from .trail import Trail

MEMORY = 6
"""Copies of the weights that a descent keeps: the point, its gradient, a direction, a trial, and two of the path."""

COARSE, FINE = 1e-3, 1e-2
"""Descent starts at gradient tolerance COARSE. The gap is first order in the gradient: while it exceeds the tolerance
by 1/FINE it is not the descent's fault, and a size is left for the next; else the tolerance is multiplied by FINE."""


def meta_algorithm(
    problem: Problem,
    W: Factors | None = None,
    *,
    r: int | None = None,
    seed: int = 0,
    method: Method | None = None,
    local: Callable[[Problem], Local] | None = None,
    polar: Polar | None = None,
    effort: Effort | None = None,
    time_limit: float | None = None,
    tol: float = 1e-8,
    max_rounds: int = 1000,
    samples: int = 4,
) -> DescentPath:
    """Theorem 2's construction from W (one run) or from a random start of r subnetworks (default 1).

    On the way an ascent of the polar shows how to leave zero; once its atoms leave no gap above ``tol``, or none lowers
    f, a proof is tried, of at most ``effort``, which ends where it finds a way on. Ends with GLOBAL when the certified
    relative gap is at most ``tol``, with TIME after ``time_limit`` seconds, some of them kept for the last proof, on
    Ctrl-C with INTERRUPTED and the path so far. Every piece of the path is
    looked at in ``samples`` points between its ends. With ``local`` (``local_of``: on faces, kinks included) its steps
    are followed, and ``method`` descends where f rises on the way between two of them; without it a descent may end
    beside a kink (NO_ESCAPE). ``ValueError`` for several runs, r < 1, an infinite start, or unequal degrees.
    """
    W = _start(problem, W, r, seed)
    whole("samples", samples, most=MOST_POINTS)
    whole("max_rounds", max_rounds, 1)
    number("tol", tol)
    method = instance("method", NewtonCG() if method is None else method, Method, "pass LBFGS(), NewtonCG() or so.")
    if time_limit is not None:
        number("time_limit", time_limit, positive=False)
    method = replace(method, interior=samples)
    clock = Effort(seconds=time_limit).started("meta-algorithm")
    same = _in_units(problem)
    oracle = twin_oracle(same, polar, effort)
    effort = None if effort is None else effort.scaled(1 / same.lam)
    trail = Trail(same.problem, same.inside(W), samples)
    faces = None if local is None else built(local, same.problem)
    prover = _Prover(trail, oracle, effort, clock, tol)
    certificate, status = None, Status.TIME
    with clock.interruptible():
        certificate, status = _walk(trail, faces, method, prover, max_rounds)
    if clock.interrupted or certificate is None:
        trail.settle()
    if certificate is None:
        certificate = prover.last()
    return _outside(same, trail.path(certificate, Status.INTERRUPTED if clock.interrupted else status))


def _in_units(problem: Problem) -> Twin:
    """The problem in units of its data where those are far, or a free output bias takes up an offset of the targets.

    f at the offset is a sum of large terms that cancel: a path could not tell a fall from rounding there.
    """
    loss = problem.loss
    free = isinstance(loss, SampleLoss) and loss.output_bias == 0
    return twin(problem) if free else far_twin(problem)


def _outside(same: Twin, path: DescentPath) -> DescentPath:
    certificate = same_in_units(same, path.certificate)
    return replace(
        path, objective=path.objective * same.value, weights=same.outside(path.weights), certificate=certificate
    )


@dataclass(eq=False)
class _Prover:
    """The certificates of the present weights, within ``effort`` and the time that is left."""

    trail: Trail
    polar: Oracle
    effort: Effort | None
    clock: Clock
    tol: float
    seconds: float = 0.0
    """Of the longest proof that was not cut short."""

    def late(self) -> bool:
        """Whether what is left of the time is needed for the last proof."""
        limit = self.clock.effort.seconds
        return self.clock.over or (limit is not None and self.clock.left <= (self.seconds or UNKNOWN * limit))

    def on_the_way(self) -> Certificate:
        """A proof that ends where a subnetwork shows that ``tol`` cannot be proved: it leads on."""
        began, left, goal = self.clock.spent, self.clock.left, self._goal()
        certificate = self._certified(replace(self._patient(goal), enough=goal), KEPT * left)
        if goal is None or not float(certificate.polar_lower[0]) * self.trail.problem.lam > goal:
            self.seconds = max(self.seconds, min(self.clock.spent - began, KEPT * left))
        return certificate

    def last(self) -> Certificate:
        """A proof of what can be proved, or of ``tol`` where time is limited."""
        return self._certified(self._patient(self._goal()), self.clock.left)

    def _patient(self, goal: float | None) -> Effort:
        """As many cells as there is time for, if it is limited, until ``tol`` is proved."""
        if self.clock.effort.seconds is None:
            return Effort()
        return Effort(target=goal, nodes=(self.effort or Effort()).otherwise(PATIENT).nodes)

    def closed(self, certificate: Certificate) -> bool:
        return certificate.verdict(self.tol) == (Verdict.CERTIFIED,)

    def _goal(self) -> float | None:
        """The largest polar that proves ``tol``."""
        problem = self.trail.problem
        value, Q = look(problem, self.trail.weights)
        goal = enough(problem, value, Q, self.tol * abs(value))
        return None if goal is None else problem.lam * goal

    def _certified(self, limits: Effort, seconds: float) -> Certificate:
        if math.isfinite(seconds):
            own = math.inf if self.effort is None or self.effort.seconds is None else self.effort.seconds
            limits = replace(limits, seconds=min(seconds, own))
        return certify(self.trail.problem, self.trail.weights, self.polar.spending(limits))


def _walk(
    trail: Trail, faces: Local | None, method: Method, prover: _Prover, max_rounds: int
) -> tuple[Certificate, Status]:
    """The rounds: the certificate of the last weights, and why they ended."""
    problem, tol, accuracy, to_the_end = trail.problem, prover.tol, COARSE, False
    for count in range(max_rounds):
        prover.clock.say(
            lambda k=count: f"round {k}, {trail.size[-1]} subnetworks, objective {float(trail.objective[-1]):.10g}"
        )
        if _descend(trail, faces, method, accuracy, prover.late, 0.0 if to_the_end else accuracy):
            accuracy = FINE * tol
        if prover.late():
            return _ended(prover, Status.TIME)
        gap, way = ascent(problem, trail.weights, prover.polar)
        certificate = None
        if not gap > tol:
            certificate = prover.on_the_way()
            if prover.closed(certificate):
                return certificate, Status.GLOBAL
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
        certificate = prover.on_the_way() if certificate is None else certificate
        if prover.closed(certificate):
            return certificate, Status.GLOBAL
        if trail.escape(certificate.escape):
            continue
        if accuracy <= FINE * tol:
            if to_the_end:
                return _ended(prover, Status.NO_ESCAPE)
            to_the_end = True  # a slow descent was ended for an escape, and there is none
            continue
        accuracy = max(FINE * accuracy, FINE * tol)
    return prover.last(), Status.STEPS


def _ended(prover: _Prover, status: Status) -> tuple[Certificate, Status]:
    certificate = prover.last()
    return certificate, Status.GLOBAL if prover.closed(certificate) else status


def _start(problem: Problem, W: Factors | None, r: int | None, seed: int) -> Factors:
    check_problem(problem).check_balanced()
    if W is not None and r is not None:
        raise ValueError(f"r = {r} is the size of a random start, but a start W is given: pass one of the two.")
    if W is None:
        r = 1 if r is None else whole("r", r, 1)
        fits(f"a path of r = {r} subnetworks", r * (problem.card + MEMORY * problem.size), "start from a smaller r.")
        W = problem.random(1, r, seed=seed)
    problem.check(W)
    if W[0].shape[0] != 1:
        raise ValueError(f"meta_algorithm follows one path but W holds {W[0].shape[0]} runs: pass one run, w[:1].")
    if not torch.isfinite(problem(*W)).all():
        raise ValueError("f is not finite at the start: Theorem 2 starts from finite objectives only.")
    return W


def _descend(trail: Trail, faces: Local | None, method: Method, accuracy: float, stop: Stop, gain: float) -> bool:
    """Step 1; whether it came to the end of the descent on faces, so that there is nothing to refine."""
    if faces is not None and trail.follow(faces, stop):
        return True
    trail.descend(method, accuracy, stop, gain)
    return False
