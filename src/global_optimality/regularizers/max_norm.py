"""Max-norm: the incoming weights of every hidden unit stay in a ball, which is no cone (Srivastava et al. 2014)."""

import math
from dataclasses import dataclass
from typing import ClassVar, final

import torch
from torch import Tensor

from ..factors import Factors
from ..settings import instance, number
from .base import INSIDE, Regularizer


@final
@dataclass(frozen=True)
class MaxNorm(Regularizer):
    """θ = ``inside``, and +∞ where the incoming weights of a hidden unit are longer than ``radius``; has no degree.

    Hidden units are the columns of a matrix, the channels of a filter bank, a vector as a whole, in all factors but the
    last. A ball is no cone: a ``Problem`` needs ``allow_mismatch=True``. ``ValueError`` unless 0 < radius < ∞.
    """

    degree: ClassVar[float] = math.nan

    inside: Regularizer
    radius: float

    def __post_init__(self) -> None:
        number("MaxNorm: radius", self.radius, finite=True)
        if instance("MaxNorm: inside", self.inside, Regularizer, INSIDE).constrained:
            raise ValueError("MaxNorm: take a regularizer without constraints inside.")

    @property
    def constrained(self) -> bool:
        return True

    def theta(self, *W: Tensor) -> Tensor:
        value = self.inside.theta(*W)
        slack = self.radius * (1 + 8 * torch.finfo(value.dtype).eps)  # a projected weight may exceed it by rounding
        outside = [(_incoming(w).flatten(2) > slack).any(2) for w in W[:-1]]
        return torch.where(torch.stack(outside).any(0), torch.full_like(value, torch.inf), value) if outside else value

    def project(self, *W: Tensor) -> Factors:
        shorter = (self.radius / _incoming(w).clamp(min=self.radius) * w for w in W[:-1])
        return (*shorter, W[-1])


def _incoming(w: Tensor) -> Tensor:
    """The norm of each unit's incoming weights, shaped to divide w ``(n, r, *D_k)``."""
    axes = (2,) if w.dim() <= 4 else tuple(range(3, w.dim()))
    return torch.linalg.vector_norm(w, dim=axes, keepdim=True)
