"""A nondegenerate pair whose Ω is attained by no network: why Proposition 1 and Theorem 2 need that A is closed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, final

import pandas as pd
import torch
from torch import Tensor

from global_optimality.certificate import certify
from global_optimality.factors import Factors
from global_optimality.losses import SquaredLoss
from global_optimality.mappings.base import Mapping
from global_optimality.polar import PolarBound
from global_optimality.problem import Problem
from global_optimality.regularizers import OnLayers, PowerDecay

TARGET = 2.0
"""With λ = 1 the infimum of ½(2 − X)² + Ω(X), Ω(X) = X for X ≥ 0, is 3/2 at X = 1."""

INFIMUM = 1.5


@final
@dataclass(frozen=True)
class Saturating(Mapping):
    """φ(a, b) = a²b²/(a² + b²), φ(0, 0) = 0: continuous, degree 2, and below a² for every b; factors ``(n, r, 1)``."""

    degree: ClassVar[int] = 2

    @property
    def shape(self) -> tuple[int, ...]:
        return (1,)

    @property
    def factor_shapes(self) -> tuple[tuple[int, ...], ...]:
        return ((1,), (1,))

    def phi(self, *W: Tensor) -> Tensor:
        a, b = (w.square() for w in W)
        total = a + b
        return torch.where(total > 0, a * b / torch.where(total > 0, total, 1.0), 0.0)


def problem() -> Problem:
    """½(2 − Σ φ(a_i, b_i))² + Σ a_i²: the weights b cost nothing, and φ nears a_i² only as they grow."""
    return Problem(
        SquaredLoss(torch.tensor([TARGET], dtype=torch.float64)), Saturating(), OnLayers(PowerDecay(2), (0,)), 1
    )


def polar(Q: Tensor) -> PolarBound:
    """Ω°(Q) = max(Q, 0), the supremum over a = 1 and all b, attained by none of them; the atom has b = 1."""
    supremum = Q[:, 0].clamp(min=0)
    one = torch.ones_like(supremum)[:, None, None]
    return PolarBound(0.5 * supremum, supremum, (one, one))


def producing_one(b: float) -> Factors:
    """One unit with this b > 1 and the output 1: a² = b²/(b² − 1), so that it costs 1/(b² − 1) more than Ω(1) = 1."""
    return torch.tensor([[[(b**2 / (b**2 - 1)) ** 0.5]]], dtype=torch.float64), torch.tensor(
        [[[b]]], dtype=torch.float64
    )


def approach(sizes: Sequence[float]) -> pd.DataFrame:
    """For each b: output, cost θ − 1 above Ω(1), and the certified gap of f above its infimum 3/2."""
    f, rows = problem(), []
    for b in sizes:
        W = producing_one(b)
        certificate = certify(f, W, polar)
        cost = float(f.regularizer.Theta(*W)) - 1
        rows.append((b, float(f.mapping.Phi(*W)), cost, 1 / (b**2 - 1), float(certificate.gap)))
    return pd.DataFrame(rows, columns=["b", "output", "excess", "by_hand", "gap"])
