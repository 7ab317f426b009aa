"""Planted problems with one hidden layer, their descent on faces, and escapes along the polar's atom."""

from collections.abc import Iterator

import pandas as pd
import torch
from torch import Tensor

from global_optimality.certificate import Certificate, Verdict, certify
from global_optimality.factors import Factors, append, scale, slice_norms, zeros_like_slice
from global_optimality.losses import SquaredLoss
from global_optimality.mappings import ReluUnit
from global_optimality.meta_algorithm import null_vectors
from global_optimality.polar import Polar
from global_optimality.problem import Problem
from global_optimality.regularizers import SumOfSquares
from global_optimality.sliding_frank_wolfe import Solution
from global_optimality.sliding_frank_wolfe.local import local_of
from global_optimality.streams import generator, normal

from .tables import frame

ON_KINK = 1e-9
"""A unit lies on the hyperplane of a sample when |⟨s, u⟩| ≤ ON_KINK ‖s‖ ‖u‖."""

TOL = 1e-7
"""Relative gap below which a run of the census counts as global."""


def with_bias(x: Tensor) -> Tensor:
    """Inputs ``(N, d)`` with a last column of ones: a regularised hidden bias."""
    return torch.cat([x, torch.ones(len(x), 1, dtype=x.dtype)], dim=1)


def plane_problem(N: int, lam: float, *, seed: int) -> Problem:
    """Two standard normal inputs and the bias, y = sin(3x₁) + x₂² + 0.1 noise: d = 3."""
    stream = generator(seed, "plane", N)
    x = normal(stream, N, 2)
    y = torch.sin(3 * x[:, 0]) + x[:, 1] ** 2 + 0.1 * normal(stream, N)
    return Problem(SquaredLoss(y[:, None]), ReluUnit(with_bias(x)), SumOfSquares(), lam)


def inputs(problem: Problem) -> Tensor:
    """S ``(N, d)`` of a problem with one hidden layer."""
    assert isinstance(problem.mapping, ReluUnit)
    return problem.mapping.S


def samples(problem: Problem) -> pd.DataFrame:
    """Inputs x1 (and x2) with their targets."""
    S = inputs(problem)
    columns = {f"x{k + 1}": S[:, k] for k in range(S.shape[1] - 1)}
    return frame(**columns, y=problem.loss.Y[:, 0])


def descend(problem: Problem, W: Factors) -> Factors:
    """Local descent of one run that handles kinks; the units it no longer needs are left out. f never rises."""
    return local_of(problem)(W, zeros_like_slice(W), lambda: False)


def take_alive(W: Factors) -> Factors:
    """The units that are not zero (one zero unit if all are)."""
    alive = slice_norms(W)[0] > 0
    return tuple(w[:, alive] for w in W) if bool(alive.any()) else tuple(w[:, :1] for w in W)


def escape(problem: Problem, W: Factors, r: int, polar: Polar) -> Iterator[tuple[Factors, Certificate]]:
    """The weights, certified; then while one of r units is zero, the polar exceeds λ and f falls: put its atom there,
    descend, and certify again."""
    while True:
        certificate = certify(problem, W, polar)
        yield W, certificate
        if active_units(W) >= r or certificate.verdict(TOL)[0] is Verdict.CERTIFIED:
            return
        new = descend(problem, append(W, certificate.escape))
        if not bool(problem(*new) < problem(*W)):
            return
        W = new


def active_units(W: Factors) -> int:
    """How many units of one run are not zero."""
    return int((slice_norms(W)[0] > 0).sum())


def line_problem(N: int, lam: float, *, seed: int) -> Problem:
    """N samples of sin(3x) plus noise on [−1.5, 1.5]; with the bias, d = 2."""
    x = torch.linspace(-1.5, 1.5, N, dtype=torch.float64)
    y = torch.sin(3 * x) + 0.1 * normal(generator(seed, "line", N), N)
    return Problem(SquaredLoss(y[:, None]), ReluUnit(with_bias(x[:, None])), SumOfSquares(), lam)


def units(solution: Solution) -> pd.DataFrame:
    """One row a hidden unit: weights u, output weight v, and how many samples lie on its hyperplane."""
    U, V = (w[0] for w in solution.weights)
    S = inputs(solution.problem)
    sine = (U @ S.T).abs() / (U.norm(dim=1)[:, None] * S.norm(dim=1))
    columns = {f"u{k + 1}": U[:, k] for k in range(U.shape[1])}
    return frame(**columns, v=V[:, 0], kinks=(sine <= ON_KINK).sum(1))


def reduced(problem: Problem, W: Factors) -> Factors:
    """The same output from at most card(X) units: slides along null vectors (step 3 of Theorem 2), Θ never rising."""
    while W[0].shape[1] > problem.card:
        beta = null_vectors(problem, W)[0]
        W = take_alive(scale(W, (1 + beta).clamp(min=0).sqrt()[None]))
    return W
