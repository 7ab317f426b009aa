"""Theorem 1 without the polar: descents kicked by noise until nothing more happens; what survives with a zero unit?"""

from collections.abc import Sequence

import pandas as pd
import torch

from global_optimality.factors import append, slice_norms, take_runs
from global_optimality.streams import generator, normal

from ..shared.two_points import DEAD, OPTIMUM, flows, gradient_flow, toy

SAME = 1e-6
"""f within SAME of the optimum counts as optimal; the levels of the toy differ by more than 1."""


def kicked(
    sizes: Sequence[int], radii: Sequence[float], *, rounds: int, runs: int, seed: int, steps: int = 400
) -> pd.DataFrame:
    """Gradient descents of the two-point toy from balanced starts; then, ``rounds`` times, noise and descent again.

    Each round adds normal noise of deviation ``radius`` to all weights, and keeps the old weights where f did not fall
    below its value before. One row for each size, radius and round: runs that stand above F* with a zero unit, and
    above F* without one. The polar is not used. All runs are one batch: the smaller networks are filled up with zero
    units, which nothing moves.
    """
    problem, cells = toy(), [(r, radius) for r in sizes for radius in radii]
    ends, most = dict(zip(sizes, flows(sizes, runs=runs, seed=seed), strict=True)), max(sizes)
    filled = [append(ends[r], tuple(w.new_zeros(runs, most - r, 1) for w in ends[r])) for r, _ in cells]
    W = tuple(torch.cat(parts) for parts in zip(*filled, strict=True))
    cell = torch.arange(len(cells)).repeat_interleave(runs)
    size, deviation = (torch.tensor(column, dtype=torch.float64) for column in zip(*cells, strict=True))
    stream, rows, value = generator(seed, "kicked"), [], problem(*W)
    least = value.reshape(len(cells), runs).amin(1)
    for turn in range(rounds + 1):
        if turn and len(value):
            inside = torch.arange(most) < size[cell][:, None]
            by = (deviation[cell][:, None] * inside)[..., None]
            new = gradient_flow(problem, tuple(w + by * normal(stream, *w.shape) for w in W), steps=steps)
            lower = problem(*new)
            falls = lower < value - SAME
            W = tuple(torch.where(falls[:, None, None], a, b) for a, b in zip(new, W, strict=True))
            value = torch.where(falls, lower, value)
            least = least.scatter_reduce(0, cell, value, "amin")
        above = value > OPTIMUM + SAME
        W, value, cell = take_runs(W, above), value[above], cell[above]  # the others have arrived
        zero = ((slice_norms(W) < DEAD) & (torch.arange(most) < size[cell][:, None])).any(1)
        for k, (r, radius) in enumerate(cells):
            mine = cell == k
            with_zero = int((zero & mine).sum())
            rows.append((r, radius, turn, runs, with_zero, int(mine.sum()) - with_zero, float(least[k]) - OPTIMUM))
    names = ["size", "radius", "round", "runs", "zero_unit_above", "no_zero_unit_above", "least_excess"]
    return pd.DataFrame(rows, columns=names)
