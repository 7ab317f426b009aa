"""Batched local descent: all runs at once, each with its own end; finished runs are left out and stop costing."""

from dataclasses import dataclass

import torch
from torch import Tensor

from ..effort import Effort, OutOfTimeError, over
from ..factors import Factors, flatten
from ..problem import Problem, check_problem
from ..settings import function, instance, number, whole
from ..status import Status
from ..twin import Twin, far_twin
from .lbfgs import LBFGS
from .methods import Memory, Method, Stop, never
from .point import Objective, Observer, Point

PATIENCE = 50
"""A run has stalled when in so many steps f has not fallen by more than rounding, nor the gradient by a tenth."""

LAST = 3
"""A step is begun while there is time for so many evaluations: those of a short step, and of what is returned."""


@dataclass(frozen=True, eq=False)
class Descent:
    """Where every run ended; all but ``status`` are recomputed from the returned weights, each ``(n,)``."""

    weights: Factors
    objective: Tensor
    gradient_norm: Tensor
    alignment: Tensor
    steps: Tensor
    status: tuple[Status, ...]


def minimise(
    problem: Problem,
    W: Factors,
    method: Method | None = None,
    *,
    tol: float = 1e-9,
    max_steps: int = 2000,
    observe: Observer | None = None,
    stop: Stop = never,
    time_limit: float | None = None,
) -> Descent:
    """Local descent on f_r (step 1 of Theorem 2's meta-algorithm) from W, ``(n, r, *D_k)`` each; L-BFGS by default.

    A run ends when ‖∇f_r‖ ≤ tol · f^{1−1/p} λ^{1/p} (no units) and the method sees no negative curvature, if it looks;
    all end with TIME after ``time_limit`` seconds or where ``stop()``, asked before every step, is true, and on Ctrl-C
    with INTERRUPTED.
    Where the data have far other units than 1, all is done in theirs (``twin``). ``ValueError`` on misshapen weights,
    on numbers beyond float64, and when the method cannot respect a cone.
    """
    check_problem(problem).check(W)
    method = LBFGS() if method is None else instance("method", method, Method, "pass LBFGS(), NewtonCG() or the like.")
    number("tol", tol)
    whole("max_steps", max_steps)
    function("stop", stop, "pass a function without arguments that says whether to end.")
    if time_limit is not None:
        number("time_limit", time_limit, positive=False)
    if observe is not None:
        function("observe", observe, "pass a function of the weights and their objective, or none.")
    if problem.regularizer.constrained and not method.handles_cones:
        raise ValueError(f"{type(method).__name__} ignores the cone of the regularizer: use GradientDescent().")
    clock = Effort(seconds=time_limit).started("minimise")
    same = far_twin(problem)
    f, seen = Objective(same.problem, W), observe and _outside(same, observe)
    began = clock.spent
    point = f.at(f.project(flatten(same.inside(tuple(w.detach() for w in W)))))
    kept = LAST * (clock.spent - began)
    runs = _Runs.start(f, method, point)
    with clock.interruptible():
        try:
            _go(runs, tol, max_steps, seen, lambda: over() or clock.left < kept or stop())
        except OutOfTimeError:
            runs.cut(Status.TIME)
    if clock.interrupted:
        runs.cut(Status.INTERRUPTED)
    final = runs.ended()
    weights, end = f.weights(final.x), f.at(final.x)
    with torch.no_grad():
        alignment = same.problem.alignment(*weights) * same.value
    size = f.stationarity(end) * (same.value / same.weight)
    return Descent(same.outside(weights), end.value * same.value, size, alignment, runs.steps, tuple(runs.status))


def _outside(same: Twin, observe: Observer) -> Observer:
    """The observer, told weights and objectives in the problem's units."""
    return lambda W, value: observe(same.outside(W), value * same.value)


def _go(runs: "_Runs", tol: float, max_steps: int, observe: Observer | None, stop: Stop) -> None:
    """Step until every run has ended, or the steps have."""
    f = runs.f
    for count in range(max_steps + 1):
        small = f.stationarity(runs.point) <= tol * f.problem.gradient_scale(runs.point.value)
        if small.any():
            runs.end(small)
            if observe is not None and len(runs.active):
                observe(f.weights(runs.point.x), runs.point.value)
        if not len(runs.active) or count == max_steps:
            break
        if stop():
            runs.retire(torch.ones_like(runs.active, dtype=torch.bool), Status.TIME)
            break
        runs.step()
        if observe is not None:
            observe(f.weights(runs.point.x), runs.point.value)
        if not over():  # a step that was cut short is none that failed
            runs.leave_stalled()


@dataclass(eq=False)
class _Runs:
    """The runs that go on (``point``, ``memory``, their indices ``active``), and where all of them ended or are.

    ``going`` holds point and indices, replaced in one assignment: sound wherever Ctrl-C comes.
    """

    f: Objective
    method: Method
    going: tuple[Point, Tensor]
    memory: Memory
    final: Point
    status: list[Status]
    steps: Tensor
    lowest: Tensor
    smallest: Tensor
    idle: Tensor
    moved: Tensor

    @classmethod
    def start(cls, f: Objective, method: Method, point: Point) -> "_Runs":
        """All runs; those that are not finite end at once."""
        n = len(point.value)
        runs = cls(
            f=f,
            method=method,
            going=(point, torch.arange(n, device=point.x.device)),
            memory=method.start(point),
            final=Point(*(a.clone() for a in point)),
            status=[Status.STEPS] * n,
            steps=torch.zeros(n, dtype=torch.int64, device="cpu"),
            lowest=point.value.clone(),
            smallest=f.stationarity(point),
            idle=torch.zeros(n, dtype=torch.int64, device=point.x.device),
            moved=torch.ones(n, dtype=torch.bool, device=point.x.device),
        )
        runs.retire(~(torch.isfinite(point.value) & torch.isfinite(point.gradient).all(1)), Status.NONFINITE)
        return runs

    @property
    def point(self) -> Point:
        return self.going[0]

    @property
    def active(self) -> Tensor:
        return self.going[1]

    def step(self) -> None:
        point, self.memory, self.moved = self.method.step(self.f, self.point, self.memory)
        self.going = point, self.active
        self.steps[self.active.cpu()] += 1

    def leave_stalled(self) -> None:
        """Retire the runs that did not move, or have made no progress in PATIENCE steps."""
        active, value, size = self.active, self.point.value, self.f.stationarity(self.point)
        progress = value < self.lowest[active] - self.f.noise * self.lowest[active].abs()
        progress |= size < 0.9 * self.smallest[active]
        self.lowest[active] = torch.where(progress, value, self.lowest[active])
        self.smallest[active] = torch.where(progress, size, self.smallest[active])
        self.idle[active] = torch.where(progress, 0, self.idle[active] + 1)
        self.retire(~self.moved | (self.idle[active] >= PATIENCE), Status.STALLED)

    def end(self, small: Tensor) -> None:
        """Retire the stationary runs that have no way down; move the others along negative curvature."""
        runs = small.nonzero()[:, 0]
        found = self.method.leave(self.f, self.point.take(runs))
        if found is None:
            return self.retire(small, Status.STATIONARY)
        lower, left = found
        self.going = Point(*(a.index_copy(0, runs, b) for a, b in zip(self.point, lower, strict=True))), self.active
        restart = torch.zeros_like(small)
        restart[runs[left]] = True
        self.memory = tuple(
            torch.where(restart.reshape(-1, *[1] * (b.dim() - 1)), a, b)
            for a, b in zip(self.method.start(self.point), self.memory, strict=True)
        )
        return self.retire(small & ~restart, Status.SECOND_ORDER)

    def retire(self, ends: Tensor, how: Status) -> None:
        """Record the runs that end, and go on with the rest."""
        if not bool(ends.any()):
            return
        gone = self.active[ends]
        for a, b in zip(self.final, self.point, strict=True):
            a[gone] = b[ends]
        for i in gone.tolist():
            self.status[i] = how
        self.going = self.point.take(~ends), self.active[~ends]
        self.memory = tuple(m[~ends] for m in self.memory)

    def cut(self, how: Status) -> None:
        """The runs that went on end where they are."""
        for i in self.active.tolist():
            self.status[i] = how

    def ended(self) -> Point:
        """Where every run ended, or is."""
        for a, b in zip(self.final, self.point, strict=True):
            a[self.active] = b
        return self.final
