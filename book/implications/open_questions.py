"""What section 6 leaves open: how many subnetworks suffice, and how often gradient descent alone fails with depth."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import product

import numpy as np
import pandas as pd
import torch

from global_optimality.losses import SquaredLoss
from global_optimality.mappings import ReluUnit
from global_optimality.polar import lambda_max
from global_optimality.problem import Problem
from global_optimality.regularizers import SumOfSquares
from global_optimality.sliding_frank_wolfe import solve
from global_optimality.streams import generator, normal

from ..shared import data
from ..shared.outcomes import intervals
from ..shared.relu_problems import descend, plane_problem, reduced, with_bias

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
    counts: Sequence[int], inner: int, shares: Sequence[float], outputs: int, *, draws: Sequence[int], tol: float = 1e-6
) -> pd.DataFrame:
    """One hidden layer on N samples with ``inner`` inputs and a bias, new for every draw: r of a certified optimum.

    That size is an upper bound of the smallest that suffices. Targets sin(3x₁) + x₂² (+ …) and noise; λ is a share of
    λ_max. Sizes above card(X) are reduced by slides along null vectors.
    """
    rows = []
    for draw, N in product(draws, counts):
        stream = generator(draw, "sizes", N, inner, outputs)
        x = normal(stream, N, inner)
        y = torch.stack([torch.sin(3 * x[:, 0] + k) + x[:, -1] ** 2 for k in range(outputs)], 1)
        Y = y + 0.1 * normal(stream, N, outputs)
        problem = Problem(SquaredLoss(Y), ReluUnit(with_bias(x), outputs), SumOfSquares(), 1.0)
        top = lambda_max(problem)
        for share in shares:
            solution = solve(replace(problem, lam=share * top), tol=tol)
            size = reduced(solution.problem, solution.weights)[0].shape[1]
            rows.append((draw, N, share, size, problem.card, solution.relative_gap))
    table = pd.DataFrame(rows, columns=["draw", "N", "share", "size", "card", "relative_gap"])
    return table.assign(family=f"ReLU, d = {inner + 1}, {outputs} output" + "s" * (outputs > 1))


def growth(table: pd.DataFrame, *, level: float = 0.95) -> pd.DataFrame:
    """The exponent b of size ∝ N^b, fitted on each draw: its mean over draws, with an interval, by family and λ."""
    rows = [
        (*key, float(np.polyfit(np.log(part["N"]), np.log(part["size"]), 1)[0]))
        for key, part in table.groupby(["family", "share", "draw"])
    ]
    fitted = pd.DataFrame(rows, columns=["family", "share", "draw", "exponent"])
    found = intervals(fitted, ["family", "share"], "exponent", level=level)
    return found.rename(columns={"mean": "exponent"}).reset_index()


def without_one(N: int, share: float, *, seed: int) -> pd.DataFrame:
    """Each unit of a certified optimum left out in turn, then descent again: the excess that remains."""
    problem = plane_problem(N, 1.0, seed=seed)
    problem = replace(problem, lam=share * lambda_max(problem))
    solution, rows = solve(problem), []
    for i in range(solution.size):
        kept = tuple(torch.cat([w[:, :i], w[:, i + 1 :]], 1) for w in solution.weights)
        rows.append((i, float(problem(*descend(problem, kept))[0]) / solution.objective - 1))
    return pd.DataFrame(rows, columns=["left out", "excess"])
