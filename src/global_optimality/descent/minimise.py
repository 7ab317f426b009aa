"""Batched local descent: all runs at once, each with its own end; finished runs are left out and stop costing."""

from dataclasses import dataclass

import torch
from torch import Tensor

from ..factors import Factors, flatten
from ..problem import Problem
from ..status import Status
from .lbfgs import LBFGS
from .methods import Method
from .point import Objective, Observer, Point

PATIENCE = 50
"""A run has stalled when in so many steps f has not fallen by more than rounding, nor the gradient by a tenth."""


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
) -> Descent:
    """Local descent on f_r (step 1 of Theorem 2's meta-algorithm) from W, ``(n, r, *D_k)`` each; L-BFGS by default.

    A run ends when ‖∇f_r‖ ≤ tol · f^{1−1/p} λ^{1/p} (no units) and the method sees no negative curvature, if it looks.
    ``ValueError`` on misshapen weights and when the method cannot respect a cone.
    """
    method = LBFGS() if method is None else method
    if problem.regularizer.constrained and not method.handles_cones:
        raise ValueError(f"{type(method).__name__} ignores the cone of the regularizer: use GradientDescent().")
    if not tol > 0 or max_steps < 0:
        raise ValueError(f"tol = {tol} must be positive and max_steps = {max_steps} must not be negative.")
    f = Objective(problem, W)
    point = f.at(f.project(flatten(tuple(w.detach() for w in W))))
    n = len(point.value)
    steps = torch.zeros(n, dtype=torch.int64)
    status = [Status.STEPS] * n
    final = Point(*(a.clone() for a in point))
    active = torch.arange(n, device=point.x.device)
    finite = torch.isfinite(point.value) & torch.isfinite(point.gradient).all(1)
    memory = method.start(point)
    lowest, smallest, idle = final.value.clone(), f.stationarity(final), torch.zeros_like(active)
    point, memory, active = _retire(point, memory, active, ~finite, final, status, Status.NONFINITE)
    for count in range(max_steps + 1):
        small = f.stationarity(point) <= tol * problem.gradient_scale(point.value)
        if small.any():
            point, memory, active = _end(f, method, point, memory, active, small, final, status)
            if observe is not None and len(active):
                observe(f.weights(point.x), point.value)
        if not len(active) or count == max_steps:
            break
        point, memory, moved = method.step(f, point, memory)
        steps[active.cpu()] += 1
        if observe is not None:
            observe(f.weights(point.x), point.value)
        value, size = point.value, f.stationarity(point)
        progress = value < lowest[active] - f.noise * lowest[active].abs()
        progress |= size < 0.9 * smallest[active]
        lowest[active] = torch.where(progress, value, lowest[active])
        smallest[active] = torch.where(progress, size, smallest[active])
        idle[active] = torch.where(progress, torch.zeros_like(active), idle[active] + 1)
        stalled = ~moved | (idle[active] >= PATIENCE)
        point, memory, active = _retire(point, memory, active, stalled, final, status, Status.STALLED)
    for a, b in zip(final, point, strict=True):
        a[active] = b
    weights, end = f.weights(final.x), f.at(final.x)
    with torch.no_grad():
        return Descent(weights, end.value, f.stationarity(end), problem.alignment(*weights), steps, tuple(status))


def _end(f, method, point, memory, active, small, final, status):
    """Retire the stationary runs that have no way down; move the others along negative curvature."""
    runs = small.nonzero()[:, 0]
    found = method.leave(f, point.take(runs))
    if found is None:
        return _retire(point, memory, active, small, final, status, Status.STATIONARY)
    lower, left = found
    moved = Point(*(a.index_copy(0, runs, b) for a, b in zip(point, lower, strict=True)))
    fresh = method.start(moved)
    restart = torch.zeros_like(small)
    restart[runs[left]] = True
    memory = tuple(
        torch.where(restart.reshape(-1, *[1] * (b.dim() - 1)), a, b) for a, b in zip(fresh, memory, strict=True)
    )
    return _retire(moved, memory, active, small & ~restart, final, status, Status.SECOND_ORDER)


def _retire(point, memory, active, ends, final, status, how):
    """Record the runs that end and return what the rest go on with."""
    if not ends.any():
        return point, memory, active
    gone = active[ends]
    for a, b in zip(final, point, strict=True):
        a[gone] = b[ends]
    for i in gone.tolist():
        status[i] = how
    return point.take(~ends), tuple(m[~ends] for m in memory), active[~ends]
