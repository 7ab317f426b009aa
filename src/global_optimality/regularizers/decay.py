"""Decays whose degree does not follow the depth: weight decay as commonly used has degree 2 or 1 (section 6)."""

from dataclasses import dataclass
from typing import ClassVar, final

from torch import Tensor

from ..factors import Factors
from ..settings import whole
from .base import Regularizer
from .form import NormProduct, Shapes, euclidean
from .norms import HalfSquares
from .powers import power, squares, sum_of, times


@final
@dataclass(frozen=True)
class L1Decay(Regularizer):
    """θ = Σ ‖wᵏ‖₁ of any number of layers, degree 1; torch takes the subgradient 0 at zero entries."""

    degree: ClassVar[int] = 1

    def theta(self, *W: Tensor) -> Tensor:
        return sum_of([w.flatten(2).abs().sum(2) for w in W])


@final
@dataclass(frozen=True)
class PowerDecay(Regularizer):
    """θ = (1/K) Σ ‖wᵏ‖^q of any number K of layers, Euclidean norms, degree q: 1 where all K layers have norm 1.

    q = K is ``SumOfPowers(K)``, q = 2 is 2/K times ``WeightDecay``. ``ValueError`` for q < 1.
    """

    q: int

    def __post_init__(self) -> None:
        whole("PowerDecay: the degree q", self.q, 1)

    @property
    def degree(self) -> int:
        return self.q

    def theta(self, *W: Tensor) -> Tensor:
        return sum_of([power(squares(w), self.q / 2) for w in W]) / len(W)

    def gradient(self, *W: Tensor) -> Factors:
        return times([self.q / len(W) * power(squares(w), self.q / 2 - 1) for w in W], W)

    def product(self, shapes: Shapes) -> NormProduct | None:
        return euclidean(self.q) if len(shapes) == self.q else None


@final
@dataclass(frozen=True)
class WeightDecay(HalfSquares):
    """θ = ½ Σ ‖wᵏ‖² of any number of layers, degree 2: λθ adds λw to the gradient, as torch's ``weight_decay`` does."""
