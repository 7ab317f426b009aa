"""Depth where the minimum is known at every depth: chains of ReLU layers of width one, and deep linear networks."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
import torch
from torch import Tensor

from global_optimality.descent import minimise
from global_optimality.factors import Factors
from global_optimality.losses import SquaredLoss
from global_optimality.mappings import DeepLinear, DeepRelu, ReluUnit
from global_optimality.problem import Problem
from global_optimality.regularizers import BalancedWeightDecay, SumOfSquares
from global_optimality.sliding_frank_wolfe import solve
from global_optimality.status import Status
from global_optimality.streams import generator, normal

from ..shared import data
from ..shared.descents import METHODS, WINDOW, still_falls
from ..shared.parallel_runs import Group, ParallelRuns
from ..shared.relu_problems import with_bias
from ..shared.tables import frame

BASE = 8
"""Chains at K = 2, where none is dead."""

STARTS = ("8 chains", "8 live on average", "8 live", "8 dead")
"""Ways to start: r = 8; r = 8 · 2^(K−2), 8 of them live on average; 8 with all inner weights made positive, so that
all are live; 8 with the first inner weight made negative, so that none is."""


@dataclass(frozen=True)
class Known:
    """A problem with its certified minimum."""

    problem: Problem
    optimum: float


def linear(K: int, *, seed: int) -> Known:
    """Parallel products of K matrices, inner width 2, balanced: Ω is the nuclear norm for every K."""
    Y = data.low_rank(6, 5, 2, noise=0.1, seed=seed)
    s = torch.linalg.svdvals(Y)
    lam = 0.2 * float(s[0])
    kept = (s - lam).clamp(min=0)
    mapping = DeepLinear(len(Y), (2,) * (K - 1) + (Y.shape[1],))
    problem = Problem(SquaredLoss(Y), mapping, BalancedWeightDecay(K), lam)
    return Known(problem, float(0.5 * (s - kept).square().sum() + lam * kept.sum()))


def chain(K: int, S: Tensor, Y: Tensor, lam: float) -> Problem:
    """Chains of K layers of width one, balanced: Ω is that of one hidden layer for every K; later layers only scale."""
    return Problem(SquaredLoss(Y), DeepRelu(S, (1,) * K), BalancedWeightDecay(K), lam)


def chains(depths: Sequence[int], *, seed: int) -> dict[int, Known]:
    """Six samples of |x| plus noise, fitted by chains of every depth, and their one minimum, certified at K = 2."""
    x = torch.linspace(-1, 1, 6, dtype=torch.float64)
    S = with_bias(x[:, None])
    y = (x.abs() + 0.1 * normal(generator(seed, "depth"), 6))[:, None]
    shallow = Problem(SquaredLoss(y), ReluUnit(S), SumOfSquares(), 0.1)
    optimum = solve(shallow, tol=1e-10).objective
    return {K: Known(chain(K, S, y, shallow.lam), optimum) for K in depths}


def started(problem: Problem, kind: str, runs: int, *, seed: int, deviation: float = 0.5) -> Factors:
    """Random starts of one of the STARTS."""
    K = problem.mapping.degree
    r = BASE * 2 ** (K - 2) if kind == "8 live on average" else BASE
    first, *inner, last = problem.random(runs, r, seed=seed, deviation=deviation)
    if kind == "8 live":
        inner = [w.abs() for w in inner]
    if kind == "8 dead":
        inner = [-inner[0].abs(), *inner[1:]]
    return (first, *inner, last)


def kinds(K: int) -> tuple[str, ...]:
    """The STARTS that differ at this depth: with two layers there are no inner weights."""
    return STARTS if K > 2 else STARTS[:1]


def chain_sweep(
    method: str, depths: Sequence[int], *, draws: Sequence[int], runs: int, steps: int, window: int = WINDOW
) -> pd.DataFrame:
    """Descents on chains: one row a depth, start, draw of the data and run.

    ``live``: chains whose inner weights are all positive at the start; ``excess`` over the certified minimum; ``zero``
    that of the zero network; ``falls``: what the restart of ``still_falls`` gains.
    """
    known = {draw: chains(depths, seed=draw) for draw in draws}
    tables = []
    for K in depths:
        cells = [(draw, kind) for draw in draws for kind in kinds(K)]
        W = [started(known[draw][K].problem, kind, runs, seed=draw) for draw, kind in cells]
        batch = ParallelRuns([
            Group(known[draw][K].problem, V[0].shape[1], runs) for (draw, _), V in zip(cells, W, strict=True)
        ])  # fmt: skip
        end = METHODS[method](batch, batch.columns(W), steps)
        live = [torch.stack([w.flatten(1) > 0 for w in V[1:-1]] or [torch.ones(V[0].shape[:2]) > 0]) for V in W]
        minima = [known[draw][K].optimum for draw, _ in cells]
        optimum = torch.tensor(minima, dtype=torch.float64).repeat_interleave(runs)
        tables.append(frame(
            K=K, start=[kind for _, kind in cells for _ in range(runs)],
            draw=[draw for draw, _ in cells for _ in range(runs)],
            run=list(range(runs)) * len(cells), size=[g.size for g in batch.groups for _ in range(runs)],
            live=torch.cat([alive.all(0).sum(1) for alive in live]),
            excess=batch.value_and_gradient(end)[0] / optimum - 1, falls=still_falls(batch, end, window=window),
            zero=0.5 * batch.Y.square().sum(0) / optimum - 1,
        ))  # fmt: skip
    return pd.concat(tables, ignore_index=True)


def linear_sweep(depths: Sequence[int], *, draws: Sequence[int], runs: int, steps: int) -> pd.DataFrame:
    """L-BFGS on deep linear networks: excess over the closed form, and whether ∇f vanished."""
    tables = []
    for K in depths:
        for draw in draws:
            known = linear(K, seed=draw)
            start = known.problem.random(runs, BASE, seed=draw, deviation=0.5)
            end = minimise(known.problem, start, tol=1e-6, max_steps=steps)
            stationary = [status is Status.STATIONARY for status in end.status]
            excess = end.objective / known.optimum - 1
            tables.append(frame(K=K, draw=draw, run=range(runs), excess=excess, stationary=stationary))
    return pd.concat(tables, ignore_index=True)


def dead_chains(table: pd.DataFrame) -> pd.DataFrame:
    """The share of chains dead at the start beside 1 − 2^{−(K−2)}, and the distance in standard errors."""
    drawn = table[table["start"].isin(STARTS[:2]) & (table["K"] > 2)]
    groups = drawn.groupby("K", as_index=False).agg(live=("live", "sum"), chains=("size", "sum"))
    expected = 1 - 0.5 ** (groups["K"] - 2)
    error = (expected * (1 - expected) / groups["chains"]) ** 0.5
    share = 1 - groups["live"] / groups["chains"]
    return groups.assign(share=share, expected=expected, deviations=(share - expected).abs() / error)
