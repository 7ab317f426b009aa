"""One hidden layer: growth of the exact polar's time, `solve` against the whole convex program, certified training."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import cvxpy as cp
import numpy as np
import pandas as pd
import torch
from torch import Tensor

from book.certified_training.digits_plane import all_digits
from claimbook.sweeps import Sweep
from global_optimality.arrangement import cells
from global_optimality.convex.relu import pilanci_ergen
from global_optimality.effort import Clock, Effort
from global_optimality.factors import Factors
from global_optimality.losses import LogisticLoss, SquaredLoss
from global_optimality.polar import Oracle, PolarBound, polar_of
from global_optimality.problem import Problem
from global_optimality.sliding_frank_wolfe import Round, Solution, solve
from global_optimality.streams import generator, normal

from ..shared.planted_relu import teacher_problem
from ..shared.relu_problems import inputs, plane_problem
from .timing import Seconds, clocked, clocked_medians

LAM = 0.1
LIMIT = 60.0
"""Seconds at which the gap is read off."""
CELL_BY_CELL = 40
"""Samples up to which the convex program is also written cell by cell: beyond, its building takes minutes."""


def exact_polar(*, sizes: Sequence[int], rounds: int = 3, seed: int = 0) -> pd.DataFrame:
    """Seconds of the exact polar, d = 3, by N: the sorted arrangement (once a data set) and one Q of random numbers."""
    rows = []
    for N in sizes:
        problem = plane_problem(N, LAM, seed=seed)
        Q = normal(generator(seed, "exact polar", N), 1, N, 1)
        polar = polar_of(problem)
        sides = {"sort": lambda p=problem: polar_of(p), "polar": lambda polar=polar, Q=Q: polar(Q)}
        seconds = clocked_medians(sides, rounds=rounds)
        bound = polar(Q)
        rows.append(
            {
                "N": N,
                "sort_seconds": seconds["sort"].wall,
                "sort_cpu_seconds": seconds["sort"].cpu,
                "polar_seconds": seconds["polar"].wall,
                "polar_cpu_seconds": seconds["polar"].cpu,
                "width": float(bound.upper / bound.lower) - 1,
            }
        )
    return pd.DataFrame(rows).assign(rounds=rounds, threads=torch.get_num_threads())


def convex_program(*, sizes: Sequence[int], rounds: int = 3, seed: int = 0) -> pd.DataFrame:
    """``solve`` against the convex program of all cells in CVXPY and Clarabel, build and solve, by N; d = 3.

    The peer is written twice: cell by cell, as its formula reads, and with sparse matrices assembled in one piece
    (``pilanci_ergen``). Its cells are listed outside its time; its tolerance is 1e-8, as that of ``solve``.
    ``difference`` is that of the objectives from ours, relative; ``ratio`` that of the CPU seconds.
    """
    rows = []
    for N in sizes:
        problem = plane_problem(N, LAM, seed=seed)
        S, y = inputs(problem), problem.loss.Y[:, 0]
        patterns = cells(S).active.numpy()
        data = S.numpy(), y.numpy(), LAM, patterns
        sides: dict[str, Callable[[], float]] = {
            "solve": lambda problem=problem: solve(problem, tol=1e-8).objective,
            "CVXPY, assembled": lambda data=data: pilanci_ergen(*data, tolerance=1e-8).objective,
            "CVXPY, cell by cell": lambda data=data: cell_by_cell(*data, tolerance=1e-8),
        }
        if N > CELL_BY_CELL:
            del sides["CVXPY, cell by cell"]
        reached = {way: side() for way, side in sides.items()}
        for way, seconds in clocked_medians(sides, rounds=rounds).items():
            rows.append({"N": N, "cells": len(patterns), "way": way, "seconds": seconds.wall})
            rows[-1]["cpu_seconds"] = seconds.cpu
            rows[-1]["objective"] = reached[way]
            rows[-1]["difference"] = abs(reached[way] / reached["solve"] - 1)
    table = pd.DataFrame(rows)
    own = {row["N"]: row["cpu_seconds"] for row in rows if row["way"] == "solve"}
    table["ratio"] = [seconds / own[N] for N, seconds in zip(table["N"], table["cpu_seconds"], strict=True)]
    return table.assign(lam=LAM, rounds=rounds, threads=torch.get_num_threads())


def cell_by_cell(S: np.ndarray, y: np.ndarray, lam: float, patterns: np.ndarray, *, tolerance: float) -> float:
    """The optimal value of the program of ``pilanci_ergen`` for the squared loss, one term and two cones a cell."""
    P, d = len(patterns), S.shape[1]
    plus, minus = cp.Variable((P, d)), cp.Variable((P, d))
    output = sum((patterns[k][:, None] * S) @ (plus[k] - minus[k]) for k in range(P))
    norms = cp.sum(cp.norm(plus, 2, axis=1)) + cp.sum(cp.norm(minus, 2, axis=1))
    sides = [(2.0 * patterns[k] - 1)[:, None] * S for k in range(P)]
    cones = [sides[k] @ units[k] >= 0 for k in range(P) for units in (plus, minus)]
    program = cp.Problem(cp.Minimize(0.5 * cp.sum_squares(output - y) + lam * norms), cones)
    tolerances = dict.fromkeys(("tol_gap_abs", "tol_gap_rel", "tol_feas"), tolerance)
    return float(program.solve(solver=cp.CLARABEL, max_iter=500, **tolerances))  # type: ignore[arg-type]


@dataclass(eq=False)
class Timed(Oracle):
    """A polar that adds up the seconds of its calls for a bound: what certifying costs."""

    oracle: Oracle
    spent: list[Seconds] = field(default_factory=list)

    def __call__(self, Q: Tensor) -> PolarBound:
        bound, seconds = clocked(lambda: self.oracle(Q))
        self.spent.append(seconds)
        return bound

    def atoms(self, Q: Tensor, count: int, above: float) -> Factors:
        return self.oracle.atoms(Q, count, above)

    def ascend(self, Q: Tensor, W: Factors, count: int, above: float) -> Factors:
        return self.oracle.ascend(Q, W, count, above)

    def spending(self, effort: Effort) -> "Timed":
        return Timed(self.oracle.spending(effort), self.spent)

    def within(self, clock: Clock) -> "Timed":
        return Timed(self.oracle.within(clock), self.spent)


TARGETS: dict[str, tuple[Callable[[], Problem], float]] = {
    "plane": (lambda: plane_problem(200, LAM, seed=0), 1e-8),
    "five-unit teacher": (lambda: teacher_problem(100, 5, 1.0, seed=0), 1e-4),
    "digits, squared": (lambda: all_digits(SquaredLoss, 0.03), 1e-6),
    "digits, logistic": (lambda: all_digits(LogisticLoss, 0.03), 1e-6),
}
"""The project's, and the relative gap asked for."""


def certified_training(shared: dict[str, Any], _: list[dict[str, Any]]) -> pd.DataFrame:
    """One of the targets to a certificate, solving and certifying timed apart."""
    make, tol = TARGETS[shared["problem"]]
    return pd.DataFrame([certified_row(make(), tol)]).assign(threads=torch.get_num_threads())


def exact_polar_at(shared: dict[str, Any], _: list[dict[str, Any]]) -> pd.DataFrame:
    """One N."""
    return exact_polar(sizes=[shared["N"]])


def convex_program_at(shared: dict[str, Any], _: list[dict[str, Any]]) -> pd.DataFrame:
    """One N."""
    return convex_program(sizes=[shared["N"]])


RELU = {
    "relu_exact_polar": Sweep(exact_polar_at, {"N": [250, 500, 1000, 2000, 10_000]}),
    "relu_convex_program": Sweep(convex_program_at, {"N": [20, 30, 40, 60]}, packages=("cvxpy", "clarabel")),
    "relu_certified_training": Sweep(certified_training, {"problem": list(TARGETS)}),
}


def certified_row(problem: Problem, tol: float, *, time_limit: float | None = None) -> dict[str, object]:
    """``solve`` on one problem: its size, the certificate, seconds in all and in the polar's bounds, gap at LIMIT."""
    polar, sorting = clocked(lambda: polar_of(problem))
    assert isinstance(polar, Oracle)
    timed = Timed(polar)
    solution, seconds = clocked(lambda: solve(problem, tol=tol, polar=timed, time_limit=time_limit))
    N, d = inputs(problem).shape
    return {
        "N": N,
        "d": d,
        "lam": problem.lam,
        "tol": tol,
        "units": solution.size,
        "objective": solution.objective,
        "relative_gap": solution.relative_gap,
        "gap_at_60_s": gap_at(solution, LIMIT),
        "seconds": sorting.wall + seconds.wall,
        "cpu_seconds": sorting.cpu + seconds.cpu,
        "certifying_cpu_seconds": sorting.cpu + sum(s.cpu for s in timed.spent),
        "status": solution.status.name,
    }


def gap_at(solution: Solution, seconds: float) -> float:
    """The relative gap that was proved within so many wall-clock seconds; +∞ if none was."""

    def gap(r: Round) -> float:
        proved = math.isfinite(r.best_bound)
        return max(r.objective - r.best_bound, 0.0) / abs(r.objective) if proved else math.inf

    return min((gap(r) for r in solution.history if r.seconds <= seconds), default=math.inf)
