"""The lower bound −ℓ*(G) of every loss, by hand at the zero network of one small problem, and by machine."""

import math

import pandas as pd
import torch

from global_optimality.certificate import certify
from global_optimality.descent import LBFGS, minimise
from global_optimality.losses import CrossEntropyLoss, LogisticLoss, Loss, MaskedSquaredLoss, SquaredLoss
from global_optimality.mappings import MatrixProduct
from global_optimality.problem import Problem
from global_optimality.regularizers import SumOfSquares

from ..shared.tables import frame


def _tensor(*rows: list[float]) -> torch.Tensor:
    return torch.tensor(rows, dtype=torch.float64)


def problems() -> list[tuple[str, Problem, float]]:
    """Name, problem of one small matrix, and the bound calculated by hand on the page."""
    entropy = -(0.25 * math.log(0.25) + 0.75 * math.log(0.75))
    unseen = MaskedSquaredLoss(_tensor([2.0, 0.0]), torch.tensor([[True, False]]))
    cases: list[tuple[str, Loss, tuple[int, int], float, float]] = [
        ("squared", SquaredLoss(_tensor([2.0])), (1, 1), 0.5, 7 / 8),
        ("squared, one entry unseen", unseen, (1, 2), 0.5, 7 / 8),
        ("logistic", LogisticLoss(_tensor([1.0])), (1, 1), 0.25, entropy),
        ("cross-entropy", CrossEntropyLoss(torch.tensor([0]), classes=2), (1, 2), 2**0.5 / 4, entropy),
        (
            "squared, free output bias",
            SquaredLoss(_tensor([1.0], [3.0]), output_bias=0.0),
            (2, 1),
            0.5,
            0.5**0.5 - 0.125,
        ),
    ]
    return [
        (name, Problem(loss, MatrixProduct(*shape), SumOfSquares(), lam), bound)
        for name, loss, shape, lam, bound in cases
    ]


def by_hand() -> pd.DataFrame:
    """One row a loss: the bound by hand, the certificate's at the zero network, and the least f that descent finds."""
    rows = []
    for name, problem, bound in problems():
        zero = tuple(torch.zeros_like(w) for w in problem.random(1, 1))
        found = minimise(problem, problem.random(4, 1, seed=0), LBFGS(), tol=1e-12).objective.min()
        rows.append((name, problem.lam, bound, float(certify(problem, zero).lower_bound), float(found)))
    names = ["loss", "lam", "by_hand", "machine", "optimum"]
    return frame(**dict(zip(names, zip(*rows, strict=True), strict=True)))
