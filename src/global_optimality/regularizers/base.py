"""What every elemental regularizer θ offers; Θ_r is its sum over subnetworks (eqs. 10 and 14)."""

from abc import ABC, abstractmethod

from torch import Tensor

from ..factors import Factors
from .form import NormProduct, Shapes

INSIDE = "pass a regularizer such as SumOfSquares()."


class Regularizer(ABC):
    """θ ≥ 0 on factors ``(n, r, *D_k)``, positively homogeneous of ``degree``, θ(0) = 0."""

    def __init_subclass__(cls) -> None:
        """A subclass with a θ of its own does not inherit what another class says of its θ."""
        for claim in ("product", "gradient"):
            if "theta" in vars(cls) and claim not in vars(cls):
                setattr(cls, claim, vars(Regularizer)[claim])

    @property
    @abstractmethod
    def degree(self) -> int | float:
        """The degree of positive homogeneity in all weights together; NaN where there is none (``MaxNorm``)."""

    @property
    def constrained(self) -> bool:
        """Whether θ is +∞ somewhere: descent then has to project."""
        return False

    def product(self, shapes: Shapes) -> NormProduct | None:
        """The c ∏‖wᵏ‖ with θ(w) ≥ c ∏‖wᵏ‖ for all w of these shapes, equal where all ‖wᵏ‖ agree; None if there is none.

        With a φ of degree 1 in each factor, scaling the factors of w by numbers of product 1 leaves φ alone: θ and this
        product have one polar and one Ω (for sums of powers: arithmetic and geometric means, section 5).
        """
        return None

    @abstractmethod
    def theta(self, *W: Tensor) -> Tensor:
        """θ(w_i) of every subnetwork, ``(n, r)``."""

    def Theta(self, *W: Tensor) -> Tensor:
        """Θ_r(W) = Σ_i θ(w_i), ``(n,)`` (eq. 14)."""
        return self.theta(*W).sum(1)

    def gradient(self, *W: Tensor) -> Factors | None:
        """∇Θ_r(W) in closed form, shaped as W; None: autograd does it."""
        return None

    def project(self, *W: Tensor) -> Factors:
        """The nearest weights at which θ is finite."""
        return W
