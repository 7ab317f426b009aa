"""Sliding Frank–Wolfe (Denoyelle et al. 2019) with certificates: polar, correct, slide, merge, certify."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from ..certificate import Certificate, certify_twin, same_in_units, with_dual
from ..effort import MEMORY, Clock, Effort, check_effort, room
from ..factors import Factors, check_factors
from ..polar import Oracle, Polar
from ..polar.in_units import twin_oracle
from ..problem import Problem, check_problem
from ..settings import number, whole
from ..status import Status
from ..streams import checked_seed
from ..twin import Twin, twin
from .budget import KEPT, Budget, check_memory
from .local import Local, built, local_of
from .look import best_value, enough, least_gap, look
from .solution import Round, Solution
from .start import first_weights

PATIENT = Effort(nodes=4_000_000)
"""Of one proof, unless told otherwise, where time is limited and left, and no search finds a better network."""

LEAST = 1e-14
"""f falls if it falls by more than this share of itself."""

SHARE, ASCENTS = 0.9, 0.3
"""A proof may take SHARE of the time that is left, as it ends where a better subnetwork is found; ascents of the polar,
before a descent, ASCENTS of what is left for both."""


def solve(
    problem: Problem,
    *,
    tol: float = 1e-8,
    time_limit: float | None = None,
    memory_limit: float = MEMORY,
    start: Factors | None = None,
    seed: int = 0,
    device: torch.device | None = None,
    polar: Polar | None = None,
    effort: Effort | None = None,
    max_rounds: int = 1000,
    local: Callable[[Problem], Local] | None = None,
) -> Solution:
    """A network that is globally optimal over all sizes to relative gap ``tol``, with its certificate.

    From ``start`` (one run), else from a network of a fixed dictionary (ReLU layers of few features) or the zero one.
    Each round asks the polar for subnetworks that lower f, gives them their best scales, then descends in all weights
    at once, kinks included (``local``: another descent); f never rises. Where none of that lowers it, random networks
    of ``seed`` are tried. The best dual point of all rounds counts. ``time_limit`` (seconds) holds for all, the proof
    too, which is then as close as ``tol`` needs; each polar costs at most ``effort``.
    Arrays of a step stay within ``memory_limit`` (bytes; 1 MiB is always allowed). ``ValueError`` for float32, a
    mismatched problem, a start of several runs, numbers beyond float64; ``LookupError`` when no polar is known.
    """
    check_problem(problem)
    number("tol", tol)
    whole("max_rounds", max_rounds)
    if time_limit is not None:
        number("time_limit", time_limit, positive=False)
    number("memory_limit", memory_limit)
    check_effort(effort)
    clock = Effort(seconds=time_limit, memory=memory_limit).started("solve")
    checked_seed(seed)
    check_memory(problem, memory_limit)
    if device is not None:
        if start is not None:
            check_factors(start, problem.mapping.factor_shapes)
        problem = problem.to(device)
        start = None if start is None else tuple(w.to(device) for w in start)
    with clock.running():
        W, memory = first_weights(problem, start), room()
    problem.check_balanced()
    same = twin(problem)
    step = local_of(same.problem, memory) if local is None else built(local, same.problem)
    effort = (Effort() if effort is None else effort).otherwise(Effort(memory=memory))
    run = _Run(same, twin_oracle(same, polar, effort), effort, step, tol, Budget(clock), seed, same.inside(W))
    with clock.interruptible():
        status = Status.TIME
        status = run.rounds(max_rounds)
    with Effort(memory=memory).started().running():
        return run.solution(problem, Status.INTERRUPTED if clock.interrupted else status)


@dataclass(eq=False)
class _Run:
    """The state of one call, in units of the data: the present weights, and the best ones that were certified."""

    twin: Twin
    polar: Oracle
    effort: Effort
    local: Local
    tol: float
    budget: Budget
    seed: int
    W: Factors
    history: list[Round] = field(default_factory=list)
    best: tuple[Factors, Certificate] | None = None
    last: Certificate | None = None
    """Of the present weights, if there is one; ``whole`` unless a better subnetwork ended it."""
    whole: bool = False
    dual: tuple[Tensor, Tensor] | None = None
    """The best dual point so far and its bound: it holds for every network."""
    patient: bool = False
    """Whether a proof may take all the time."""

    @property
    def problem(self) -> Problem:
        return self.twin.problem

    @property
    def clock(self) -> Clock:
        return self.budget.clock

    def rounds(self, max_rounds: int) -> Status:
        self.foresee()
        if not bool(self.problem.regularizer.theta(*self.W).any()):
            self.W = self.budget.in_time(self.local.first, self.W, self.budget.late) or self.W
        patience = self.local.patience
        for count in range(max_rounds):
            if self.budget.late():
                return Status.TIME
            with self.budget.measuring("evaluation"):
                value, Q = look(self.problem, self.W)
            self.clock.say(lambda k=count, f=value * self.twin.value: f"round {k}, objective {f:.10g}")
            with self.budget.measuring("ascent"):
                atoms = self.budget.in_time(self.local.atoms, self.polar, Q, self.W, share=ASCENTS)
            if atoms is None or self.budget.late():
                return Status.TIME
            excess = best_value(self.problem, Q, atoms)
            fell = patience == self.local.patience and not self.local.proves
            with self.budget.measuring("scaling"):
                gap = least_gap(self.problem, value, Q, excess) if fell else 0.0
            if gap > self.tol * abs(value):
                self.record(value, -torch.inf, excess)
            else:
                certificate = self.last or self.certify()
                if bool(certificate.within(self.tol)[0]):
                    return Status.GLOBAL
                if self.budget.late():
                    return Status.TIME
                escape = certificate.escape
                atoms = self.budget.in_time(self.local.proved, self.polar, Q, escape) or escape
            if self.moved(self.budget.in_time(self.local, self.W, atoms, self.budget.late), value):
                patience = self.local.patience
                continue
            patience -= 1
            if not patience:
                found = self.budget.in_time(self.local.elsewhere, self.W, self.seed + count, self.budget.late)
                if not self.moved(found, value):
                    if self.patient or math.isinf(self.clock.left):
                        return Status.NO_ESCAPE
                    self.patient, self.last = True, None
                patience = self.local.patience
        return Status.ROUNDS

    def foresee(self) -> None:
        """Where time is limited: how long an evaluation of f and a search for a dual point take, before all else."""
        if math.isinf(self.clock.left):
            return
        with self.budget.measuring("evaluation"):
            value, Q = look(self.problem, self.W)
        with self.budget.measuring("scaling"):
            least_gap(self.problem, value, Q, 1.0)

    def moved(self, W: Factors | None, value: float) -> bool:
        """Go to W if f falls there, or stays and was not certified yet or far less aligned; whether it falls."""
        if W is None:
            return False
        with torch.no_grad():
            new = float(self.problem(*W)[0])
        rounding = LEAST * abs(value)
        fell = new < value - rounding
        if fell or (new <= value + rounding and (self.last is None or self.closer(W, self.last))):
            self.W, self.last = W, None
        return fell

    def closer(self, W: Factors, last: Certificate) -> bool:
        """Whether W is half as misaligned as what was certified: nearer to a stationary point, which f cannot tell."""
        return bool(self.problem.alignment(*W)[0] < last.alignment[0] / 2)

    def certify(self, ends: bool = True) -> Certificate:
        """The certificate of the present weights; kept if f is lower than at those kept, or as low and better proved.

        Where time is limited, the polar is searched until it proves ``tol``; on the way always until a subnetwork shows
        that it cannot (``ends``).
        """
        began, left = self.clock.spent, self.clock.left
        value, Q = look(self.problem, self.W)
        goal = None if self.budget.hurried() else enough(self.problem, value, Q, self.tol * abs(value))
        target = None if goal is None else self.problem.lam * goal
        limits = Effort(enough=target if ends else None)
        if math.isfinite(left):
            seconds = max(0.0, self.clock.left * (SHARE if ends else 1.0) - self.budget.around())
            seconds = seconds if self.effort.seconds is None else min(seconds, self.effort.seconds)
            nodes = self.effort.otherwise(PATIENT).nodes if self.patient else None
            limits = replace(limits, seconds=seconds, target=target, nodes=nodes)
        found = certify_twin(self.problem, self.W, self.polar.spending(limits), self.clock.rest)
        self.whole = limits.enough is None or not bool(found.polar_lower[0] * self.problem.lam > limits.enough)
        if self.whole:
            spent = self.clock.spent - began
            self.budget.proof = max(self.budget.proof, spent if spent < KEPT * left else (1 - SHARE) * left)
        self.record(float(found.objective[0]), float(found.lower_bound[0]), float(found.polar[0]))
        if self.dual is None or bool(found.lower_bound[0] > self.dual[1][0]):
            self.dual = found.dual, found.lower_bound
        self.last = found if float(found.relative_gap[0]) <= self.tol else with_dual(found, *self.dual)
        if self.best is None or _better(self.last, self.best[1]):
            self.best = self.W, self.last
        return self.last

    def record(self, objective: float, bound: float, polar: float) -> None:
        objective, bound = objective * self.twin.value, bound * self.twin.value
        best = max(bound, self.history[-1].best_bound) if self.history else bound
        self.history.append(Round(objective, bound, best, self.W[0].shape[1], polar, self.clock.spent))

    def solution(self, problem: Problem, status: Status) -> Solution:
        proved = self.last is not None and float(self.last.relative_gap[0]) <= self.tol
        if not proved and self.above_zero():
            self.W, self.last = tuple(torch.zeros_like(w[:, :1]) for w in self.W), None
        if self.last is None or not (self.whole or proved):
            self.certify(ends=False)
        assert self.best is not None
        W, certificate = self.best
        if bool(certificate.within(self.tol)[0]):
            status = Status.GLOBAL
        weights = self.twin.outside(W)
        return Solution(problem, weights, same_in_units(self.twin, certificate), tuple(self.history), status)

    @torch.no_grad()
    def above_zero(self) -> bool:
        """Whether f is larger than at the zero network."""
        zero = self.problem.loss(self.W[0].new_zeros(1, *self.problem.mapping.shape))
        return not bool(self.problem(*self.W)[0] <= zero[0])


def _better(new: Certificate, old: Certificate) -> bool:
    f, g = float(new.objective[0]), float(old.objective[0])
    if abs(f - g) <= LEAST * abs(g):
        return bool(new.gap[0] < old.gap[0])
    return f < g
