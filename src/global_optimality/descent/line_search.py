"""A weak Wolfe line search by bracketing and bisection (Lewis and Overton 2013), batched over runs."""

import torch
from torch import Tensor

from ..effort import over
from .point import Objective, Point

ARMIJO = 1e-4
WOLFE = 0.9
TRIALS = 50


def weak_wolfe(f: Objective, start: Point, direction: Tensor, first: Tensor, interior: int) -> tuple[Point, Tensor]:
    """A step of sufficient decrease and curvature along a descent direction: (new point, which runs moved ``(n,)``).

    Where the change of f is below rounding, the slopes decide (approximate Wolfe, Hager and Zhang 2005). With
    ``interior`` > 0 the step is shortened until f does not rise at that many points in between. Where the time is up
    the best step so far is taken.
    """
    slope = torch.linalg.vecdot(start.gradient, direction)
    low, high, step = torch.zeros_like(first), torch.full_like(first, torch.inf), first.clone()
    best, moved = start, torch.zeros_like(first, dtype=torch.bool)
    pending = slope < 0
    for _ in range(TRIALS):
        runs = None if bool(pending.all()) else pending.nonzero()[:, 0]  # mostly all of them: nothing is copied then
        if over() or (runs is not None and not len(runs)):
            break
        here, along = (start, direction) if runs is None else (start.take(runs), direction[runs])
        s, t = (slope, step) if runs is None else (slope[runs], step[runs])
        trial = f.at(torch.addcmul(here.x, t[:, None], along))
        new_slope = torch.linalg.vecdot(trial.gradient, along)
        floor = f.noise * here.value.abs()
        decreases = (trial.value <= here.value + ARMIJO * t * s) & (-t * s > floor)
        decreases |= (trial.value <= here.value + floor) & (new_slope <= (2 * ARMIJO - 1) * s)
        decreases &= torch.isfinite(new_slope)  # it is not where the gradient is not
        if interior:
            decreases &= ~f.rises_between(here, trial, interior)
        flat = new_slope >= WOLFE * s
        best = _put(best, runs, decreases, trial)
        runs = slice(None) if runs is None else runs
        moved[runs] |= decreases
        low[runs] = torch.where(decreases, t, low[runs])
        high[runs] = torch.where(decreases, high[runs], t)
        closed = torch.isfinite(high[runs])
        step[runs] = torch.where(closed, (low[runs] + high[runs]) / 2, 2 * low[runs])
        done = (decreases & flat) | (high[runs] - low[runs] <= 1e-16 * first[runs])
        if interior:
            done |= decreases
        pending[runs] = ~done
    return best, moved


def _put(best: Point, runs: Tensor | None, better: Tensor, trial: Point) -> Point:
    """The best points so far, with the better ones of the runs (all if None) put in."""
    if runs is None:
        return trial if bool(better.all()) else trial.where(better, best)
    return Point(*(a.index_copy(0, runs[better], b) for a, b in zip(best, trial.take(better), strict=True)))
