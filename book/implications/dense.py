"""Parallel against dense: many narrow subnetworks, or one wide network, with as many weights and repaired decay."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch

from global_optimality.losses import SquaredLoss
from global_optimality.mappings import DeepRelu
from global_optimality.problem import Problem
from global_optimality.regularizers import BalancedWeightDecay
from global_optimality.streams import generator, normal

from ..shared.descents import SETTLED, WINDOW, adam, still_falls
from ..shared.outcomes import CLOSE, lead
from ..shared.parallel_runs import Group, ParallelRuns
from ..shared.relu_problems import with_bias
from ..shared.tables import frame

PAIRS = ((4, 5), (9, 8), (21, 13))
"""Subnetworks of width two, and the width of one dense network: 40 and 40, 90 and 88, 210 and 208 weights."""

ARCHITECTURES = ("parallel", "dense")

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
    shapes = [(ARCHITECTURES[0], 2, r) for r, _ in pairs] + [(ARCHITECTURES[1], M, 1) for _, M in pairs]
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


def leads(table: pd.DataFrame) -> pd.DataFrame:
    """Parallel less dense, draw by draw, with 95 % intervals: rows ``(column, weights)``, weights "all" over all sizes.

    Columns: ``close``, ``trapped`` (settled, and not close) and ``test_error``, of a table with ``weights``.
    """
    away = table["excess"] > CLOSE
    table = table.assign(close=(~away).astype(float), trapped=(away & (table["falls"] < SETTLED)).astype(float))
    parts = {"all": table} | dict(iter(table.groupby("weights")))
    rows = {
        (column, weights): _lead(part, column)
        for weights, part in parts.items()
        for column in ("close", "trapped", "test_error")
    }
    return pd.DataFrame(rows).T


def false_leads(table: pd.DataFrame, *, deals: int, seed: int) -> float:
    """The share of ``deals`` that show a lead where there is none: by mathematics about one in twenty.

    In each the words parallel and dense are dealt at random to the runs of every λ and draw; a lead is an interval of
    the share within CLOSE of the best that leaves out zero.
    """
    stream, found = np.random.default_rng(seed), 0
    table = table.assign(close=(table["excess"] <= CLOSE).astype(float))
    for _ in range(deals):
        names = table.groupby(["lam", "draw"])["architecture"].transform(lambda part: stream.permutation(part))
        at = _lead(table.assign(architecture=names), "close")
        found += int(at["low"] > 0 or at["high"] < 0)
    return found / deals


def _lead(table: pd.DataFrame, column: str) -> pd.Series:
    parallel, dense = (table[table["architecture"] == name] for name in ARCHITECTURES)
    return lead(parallel, dense, column)
