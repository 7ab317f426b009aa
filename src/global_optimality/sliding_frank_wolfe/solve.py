"""Sliding Frank–Wolfe (Denoyelle et al. 2019) with certificates: polar, correct, slide, merge, certify."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch

from ..certificate import Certificate, certify
from ..effort import Effort
from ..factors import Factors, append
from ..losses.base import column
from ..polar import Oracle, Polar, oracle_of
from ..problem import Problem
from ..status import Status
from .local import WORTH, Local, best_value, local_of
from .solution import Round, Solution

ATOMS = 24
"""Ascents of the polar in one round; the best few of their starts and ends enter."""

PATIENCE = 3
"""Rounds in a row in which f falls by at most LEAST · f before the solver says that it cannot go on."""

LEAST = 1e-14


def solve(
    problem: Problem,
    *,
    tol: float = 1e-8,
    time_limit: float | None = None,
    start: Factors | None = None,
    seed: int = 0,
    device: torch.device | None = None,
    polar: Polar | None = None,
    effort: Effort | None = None,
    max_rounds: int = 1000,
) -> Solution:
    """A network that is globally optimal over all sizes to relative gap ``tol``, with its certificate.

    From ``start`` (one run), else from a network of a fixed dictionary (ReLU layers of few features) or the zero one.
    Each round asks the polar for subnetworks that lower f, gives them their best scales, then descends in all weights
    at once, kinks included; f never rises beyond rounding. Nothing here is random: ``seed`` is accepted for callers
    that pass one to every solver. ``time_limit`` (seconds) ends the descent; the certificate is computed all the same.
    Each call of the polar costs at most ``effort``.
    ``ValueError`` for float32, a mismatched problem or a start of several runs; ``LookupError`` when no polar is known.
    """
    if device is not None:
        problem = problem.to(device)
        start = None if start is None else tuple(w.to(device) for w in start)
    W = _start(problem, start)
    if not tol > 0:
        raise ValueError(f"tol = {tol}: the tolerance on the relative gap must be positive.")
    polar = oracle_of(problem, polar, effort)
    run = _Run(problem, polar, local_of(problem), tol, time_limit, W)
    try:
        status = run.rounds(max_rounds)
    except KeyboardInterrupt:
        status = Status.INTERRUPTED
    return run.solution(status)


def solve_path(problem: Problem, lams: Sequence[float], *, polar: Polar | None = None, **options) -> list[Solution]:
    """``solve`` for every λ, from the largest down, each started from the one before; in the order of ``lams``.

    ``options`` are those of ``solve``; the polar does not depend on λ and is built once.
    """
    polar = oracle_of(problem, polar)
    solutions: dict[float, Solution] = {}
    start = options.pop("start", None)
    for lam in sorted({float(lam) for lam in lams}, reverse=True):
        solutions[lam] = solve(replace(problem, lam=lam), polar=polar, start=start, **options)
        start = solutions[lam].weights
    return [solutions[float(lam)] for lam in lams]


def _start(problem: Problem, start: Factors | None) -> Factors:
    Y = problem.loss.Y
    if Y.dtype != torch.float64:
        raise ValueError(
            f"the data are {Y.dtype}: nothing is certified from less than float64, convert with .double()."
        )
    if start is None:
        return tuple(
            torch.zeros(1, 1, *shape, dtype=Y.dtype, device=Y.device) for shape in problem.mapping.factor_shapes
        )
    problem.check(start)
    if start[0].shape[0] != 1:
        raise ValueError(f"solve follows one network but start holds {start[0].shape[0]} runs: pass one run, w[:1].")
    if not bool(torch.isfinite(problem(*start)).all()):
        raise ValueError("f is not finite at the start: pass finite weights, or none.")
    return tuple(w.detach() for w in start)


@dataclass(eq=False)
class _Run:
    """The state of one call: the present weights, and the certified ones with the smallest gap."""

    problem: Problem
    polar: Oracle
    local: Local
    tol: float
    time_limit: float | None
    W: Factors

    def __post_init__(self) -> None:
        self.began = time.monotonic()
        self.history: list[Round] = []
        self.best: tuple[Factors, Certificate] | None = None
        self.certified = False

    def seconds(self) -> float:
        return time.monotonic() - self.began

    def late(self) -> bool:
        return self.time_limit is not None and self.seconds() > self.time_limit

    def rounds(self, max_rounds: int) -> Status:
        if not bool(self.problem.regularizer.theta(*self.W).any()):
            self.W = self.local.first(self.W, self.late)
        patience = PATIENCE
        for _ in range(max_rounds):
            if self.late():
                return Status.TIME
            value, Q = self.look()
            atoms = self.ascend(Q)
            excess = best_value(self.problem, Q, atoms)
            gap = self.least_gap(value, Q, excess) if patience == PATIENCE else 0.0
            if gap > self.tol * abs(value):
                self.record(value, -torch.inf, excess)
            else:
                certificate = self.certify()
                if float(certificate.relative_gap[0]) <= self.tol:
                    return Status.GLOBAL
                if self.late():
                    return Status.TIME
                atoms = append(self.atoms(Q), certificate.escape)
            self.W, self.certified = self.local(self.W, atoms, self.late), False
            fell = self.look()[0] < value - LEAST * abs(value)
            patience = PATIENCE if fell else patience - 1
            if not patience:
                return Status.NO_ESCAPE
        return Status.ROUNDS

    @torch.no_grad()
    def look(self) -> tuple[float, torch.Tensor]:
        """f and −∇ℓ, projected, at the present weights."""
        loss, X = self.problem.loss, self.problem.mapping.Phi(*self.W)
        value = loss(X) + self.problem.lam * self.problem.regularizer.Theta(*self.W)
        return float(value[0]), -loss.project(loss.gradient(X))

    def ascend(self, Q: torch.Tensor) -> Factors:
        return self.polar.ascend(Q, self.W, ATOMS, self.problem.lam * (1 + WORTH))

    def atoms(self, Q: torch.Tensor) -> Factors:
        return self.polar.atoms(Q, ATOMS, self.problem.lam * (1 + WORTH))

    def least_gap(self, value: float, Q: torch.Tensor, excess: float) -> float:
        """The gap if the best atom attained Ω°: an upper bound of Ω° can only prove a larger one.

        Not positive where that contradicts itself: the atoms are then far from the best.
        """
        loss = self.problem.loss
        scale = loss.dual_scale(-Q, Q.new_tensor([1 / excess if excess > 0 else torch.inf]))
        gap = value + float(loss.conjugate(-column(scale, Q) * Q))
        return gap if math.isfinite(gap) else 0.0

    def certify(self) -> Certificate:
        """The certificate of the present weights; the pair with the smallest gap is kept."""
        certificate = certify(self.problem, self.W, self.polar)
        self.certified = True
        self.record(float(certificate.objective[0]), float(certificate.lower_bound[0]), float(certificate.polar[0]))
        if self.best is None or bool(certificate.gap[0] < self.best[1].gap[0]):
            self.best = self.W, certificate
        return certificate

    def record(self, objective: float, bound: float, polar: float) -> None:
        best = max(bound, self.history[-1].best_bound) if self.history else bound
        self.history.append(Round(objective, bound, best, self.W[0].shape[1], polar, self.seconds()))

    def solution(self, status: Status) -> Solution:
        if not self.certified:
            self.certify()
        assert self.best is not None
        W, certificate = self.best
        if float(certificate.relative_gap[0]) <= self.tol:
            status = Status.GLOBAL
        return Solution(self.problem, W, certificate, tuple(self.history), status)
