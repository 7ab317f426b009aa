"""Sums and products of norms of the factors."""

from dataclasses import dataclass
from functools import reduce
from operator import add, mul
from typing import ClassVar, final

from torch import Tensor

from ..factors import Factors
from ..settings import number
from .base import Regularizer
from .form import Norm, NormProduct, Shapes, euclidean
from .powers import squares


@dataclass(frozen=True)
class HalfSquares(Regularizer):
    """θ = ½ Σ ‖wᵏ‖² of any number of factors, degree 2; of two it is at least the product of their norms."""

    degree: ClassVar[int] = 2

    def product(self, shapes: Shapes) -> NormProduct | None:
        return euclidean(2) if len(shapes) == 2 else None

    def theta(self, *W: Tensor) -> Tensor:
        return 0.5 * reduce(add, map(squares, W))

    def gradient(self, *W: Tensor) -> Factors:
        return W


@final
@dataclass(frozen=True)
class SumOfSquares(HalfSquares):
    """θ(u, v) = ½(‖u‖² + ‖v‖²), weight decay of two factors, degree 2 (eq. 6)."""


@final
@dataclass(frozen=True)
class ProductOfNorms(Regularizer):
    """θ(w¹, …, wᴷ) = ∏ ‖wᵏ‖ with a norm chosen for each factor, degree K (section 5).

    Not differentiable where a factor is zero; torch takes the subgradient 0 there.
    """

    norms: tuple[Norm, ...] = (Norm.TWO, Norm.TWO)

    def __post_init__(self) -> None:
        if not isinstance(self.norms, tuple | list):
            raise TypeError(f"ProductOfNorms: norms is a {type(self.norms).__name__}: pass (Norm.TWO, Norm.TWO).")
        for norm in self.norms:
            if not isinstance(norm, Norm):
                number("ProductOfNorms: the exponent of a norm", norm)
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
