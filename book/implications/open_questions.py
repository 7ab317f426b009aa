"""What section 6 leaves open: how many subnetworks suffice, and how often gradient descent alone fails with depth."""

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd
import torch
from torch import Tensor

from global_optimality.descent import GradientDescent, minimise
from global_optimality.losses import SquaredLoss
from global_optimality.mappings import DeepLinear, DeepRelu, ReluUnit
from global_optimality.polar import lambda_max
from global_optimality.problem import Problem
from global_optimality.regularizers import BalancedWeightDecay, SumOfSquares
from global_optimality.sliding_frank_wolfe import solve
from global_optimality.status import Status
from global_optimality.streams import generator, normal

from ..shared import data
from ..shared.relu_problems import descend, plane_problem, reduced, with_bias
from ..shared.tables import frame

GLOBAL = 0.05
"""A run counts as global when it exceeds the minimum by at most GLOBAL: plain gradient steps are slow at kinks."""


def matrix_sizes(shapes: Sequence[tuple[int, int]], shares: Sequence[float], *, seed: int) -> pd.DataFrame:
    """Matrix factorization of noisy matrices of rank 5: the size that suffices is exactly #{σ_i > λ}."""
    rows = []
    for m, n in shapes:
        s = torch.linalg.svdvals(data.low_rank(m, n, 5, noise=0.3, seed=seed))
        rows += [("matrices", m * n, share, int((s > share * s[0]).sum())) for share in shares]
    return pd.DataFrame(rows, columns=["family", "card", "share", "size"])


def relu_sizes(
    counts: Sequence[int], inner: int, shares: Sequence[float], outputs: int, *, seed: int, tol: float = 1e-6
) -> pd.DataFrame:
    """One hidden layer on N samples with ``inner`` inputs and a bias: the size of a certified optimum.

    That size is an upper bound of the smallest that suffices. Targets sin(3x₁) + x₂² (+ …) and noise; λ is a share of
    λ_max. Sizes above card(X) are reduced by slides along null vectors.
    """
    rows = []
    for N in counts:
        stream = generator(seed, "sizes", N, inner, outputs)
        x = normal(stream, N, inner)
        y = torch.stack([torch.sin(3 * x[:, 0] + k) + x[:, -1] ** 2 for k in range(outputs)], 1)
        Y = y + 0.1 * normal(stream, N, outputs)
        problem = Problem(SquaredLoss(Y), ReluUnit(with_bias(x), outputs), SumOfSquares(), 1.0)
        top = lambda_max(problem)
        for share in shares:
            solution = solve(replace(problem, lam=share * top), tol=tol)
            size = reduced(solution.problem, solution.weights)[0].shape[1]
            rows.append((N, share, size, problem.card, solution.relative_gap))
    table = pd.DataFrame(rows, columns=["N", "share", "size", "card", "relative_gap"])
    return table.assign(family=f"ReLU, d = {inner + 1}, {outputs} output" + "s" * (outputs > 1))


def without_one(N: int, share: float, *, seed: int) -> pd.DataFrame:
    """Each unit of a certified optimum left out in turn, then descent again: the excess that remains."""
    problem = plane_problem(N, 1.0, seed=seed)
    problem = replace(problem, lam=share * lambda_max(problem))
    solution, rows = solve(problem), []
    for i in range(solution.size):
        kept = tuple(torch.cat([w[:, :i], w[:, i + 1 :]], 1) for w in solution.weights)
        rows.append((i, float(problem(*descend(problem, kept))[0]) / solution.objective - 1))
    return pd.DataFrame(rows, columns=["left out", "excess"])


def deep_linear(K: int, Y: Tensor, lam: float) -> Problem:
    """Parallel products of K matrices, inner width 2, balanced: Ω is the nuclear norm for every K."""
    widths = (2,) * (K - 1) + (Y.shape[1],)
    return Problem(SquaredLoss(Y), DeepLinear(len(Y), widths), BalancedWeightDecay(K), lam)


def chain(K: int, S: Tensor, Y: Tensor, lam: float) -> Problem:
    """Chains of K layers of width one, balanced: Ω is that of one hidden layer for every K; later layers only scale."""
    return Problem(SquaredLoss(Y), DeepRelu(S, (1,) * (K - 1) + (1,)), BalancedWeightDecay(K), lam)


def depth_problems(depths: Sequence[int], *, seed: int) -> dict[str, tuple[dict[int, Problem], float]]:
    """Two families with one global minimum for all depths: deep linear (closed form), chains of ReLU (certified)."""
    Y = data.low_rank(6, 5, 2, noise=0.1, seed=seed)
    s = torch.linalg.svdvals(Y)
    lam = 0.2 * float(s[0])
    shrunk = (s - lam).clamp(min=0)
    linear = float(0.5 * (s - shrunk).square().sum() + lam * shrunk.sum())
    x = torch.linspace(-1, 1, 6, dtype=torch.float64)
    S = with_bias(x[:, None])
    y = (x.abs() + 0.1 * normal(generator(seed, "depth"), 6))[:, None]
    shallow = Problem(SquaredLoss(y), ReluUnit(S), SumOfSquares(), 0.1)
    optimum = solve(shallow, tol=1e-10).objective
    return {
        "deep linear": ({K: deep_linear(K, Y, lam) for K in depths}, linear),
        "ReLU chains": ({K: chain(K, S, y, shallow.lam) for K in depths}, optimum),
    }


def depth(depths: Sequence[int], *, r: int, runs: int, steps: int, seed: int, deviation: float = 0.5) -> pd.DataFrame:
    """Gradient descent alone from ``runs`` random starts: one row a family, depth and run.

    ``kind``: global; stuck (∇f vanishes or f stalls) elsewhere; or still moving after ``steps``. The third family are
    the chains again, from starts in which no chain is dead: the inner weights are made positive.
    """
    families = depth_problems(depths, seed=seed)
    tables = []
    for family, alive in (("deep linear", False), ("ReLU chains", False), ("ReLU chains, none dead", True)):
        problems, optimum = families[family.partition(",")[0]]
        for K, problem in problems.items():
            start = problem.random(runs, r, seed=seed, deviation=deviation)
            if alive:
                start = (start[0], *(w.abs() for w in start[1:-1]), start[-1])
            end = minimise(problem, start, GradientDescent(), tol=1e-6, max_steps=steps)
            dead = torch.stack([(w <= 0).flatten(2).all(2) for w in start[1:-1]] or [torch.zeros(runs, r) > 0]).any(0)
            moving = [status is Status.STEPS for status in end.status]
            excess = end.objective / optimum - 1
            table = frame(run=range(runs), excess=excess, dead=dead.sum(1), moving=moving, steps=end.steps)
            tables.append(table.assign(family=family, K=K, size=r))
    table = pd.concat(tables, ignore_index=True)
    kind = table["moving"].map({True: "still moving", False: "stuck"})
    return table.assign(kind=kind.where(table["excess"] > GLOBAL, "global"))


def depth_shares(table: pd.DataFrame) -> pd.DataFrame:
    """The share of every kind of end, Wilson's 95 % interval for the share of global runs, the median excess."""
    groups = table.groupby(["family", "K"], sort=False)
    shares = groups["kind"].value_counts(normalize=True).unstack().fillna(0.0)
    shares = shares.reindex(columns=["global", "stuck", "still moving"], fill_value=0.0)
    n, p, z = groups.size(), shares["global"], 1.96
    middle = (p + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * (p * (1 - p) / n + z**2 / (4 * n**2)) ** 0.5
    shares = shares.assign(
        runs=n, low=(middle - half).clip(lower=0), high=(middle + half).clip(upper=1), excess=groups["excess"].median()
    )
    return shares.reset_index()


def dead_chains(table: pd.DataFrame) -> pd.DataFrame:
    """The share of chains dead at the start beside 1 − 2^{−(K−2)}, and the distance in standard errors."""
    chains = table[(table["family"] == "ReLU chains") & (table["K"] > 2)]
    groups = chains.groupby("K", as_index=False).agg(dead=("dead", "sum"), chains=("size", "sum"))
    expected = 1 - 0.5 ** (groups["K"] - 2)
    error = (expected * (1 - expected) / groups["chains"]) ** 0.5
    share = groups["dead"] / groups["chains"]
    return groups.assign(share=share, expected=expected, deviations=(share - expected).abs() / error)
