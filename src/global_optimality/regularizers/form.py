"""What many regularizers come to where the layers are balanced: a product of norms."""

from dataclasses import dataclass
from enum import Enum
from typing import final

import torch
from torch import Tensor

Shapes = tuple[tuple[int, ...], ...]
"""(D_1, …, D_K), the shapes of one subnetwork's factors."""


class Norm(Enum):
    """A norm of one factor, all its entries taken as one vector."""

    ONE = 1.0
    TWO = 2.0
    INFINITY = torch.inf

    @classmethod
    def _missing_(cls, value: object) -> "Norm":
        raise ValueError(f"{value} is not the exponent of a known norm: use Norm.ONE, Norm.TWO or Norm.INFINITY.")

    def __call__(self, w: Tensor) -> Tensor:
        """The norm of each subnetwork's factor: ``(n, r, *D_k)`` → ``(n, r)``; at 0 all derivatives are 0, not NaN."""
        flat = w.flatten(2)
        zero = (flat == 0).all(2)
        safe = torch.where(zero[..., None], torch.ones_like(flat), flat)
        size = torch.linalg.vector_norm(safe, ord=self.value, dim=2)
        return torch.where(zero, torch.zeros_like(size), size)


@final
@dataclass(frozen=True)
class NormProduct:
    """c ∏‖wᵏ‖ with a norm for each factor, c = ``constant``; on factors without negative entries if ``non_negative``.

    None stands for a factor without a price, which the product leaves out.

    Regularizers with one such product have one polar, and one Ω, with every φ of degree 1 in each factor.
    """

    norms: tuple[Norm | None, ...]
    constant: float = 1.0
    non_negative: bool = False

    @property
    def euclidean(self) -> bool:
        """Whether all norms are Euclidean and no entry is excluded, whatever the constant."""
        return not self.non_negative and all(norm is Norm.TWO for norm in self.norms)


def euclidean(layers: int) -> NormProduct:
    """∏‖wᵏ‖₂ of so many factors."""
    return NormProduct((Norm.TWO,) * layers)


FREE_BIAS = NormProduct((Norm.TWO, None, Norm.TWO))
"""The product of ``OnLayers(SumOfSquares(), (0, 2))``: a hidden unit's weights have a price, its bias has none."""
