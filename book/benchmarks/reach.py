"""Data sets with all their features: what one `solve` proves, each in a process of its own, with its peak memory."""

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import pandas as pd
import torch
from torch import Tensor

from claimbook.sweeps import Sweep
from global_optimality.losses import CrossEntropyLoss, SquaredLoss
from global_optimality.mappings import ReluUnit
from global_optimality.problem import Problem
from global_optimality.regularizers import SumOfSquares
from global_optimality.sliding_frank_wolfe import solve

from ..shared import data
from ..shared.planted_relu import teacher_problem
from ..shared.relu_problems import inputs, plane_problem, with_bias
from .alone import peak
from .timing import clocked

LIMIT = 600.0
"""Seconds by the clock that one solve has."""

DIABETES = 0.2 * 318.0951
"""λ: a fifth of the largest that allows a nonzero network, which takes the polar a minute to enclose."""


def classes(samples: data.Samples, lam: float) -> Problem:
    """Cross-entropy on all standardised features and a bias."""
    loss = CrossEntropyLoss(samples.target)
    return Problem(loss, ReluUnit(with_bias(standard(samples.S)), loss.Y.shape[1]), SumOfSquares(), lam)


def scores(samples: data.Samples, lam: float) -> Problem:
    """Squares on all standardised features and a bias, the targets standardised."""
    loss = SquaredLoss(standard(samples.target[:, None]))
    return Problem(loss, ReluUnit(with_bias(standard(samples.S))), SumOfSquares(), lam)


def standard(columns: Tensor) -> Tensor:
    """Columns of mean 0 and deviation 1."""
    return (columns - columns.mean(0)) / columns.std(0)


PROBLEMS: dict[str, tuple[Callable[[], Problem], float]] = {
    "iris, three classes": (lambda: classes(data.iris(), 1.0), 1e-6),
    "wine, three classes": (lambda: classes(data.wine(), 1.0), 1e-2),
    "diabetes, a score": (lambda: scores(data.diabetes(), DIABETES), 1e-2),
    "teacher, ten features": (lambda: teacher_problem(100, 10, 1.0, seed=0), 1e-2),
    "teacher, ten features, closer": (lambda: teacher_problem(100, 10, 1.0, seed=0), 1e-3),
    "teacher, twenty features": (lambda: teacher_problem(100, 20, 1.0, seed=0), 1e-1),
    "plane, ten thousand samples": (lambda: plane_problem(10_000, 10.0, seed=0), 1e-6),
}
"""What is solved, and the relative gap asked for."""


def reach(shared: dict[str, Any], _: list[dict[str, Any]]) -> pd.DataFrame:
    """One row a problem: the relative gap proved within ``LIMIT``, processor seconds, memory added to the process."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as alone:
        return pd.DataFrame([alone.submit(solved, shared["problem"]).result()])


RELU_REACH = Sweep(reach, {"problem": list(PROBLEMS)})


def solved(name: str) -> dict[str, object]:
    """The row of one problem, computed in this process."""
    torch.set_num_threads(1)
    make, tol = PROBLEMS[name]
    problem, before = make(), peak()
    solution, seconds = clocked(lambda: solve(problem, tol=tol, time_limit=LIMIT))
    N, d = inputs(problem).shape
    row: dict[str, object] = {"N": N, "d": d, "outputs": problem.loss.Y.shape[1], "lam": problem.lam, "tol": tol}
    row |= {"units": solution.size, "objective": solution.objective, "relative_gap": solution.relative_gap}
    row |= {"cpu_seconds": seconds.cpu, "seconds": seconds.wall, "megabytes": (peak() - before) / 2**20}
    return {**row, "ended": solution.status.name, "limit": LIMIT, "threads": 1}
