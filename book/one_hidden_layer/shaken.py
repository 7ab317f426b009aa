"""Theorem 1 without the polar: descents shaken by noise until no shake lowers them; the polar judges afterwards."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from torch import Tensor

from global_optimality.certificate import certify
from global_optimality.factors import Factors, append, slice_norms, zeros_like_slice
from global_optimality.mappings import DeepRelu
from global_optimality.optimal_face import optimal_face
from global_optimality.polar import polar_of
from global_optimality.problem import Problem
from global_optimality.regularizers import BalancedWeightDecay
from global_optimality.sliding_frank_wolfe import solve
from global_optimality.streams import generator, normal

from ..shared.descents import adam, gradient_descent
from ..shared.parallel_runs import Group, ParallelRuns
from ..shared.relu_problems import descend, inputs, plane_problem
from ..shared.tables import frame

Array = npt.NDArray[np.bool_]

FALL = 1e-9
"""A shake counts when it ends lower by more than FALL, relative: above rounding, below any gain that matters."""

SAME = 1e-7
"""A run is at the certified minimum when it exceeds it by at most SAME, relative."""


@dataclass(frozen=True)
class Shakes:
    """How hard: radii in units of the root mean square of a run's weights, noises at each of them, gradient steps.

    The zero network, which has no size of its own, takes that of the largest run.

    Every second noise moves the zero units alone, and so do the steps after it: a unit at a kink, where the gradient
    points off its ridge, would stop them.
    """

    radii: tuple[float, ...] = (0.01, 0.1, 1.0)
    noises: int = 40
    steps: int = 100
    passes: int = 12


def flat_problem(problem: Problem) -> Problem:
    """One hidden layer as ``ParallelRuns`` takes it: the same φ and θ = ½(‖u‖² + v²), written for K = 2."""
    return Problem(problem.loss, DeepRelu(inputs(problem), (1, 1)), BalancedWeightDecay(2), problem.lam)


@dataclass(eq=False)
class _Shaken:
    """Runs of one problem, where they are, and the stream of their noises."""

    problem: Problem
    batch: ParallelRuns
    x: Tensor
    stream: torch.Generator

    def polish(self, which: Tensor) -> None:
        """Exact descent at kinks of the chosen runs: units that are not needed become exactly zero."""
        polished, place = [], 0
        for U, v in self.batch.factors(self.x):
            rows = []
            for run in range(len(U)):
                W = U[run, :, :, 0][None], v[run, :, :, 0][None]
                rows.append(_padded(descend(self.problem, W), U.shape[1]) if bool(which[place]) else W)
                place += 1
            polished.append(tuple(torch.cat(parts)[..., None] for parts in zip(*rows, strict=True)))
        self.x = self.batch.columns(polished)

    def shake(self, radius: float, steps: int, *, zero_only: bool) -> Tensor:
        """One noise for every run, then gradient steps; keeps what is lower. Which runs are, ``(runs,)``."""
        batch, x = self.batch, self.x
        count = batch.total(torch.ones_like(x[0])) * len(x)
        size = (batch.total(x.square().sum(0)) / count).sqrt()
        size = radius * torch.where(size > 0, size, size.max() if bool(size.any()) else 1.0)[batch.owner]
        shaken = (x == 0).all(0) if zero_only else torch.ones_like(batch.owner, dtype=torch.bool)
        moved = x + size * shaken * normal(self.stream, *x.shape, like=x)
        moved = gradient_descent(batch, moved, steps, shaken)
        lower = batch.value_and_gradient(moved)[0] < batch.value_and_gradient(x)[0] * (1 - FALL)
        self.x = torch.where(lower[batch.owner], moved, x)
        return lower

    def shake_all(self, shakes: Shakes) -> Tensor:
        """One pass: every radius, every noise. Which runs some of them lowered."""
        falls = torch.zeros(len(self.batch.Y[0]), dtype=torch.bool)
        for radius in shakes.radii:
            for j in range(shakes.noises):
                falls |= self.shake(radius, shakes.steps, zero_only=j % 2 == 1)
        return falls


def shaken(
    draws: Sequence[int], sizes: Sequence[int], *, runs: int, shakes: Shakes, N: int = 12, lam: float = 1.0
) -> pd.DataFrame:
    """Descents from random starts of every r, shaken until a whole pass of noises lowers none of them.

    One row a draw of the data, r and run. ``zero_unit``: one of the r units is exactly zero; ``survived``: no shake of
    the last pass lowered it; ``excess`` over the certified F*; ``polar``: Ω°/λ, asked only afterwards, and
    ``escape``, by what share f falls along its atom; ``appended``: whether a pass lowers the run once a zero unit is
    appended (Corollary 1), asked of all runs above F*.
    """
    tables = []
    for draw in draws:
        problem = plane_problem(N, lam, seed=draw)
        batch = ParallelRuns([Group(flat_problem(problem), r, runs) for r in sizes])
        starts = batch.columns([g.problem.random(runs, g.size, seed=draw, deviation=0.3) for g in batch.groups])
        state = _Shaken(problem, batch, adam(batch, starts, 1000)[0], generator(draw, "shaken"))
        falls = torch.ones(len(sizes) * runs, dtype=torch.bool)
        for _ in range(shakes.passes):
            state.polish(falls)
            falls = state.shake_all(shakes)
            if not bool(falls.any()):
                break
        table = _judged(problem, state, sizes, runs).assign(draw=draw, survived=~falls.numpy())
        tables.append(table.assign(appended=_appended(state, torch.from_numpy(~table["same"].to_numpy()), shakes)))
    return pd.concat(tables, ignore_index=True)


def smallest(draws: Sequence[int], *, N: int = 12, lam: float = 1.0) -> pd.Series:
    """The units of the smallest global optimum of every draw, by linear programs over all optima."""
    faces = {draw: optimal_face(solve(plane_problem(N, lam, seed=draw), tol=1e-12)) for draw in draws}
    return pd.Series({draw: face.fewest() for draw, face in faces.items()})


def survivors(table: pd.DataFrame) -> pd.DataFrame:
    """Runs counted by zero unit, survival and whether they are at F*; the largest excess and polar of each kind."""
    groups = table.groupby(["zero_unit", "survived", "same"])
    largest, lowered = groups[["excess", "polar"]].max(), groups["appended"].mean()
    return largest.assign(runs=groups.size(), appended=lowered).reset_index()


def _judged(problem: Problem, state: _Shaken, sizes: Sequence[int], runs: int) -> pd.DataFrame:
    optimum, polar, tables = solve(problem, tol=1e-10).objective, polar_of(problem), []
    for r, (U, v) in zip(sizes, state.batch.factors(state.x), strict=True):
        certificate = certify(problem, (U[..., 0], v[..., 0]), polar)
        tables.append(frame(
            size=r, run=range(runs), active=(slice_norms((U, v)) > 0).sum(1),
            excess=certificate.objective / optimum - 1, polar=certificate.polar,
            escape=1 - certificate.escape_objective / certificate.objective,
        ))  # fmt: skip
    table = pd.concat(tables, ignore_index=True)
    return table.assign(zero_unit=table["active"] < table["size"], same=table["excess"] <= SAME)


def _appended(state: _Shaken, which: Tensor, shakes: Shakes) -> Array:
    """Whether a pass of shakes lowers the chosen runs after a zero unit is appended; false for the others."""
    chosen = which.split([group.runs for group in state.batch.groups])
    parts = [
        (group, tuple(w[mine] for w in W), mine)
        for group, W, mine in zip(state.batch.groups, state.batch.factors(state.x), chosen, strict=True)
    ]
    kept = [(group, append(W, zeros_like_slice(W))) for group, W, mine in parts if bool(mine.any())]
    if not kept:
        return which.numpy()
    batch = ParallelRuns([Group(group.problem, group.size + 1, len(W[0])) for group, W in kept])
    lowered = _Shaken(state.problem, batch, batch.columns([W for _, W in kept]), state.stream).shake_all(shakes)
    answer = which.clone()
    answer[which] = lowered
    return answer.numpy()


def _padded(W: Factors, r: int) -> Factors:
    alive = slice_norms(W)[0] > 0
    return tuple(torch.cat([w[:, alive], w.new_zeros(1, r - int(alive.sum()), *w.shape[2:])], 1) for w in W)
