"""Sums and products of norms of the factors."""

from dataclasses import dataclass
from functools import reduce
from operator import mul
from typing import final

import torch
from torch import Tensor

from .base import Regularizer
from .form import Norm, NormProduct, Shapes, euclidean


@final
@dataclass(frozen=True)
class SumOfSquares(Regularizer):
    """θ(u, v) = ½(‖u‖² + ‖v‖²), weight decay of two factors, degree 2 (eq. 6)."""

    @property
    def degree(self) -> int:
        return 2

    def product(self, shapes: Shapes) -> NormProduct | None:
        return euclidean(2) if len(shapes) == 2 else None

    def theta(self, *W: Tensor) -> Tensor:
        return 0.5 * sum((w.flatten(2).square().sum(2) for w in W), start=torch.zeros_like(W[0].flatten(2)[..., 0]))


@final
@dataclass(frozen=True)
class ProductOfNorms(Regularizer):
    """θ(w¹, …, wᴷ) = ∏ ‖wᵏ‖ with a norm chosen for each factor, degree K (section 5).

    Not differentiable where a factor is zero; torch takes the subgradient 0 there.
    """

    norms: tuple[Norm, ...] = (Norm.TWO, Norm.TWO)

    def __post_init__(self) -> None:
        norms = tuple(Norm(float(norm.value if isinstance(norm, Norm) else norm)) for norm in self.norms)
        if len(norms) < 1:
            raise ValueError("ProductOfNorms needs one norm for each factor: pass e.g. norms=(Norm.TWO, Norm.TWO).")
        object.__setattr__(self, "norms", norms)

    @property
    def degree(self) -> int:
        return len(self.norms)

    def product(self, shapes: Shapes) -> NormProduct | None:
        return NormProduct(self.norms) if len(shapes) == len(self.norms) else None

    def theta(self, *W: Tensor) -> Tensor:
        if len(W) != len(self.norms):
            raise ValueError(f"{len(self.norms)} norms for {len(W)} factors: pass one norm for each factor.")
        return reduce(mul, (norm(w) for norm, w in zip(self.norms, W, strict=True)))
