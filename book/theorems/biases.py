"""Three layers with biases: weighted homogeneity measured, and a network certified."""

import torch

from global_optimality.homogeneity import measure_degree, random_points
from global_optimality.losses import SquaredLoss
from global_optimality.mappings import DeepBiasedRelu, DeepRelu
from global_optimality.problem import Problem
from global_optimality.regularizers import SumOfPowers, WeightedPowers
from global_optimality.sliding_frank_wolfe import Solution, solve


def curve(N: int, lam: float) -> Problem:
    """sin 2x at N points of [−1.5, 1.2] by three-layer chains of width one, with a bias in both hidden layers."""
    x = torch.linspace(-1.5, 1.2, N, dtype=torch.float64)
    mapping = DeepBiasedRelu(torch.stack([x, torch.ones_like(x)], 1), (1, 1, 1))
    return Problem(SquaredLoss(torch.sin(2 * x)[:, None]), mapping, WeightedPowers(mapping.exponents, 3), lam)


def with_and_without(problem: Problem, solution: Solution) -> tuple[float, float]:
    """The objective of the solution, and a lower bound of all networks without the bias of the second layer."""
    assert isinstance(problem.mapping, DeepBiasedRelu)
    plain = DeepRelu(problem.mapping.S, problem.mapping.widths)
    other = solve(Problem(problem.loss, plain, SumOfPowers(plain.degree), problem.lam), tol=1e-6)
    return solution.objective, float(other.certificate.lower_bound)


def residuals(problem: Problem) -> tuple[float, float]:
    """How far φ is from having a degree: under uniform scaling, and under scaling with its exponents."""
    points = random_points(problem.mapping.factor_shapes)
    uniform = measure_degree(problem.mapping.phi, points)
    weighted = measure_degree(problem.mapping.phi, points, problem.mapping.exponents)
    return uniform.residual, weighted.residual
