"""Descents of many runs at once, and a test of whether a run has settled that no kink can pass."""

from collections.abc import Callable

import torch
from torch import Tensor

from global_optimality.descent import LBFGS, minimise

from .parallel_runs import ParallelRuns

RATE = 0.03
"""Adam's first step."""

WINDOW = 2000
"""Steps of the test: a restart by Adam from where the run ended, at a tenth of RATE, decaying to zero."""

SETTLED = 1e-3
"""A run has settled when that restart lowers f by less than SETTLED, relative: a tenth of what counts as close."""

ARMIJO = 0.5
"""Share of the predicted decrease that a gradient step must reach. On a chain that puts nothing out f is c ρᴷ in the
norm ρ of its weights; for K ≥ 3 a step that reaches half of the prediction does not carry ρ across zero."""


def adam(runs: ParallelRuns, x: Tensor, steps: int, *, rate: float = RATE) -> tuple[Tensor, Tensor]:
    """PyTorch's Adam from x ``(P, B)``, its step decaying linearly to zero: the end, and the lowest f of each run."""
    x = x.clone()
    optimizer = torch.optim.Adam([x], lr=rate)
    lowest = runs.value_and_gradient(x)[0]
    for step in range(steps):
        value, x.grad = runs.value_and_gradient(x)
        lowest = torch.minimum(lowest, value)
        optimizer.param_groups[0]["lr"] = rate * (1 - step / steps)
        optimizer.step()
    return x, torch.minimum(lowest, runs.value_and_gradient(x)[0])


def gradient_descent(runs: ParallelRuns, x: Tensor, steps: int, movable: Tensor | None = None) -> Tensor:
    """Gradient steps that lower f enough (Armijo); the length of every run is doubled after a success, else halved.

    With ``movable`` ``(B,)`` only those subnetworks move.
    """
    free = torch.ones_like(x[0]) if movable is None else movable.to(x)
    value, gradient = runs.value_and_gradient(x)
    gradient = gradient * free
    length = torch.ones_like(value)
    for _ in range(steps):
        trial = x - length[runs.owner] * gradient
        new, new_gradient = runs.value_and_gradient(trial)
        new_gradient = new_gradient * free
        lower = new <= value - ARMIJO * length * runs.total(gradient.square().sum(0))
        move = lower[runs.owner]
        x, gradient = torch.where(move, trial, x), torch.where(move, new_gradient, gradient)
        value, length = torch.where(lower, new, value), torch.where(lower, 2 * length, length / 2)
    return x


def still_falls(runs: ParallelRuns, x: Tensor, *, window: int = WINDOW) -> Tensor:
    """By what share of f the restart of the test lowers every run, ``(runs,)``.

    Gradient steps and line searches stop at kinks that are no local minima; Adam's steps, which do not have to lower
    f, cross them. So a small number says that descent is over, and not that one method is.
    """
    before, _ = runs.value_and_gradient(x)
    _, lowest = adam(runs, x, window, rate=RATE / 10)
    return 1 - lowest / before


def lbfgs(runs: ParallelRuns, x: Tensor, steps: int) -> Tensor:
    """The library's L-BFGS, group by group."""
    ends = [
        minimise(group.problem, W, LBFGS(), tol=1e-8, max_steps=steps).weights
        for group, W in zip(runs.groups, runs.factors(x), strict=True)
    ]
    return runs.columns(ends)


METHODS: dict[str, Callable[[ParallelRuns, Tensor, int], Tensor]] = {
    "Adam": lambda runs, x, steps: adam(runs, x, steps)[0],
    "gradient descent": gradient_descent,
    "L-BFGS": lbfgs,
}
"""From weights ``(P, B)``, so many steps: the weights at the end."""
