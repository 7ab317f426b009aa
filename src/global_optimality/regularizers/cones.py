"""Indicators of cones: +∞ outside, the given regularizer inside (section 5: they are positively homogeneous)."""

from dataclasses import dataclass, field, replace
from typing import final

import torch
from torch import Tensor

from ..factors import Factors
from ..settings import instance
from .base import INSIDE, Regularizer
from .form import NormProduct, Shapes
from .norms import SumOfSquares


@final
@dataclass(frozen=True)
class NonNegative(Regularizer):
    """θ plus the indicator of non-negative factors: with ``MatrixProduct``, non-negative matrix factorization.

    ``inside`` is the regularizer within the cone. The polar of such a pair is enclosed, not exact.
    """

    inside: Regularizer = field(default_factory=SumOfSquares)

    def __post_init__(self) -> None:
        instance("NonNegative: inside", self.inside, Regularizer, INSIDE)

    @property
    def degree(self) -> int | float:
        return self.inside.degree

    @property
    def constrained(self) -> bool:
        return True

    def product(self, shapes: Shapes) -> NormProduct | None:
        inside = self.inside.product(shapes)
        return None if inside is None else replace(inside, non_negative=True)

    def theta(self, *W: Tensor) -> Tensor:
        negative = torch.stack([(w.flatten(2) < 0).any(2) for w in W]).any(0)
        value = self.inside.theta(*W)
        return torch.where(negative, torch.full_like(value, torch.inf), value)

    def project(self, *W: Tensor) -> Factors:
        return tuple(w.clamp(min=0) for w in self.inside.project(*W))
