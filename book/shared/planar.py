"""Data in the plane, no bias, one hidden layer: the weights u lie on a circle, and the whole polar can be drawn."""

import math
from dataclasses import replace
from typing import Any

import pandas as pd
import torch

from global_optimality.factors import zeros_like_slice
from global_optimality.losses import SquaredLoss
from global_optimality.mappings import ReluUnit
from global_optimality.polar import lambda_max
from global_optimality.problem import Problem
from global_optimality.regularizers import SumOfSquares
from global_optimality.sliding_frank_wolfe import Solution
from global_optimality.streams import generator, normal

from .relu_problems import inputs
from .tables import frame


def planar_problem(N: int, share: float, *, seed: int) -> Problem:
    """N normal samples in the plane, y = 2 sin(2x₁) + x₂ + 0.3 noise, λ a share of λ_max."""
    stream = generator(seed, "planar", N)
    S = normal(stream, N, 2)
    y = 2 * torch.sin(2 * S[:, 0]) + S[:, 1] + 0.3 * normal(stream, N)
    problem = Problem(SquaredLoss(y[:, None]), ReluUnit(S), SumOfSquares(), 1.0)
    return replace(problem, lam=share * lambda_max(problem))


def heights(solution: Solution, points: int) -> pd.DataFrame:
    """|Σ_n q_n (s_nᵀu)₊|/λ at u = (cos α, sin α), for the residual q of the solution and of the zero network."""
    problem, angle = solution.problem, 2 * math.pi * torch.arange(points + 1, dtype=torch.float64) / points
    hidden = torch.relu(inputs(problem) @ torch.stack([angle.cos(), angle.sin()]))
    networks = {"zero": zeros_like_slice(solution.weights), "optimum": solution.weights}
    gains = {name: (residual(problem, W) @ hidden).abs() / problem.lam for name, W in networks.items()}
    return frame(angle=angle, **gains)


def residual(problem: Problem, W: tuple[torch.Tensor, ...]) -> torch.Tensor:
    """q = −∇ℓ at one network with one output, ``(N,)``."""
    return -problem.loss.gradient(problem.mapping.Phi(*W))[0, :, 0]


def angles(solution: Solution) -> torch.Tensor:
    """Where the units' u point, in [0, 2π), ``(r,)``."""
    u = solution.weights[0][0]
    return torch.atan2(u[:, 1], u[:, 0]).remainder(2 * math.pi)


def planar_data(solution: Solution) -> dict[str, Any]:
    """What a page needs to draw the polar and to let samples move: S, y, λ, the units, and the optimum's residual."""
    problem, (U, V) = solution.problem, (w[0] for w in solution.weights)
    network = {"U": U, "V": V[:, 0], "units": angles(solution), "q": residual(problem, solution.weights)}
    return {"S": inputs(problem), "y": problem.loss.Y[:, 0], "lam": problem.lam, **network}
