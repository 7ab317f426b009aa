"""Parallel against dense: many narrow subnetworks, or one wide network, with as many weights and repaired decay."""

from collections.abc import Sequence

import pandas as pd
import torch

from global_optimality.losses import SquaredLoss
from global_optimality.mappings import DeepRelu
from global_optimality.problem import Problem
from global_optimality.regularizers import BalancedWeightDecay
from global_optimality.streams import generator, normal

from ..shared.descents import WINDOW, adam, still_falls
from ..shared.parallel_runs import Group, ParallelRuns
from ..shared.relu_problems import with_bias
from ..shared.tables import frame

PAIRS = ((4, 5), (9, 8), (21, 13))
"""Subnetworks of width two, and the width of one dense network: 40 and 40, 90 and 88, 210 and 208 weights."""

SAMPLES, GRID = 30, 400
"""Training samples, and points of a grid on which the noiseless target is compared with what was learned."""


def target(x: torch.Tensor) -> torch.Tensor:
    """sin(4x) plus a kink at 0.3."""
    return torch.sin(4 * x) + 2 * (x - 0.3).clamp(min=0)


def problem(width: int, lam: float, *, seed: int) -> Problem:
    """Three layers of weights and one output; SAMPLES random inputs on [−1, 1] with a constant, noise 0.1."""
    stream = generator(seed, "dense")
    x = (2 * torch.rand(SAMPLES, generator=generator(0, "dense inputs"), dtype=torch.float64) - 1).sort().values
    y = target(x) + 0.1 * normal(stream, SAMPLES)
    mapping = DeepRelu(with_bias(x[:, None]), (width, width, 1))
    return Problem(SquaredLoss(y[:, None]), mapping, BalancedWeightDecay(3), lam)


def parallel_against_dense(
    pairs: Sequence[tuple[int, int]], lams: Sequence[float], *, draws: Sequence[int], runs: int, steps: int,
    window: int = WINDOW,
) -> pd.DataFrame:  # fmt: skip
    """Adam from random starts: one row an architecture, λ, draw of the noise and run.

    ``excess`` over the lowest f of the same architecture, λ and draw: the two have different Ω, so each is held against
    its own best. ``test_error``: root mean square distance from the noiseless target on a grid.
    """
    shapes = [("parallel", 2, r) for r, _ in pairs] + [("dense", M, 1) for _, M in pairs]
    grid = torch.linspace(-1, 1, GRID, dtype=torch.float64)
    tables = []
    for kind, width, r in shapes:
        for lam in lams:
            groups = [Group(problem(width, lam, seed=draw), r, runs) for draw in draws]
            batch = ParallelRuns(groups)
            spread = (2 / width) ** 0.5 if kind == "dense" else 0.7
            starts = [g.problem.random(runs, r, seed=d, deviation=spread) for g, d in zip(groups, draws, strict=True)]
            end, _ = adam(batch, batch.columns(starts), steps)
            errors = [
                (g.problem.mapping.on(with_bias(grid[:, None])).Phi(*W)[..., 0] - target(grid)).square().mean(1).sqrt()
                for g, W in zip(groups, batch.factors(end), strict=True)
            ]
            tables.append(frame(
                architecture=kind, parameters=r * (width**2 + 3 * width), lam=lam,
                draw=[d for d in draws for _ in range(runs)], run=list(range(runs)) * len(draws),
                objective=batch.value_and_gradient(end)[0], falls=still_falls(batch, end, window=window),
                live=r, test_error=torch.cat(errors),
            ))  # fmt: skip
    table = pd.concat(tables, ignore_index=True)
    best = table.groupby(["architecture", "parameters", "lam", "draw"])["objective"].transform("min")
    return table.assign(excess=table["objective"] / best - 1)
