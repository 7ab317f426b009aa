"""Planted problems for one hidden layer of any input dimension: a teacher of few units, noise, no bias."""

import torch

from global_optimality.losses import SquaredLoss
from global_optimality.mappings import ReluUnit
from global_optimality.problem import Problem
from global_optimality.regularizers import SumOfSquares
from global_optimality.streams import generator, normal


def teacher_problem(N: int, d: int, lam: float, *, units: int = 5, noise: float = 0.1, seed: int) -> Problem:
    """Standard normal S ``(N, d)``; y is a teacher of ``units`` units of alternating signs, scaled to unit deviation.

    Then ``noise`` times standard normal numbers are added.
    """
    stream = generator(seed, "planted", N, d)
    S, U = normal(stream, N, d), normal(stream, units, d)
    signs = torch.tensor([(-1.0) ** i for i in range(units)], dtype=S.dtype)
    y = torch.relu(S @ U.T) @ signs
    y = y / y.std() + noise * normal(stream, N)
    return Problem(SquaredLoss(y[:, None]), ReluUnit(S), SumOfSquares(), lam)
