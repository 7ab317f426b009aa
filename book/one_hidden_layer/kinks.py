"""How the kinks of certified fits move with λ: one input and the bias."""

from typing import Any

import pandas as pd
import torch

from global_optimality.polar import lambda_max
from global_optimality.problem import Problem
from global_optimality.sliding_frank_wolfe import Solution, solve_path

from ..shared.relu_problems import inputs
from ..shared.tables import frame


def fits(problem: Problem, count: int) -> list[Solution]:
    """Certified optima for ``count`` λ from 0.95 λ_max down to 0.005 λ_max, evenly spaced in log λ."""
    shares = 0.95 * torch.logspace(0, -2.28, count, dtype=torch.float64)
    return solve_path(problem, (lambda_max(problem) * shares).tolist())


def places(solutions: list[Solution]) -> pd.DataFrame:
    """One row a unit of each fit: its λ, and the input at which it switches on."""
    tables = []
    for solution in solutions:
        U = solution.weights[0][0]
        tables.append(frame(lam=solution.problem.lam, kink=-U[:, 1] / U[:, 0]))
    return pd.concat(tables, ignore_index=True)


def worst_gap(solutions: list[Solution]) -> float:
    """The largest certified relative gap of the path."""
    return max(solution.relative_gap for solution in solutions)


def fits_data(solutions: list[Solution]) -> dict[str, Any]:
    """What a page needs to show any fit of the path: samples, and λ with the weights of each fit."""
    problem = solutions[0].problem
    networks = [{"lam": s.problem.lam, "U": s.weights[0][0], "V": s.weights[1][0, :, 0]} for s in solutions]
    return {"x": inputs(problem)[:, 0], "y": problem.loss.Y[:, 0], "fits": networks, "start": len(networks) // 2}
