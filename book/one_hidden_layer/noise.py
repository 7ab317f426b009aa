"""Theorem 1 without the polar: descents kicked by noise until nothing more happens; what survives with a zero unit?"""

from collections.abc import Sequence

import pandas as pd
import torch

from global_optimality.factors import slice_norms, take_runs
from global_optimality.streams import generator, normal

from ..shared.two_points import DEAD, OPTIMUM, balanced_starts, gradient_flow, toy

SAME = 1e-6
"""f within SAME of the optimum counts as optimal; the levels of the toy differ by more than 1."""


def kicked(
    sizes: Sequence[int], radii: Sequence[float], *, rounds: int, runs: int, seed: int, steps: int = 400
) -> pd.DataFrame:
    """Gradient descents of the two-point toy from balanced starts; then, ``rounds`` times, noise and descent again.

    Each round adds normal noise of deviation ``radius`` to all weights, and keeps the old weights where f did not fall
    below its value before. One row for each size, radius and round: runs that stand above F* with a zero unit, and
    above F* without one. The polar is not used.
    """
    problem, rows = toy(), []
    for r in sizes:
        first = gradient_flow(problem, balanced_starts(runs, r, seed=seed))
        for radius in radii:
            W, stream, least = first, generator(seed, "kicked", r, str(radius)), float(problem(*first).min())
            for turn in range(rounds + 1):
                value = problem(*W) if len(W[0]) else first[0].new_zeros(0)
                W = take_runs(W, value > OPTIMUM + SAME)  # the others have arrived
                value = value[value > OPTIMUM + SAME]
                zero = (slice_norms(W) < DEAD).any(1)
                rows.append((r, radius, turn, runs, int(zero.sum()), int((~zero).sum()), least - OPTIMUM))
                if turn == rounds or not len(value):
                    continue
                near = tuple(w + radius * normal(stream, *w.shape) for w in W)
                new = gradient_flow(problem, near, step=0.05, steps=steps)
                falls = problem(*new) < value - SAME
                W = tuple(torch.where(falls[:, None, None], a, b) for a, b in zip(new, W, strict=True))
                least = min(least, float(problem(*W).min()))
    names = ["size", "radius", "round", "runs", "zero_unit_above", "no_zero_unit_above", "least_excess"]
    return pd.DataFrame(rows, columns=names)
