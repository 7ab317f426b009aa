"""A weak Wolfe line search by bracketing and bisection (Lewis and Overton 2013), batched over runs."""

import torch
from torch import Tensor

from .point import Objective, Point

ARMIJO = 1e-4
WOLFE = 0.9
TRIALS = 50


def weak_wolfe(f: Objective, start: Point, direction: Tensor, first: Tensor, interior: int) -> tuple[Point, Tensor]:
    """A step of sufficient decrease and curvature along a descent direction: (new point, which runs moved ``(n,)``).

    Where the change of f is below rounding, the slopes decide (approximate Wolfe, Hager and Zhang 2005). With
    ``interior`` > 0 the step is shortened until f does not rise at that many points in between.
    """
    slope = (start.gradient * direction).sum(1)
    low, high, step = torch.zeros_like(first), torch.full_like(first, torch.inf), first.clone()
    best, moved = start, torch.zeros_like(first, dtype=torch.bool)
    pending = slope < 0
    for _ in range(TRIALS):
        if not pending.any():
            break
        runs = pending.nonzero()[:, 0]
        here = start.take(runs)
        trial = f.at(here.x + step[runs, None] * direction[runs])
        new_slope = (trial.gradient * direction[runs]).sum(1)
        s, t = slope[runs], step[runs]
        floor = f.noise * here.value.abs()
        decreases = (trial.value <= here.value + ARMIJO * t * s) & (-t * s > floor)
        decreases |= (trial.value <= here.value + floor) & (new_slope <= (2 * ARMIJO - 1) * s)
        decreases &= torch.isfinite(trial.gradient).all(1)
        if interior:
            decreases &= ~f.rises_between(here, trial, interior)
        flat = new_slope >= WOLFE * s
        best = _put(best, runs[decreases], trial.take(decreases))
        moved[runs[decreases]] = True
        low[runs] = torch.where(decreases, t, low[runs])
        high[runs] = torch.where(decreases, high[runs], t)
        closed = torch.isfinite(high[runs])
        step[runs] = torch.where(closed, (low[runs] + high[runs]) / 2, 2 * low[runs])
        done = (decreases & flat) | (high[runs] - low[runs] <= 1e-16 * first[runs])
        pending[runs[done]] = False
        if interior:
            pending[runs[decreases]] = False
    return best, moved


def _put(all_runs: Point, runs: Tensor, new: Point) -> Point:
    if not len(runs):
        return all_runs
    return Point(*(a.index_copy(0, runs, b) for a, b in zip(all_runs, new, strict=True)))
