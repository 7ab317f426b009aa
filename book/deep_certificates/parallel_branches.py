"""Parallel deep linear networks: from the value of one branch down to the nuclear norm's."""

import itertools
from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
from scipy import optimize

from global_optimality import convex
from global_optimality.certificate import certify
from global_optimality.descent import minimise
from global_optimality.factors import take_runs
from global_optimality.losses import SquaredLoss
from global_optimality.mappings import DeepLinear
from global_optimality.problem import Problem
from global_optimality.regularizers import BalancedWeightDecay
from global_optimality.streams import generator, normal


def branches(
    sizes: Sequence[int], *, layers: int, runs: int, seed: int, device: str = "cpu", lam: float = 1.0
) -> pd.DataFrame:
    """Deep linear networks without inputs on a 6 × 5 matrix, full inner width: the best of ``runs`` starts for each r.

    Beside it: the optimum over all sizes (singular value thresholding), and the best way to give each branch some of
    the singular values (``grouped``), which is a network of size r.
    """
    Y = normal(generator(seed, "branches"), 6, 5).to(device)
    problem = Problem(SquaredLoss(Y), DeepLinear(6, (5,) * layers), BalancedWeightDecay(layers), lam)
    optimum = convex.nuclear_norm_approximation(Y.cpu().numpy(), lam).objective
    shared = grouped(np.linalg.svd(Y.cpu().numpy(), compute_uv=False), lam, layers)
    rows = []
    for r in sizes:
        start = problem.random(runs, r, seed=seed, deviation=0.6)
        descent = minimise(problem, start, tol=1e-11, max_steps=3000)
        best = take_runs(descent.weights, descent.objective.argmin()[None])
        c = certify(problem, best)
        row = r, float(c.objective), shared[min(r, len(shared)) - 1], optimum, float(c.relative_gap)
        rows.append((*row, c.verdict(1e-8)[0].name))
    names = ["size", "objective", "grouped", "optimum", "relative_gap", "verdict"]
    return pd.DataFrame(rows, columns=names).assign(layers=layers)


def grouped(sigma: np.ndarray, lam: float, layers: int) -> list[float]:
    """min ½Σ(σ_i − x_i)² + λ Σ_groups (Σ x_i^{2/K})^{K/2} over partitions of the singular values into at most r groups.

    One value for each r = 1, …, len(σ). For r = 1 that is the optimum of a single network (Schatten-2/K), to the
    accuracy of the local searches from each support.
    """
    gain = {group: _gain(np.array([sigma[i] for i in group]), lam, layers) for group in _subsets(range(len(sigma)))}
    best = [0.0] * (len(sigma) + 1)
    for partition in _partitions(tuple(range(len(sigma)))):
        value = sum(gain[group] for group in partition)
        best[len(partition)] = max(best[len(partition)], value)
    return [0.5 * float(sigma @ sigma) - max(best[: r + 1]) for r in range(1, len(sigma) + 1)]


def _gain(sigma: np.ndarray, lam: float, layers: int) -> float:
    """By how much one branch lowers f when it holds these singular values (or fewer of them)."""

    def objective(root: np.ndarray) -> float:
        square = float(root @ root)
        return float(0.5 * ((sigma - np.abs(root) ** layers) ** 2).sum() + lam * square ** (layers / 2))

    values = [
        optimize.minimize(objective, [s ** (1 / layers) if i in kept else 0.0 for i, s in enumerate(sigma)]).fun
        for kept in _subsets(range(len(sigma)))
    ]
    return max(0.0, 0.5 * float(sigma @ sigma) - min(values))


def _subsets(items: Sequence[int]) -> Iterator[tuple[int, ...]]:
    return itertools.chain.from_iterable(itertools.combinations(items, k) for k in range(1, len(items) + 1))


def _partitions(items: tuple[int, ...]) -> Iterator[list[tuple[int, ...]]]:
    """All partitions into non-empty groups."""
    if not items:
        yield []
        return
    first, rest = items[0], items[1:]
    for others in itertools.chain([()], _subsets(rest)):
        left = tuple(i for i in rest if i not in others)
        for partition in _partitions(left):
            yield [(first, *others), *partition]
