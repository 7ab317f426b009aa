"""Weight decay as commonly used: of degree 2 or 1, whatever the depth, so unbalanced for K ≥ 3 layers (section 6)."""

from dataclasses import dataclass
from typing import final

from torch import Tensor

from .base import Regularizer
from .powers import squares, sum_of


@final
@dataclass(frozen=True)
class WeightDecay(Regularizer):
    """θ = ½ Σ ‖wᵏ‖² of any number of layers, degree 2: λθ adds λw to the gradient, as torch's ``weight_decay`` does."""

    @property
    def degree(self) -> int:
        return 2

    def theta(self, *W: Tensor) -> Tensor:
        return 0.5 * sum_of([squares(w) for w in W])


@final
@dataclass(frozen=True)
class L1Decay(Regularizer):
    """θ = Σ ‖wᵏ‖₁ of any number of layers, degree 1; torch takes the subgradient 0 at zero entries."""

    @property
    def degree(self) -> int:
        return 1

    def theta(self, *W: Tensor) -> Tensor:
        return sum_of([w.flatten(2).abs().sum(2) for w in W])
