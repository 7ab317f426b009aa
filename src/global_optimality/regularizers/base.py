"""What every elemental regularizer θ offers; Θ_r is its sum over subnetworks (eqs. 10 and 14)."""

from abc import ABC, abstractmethod

from torch import Tensor

from ..factors import Factors


class Regularizer(ABC):
    """θ ≥ 0 on factors ``(n, r, *D_k)``, positively homogeneous of ``degree``, θ(0) = 0."""

    @property
    @abstractmethod
    def degree(self) -> int | float:
        """The degree of positive homogeneity in all weights together; NaN where there is none (``MaxNorm``)."""

    @property
    def constrained(self) -> bool:
        """Whether θ is +∞ somewhere: descent then has to project."""
        return False

    @abstractmethod
    def theta(self, *W: Tensor) -> Tensor:
        """θ(w_i) of every subnetwork, ``(n, r)``."""

    def Theta(self, *W: Tensor) -> Tensor:
        """Θ_r(W) = Σ_i θ(w_i), ``(n,)`` (eq. 14)."""
        return self.theta(*W).sum(1)

    def project(self, *W: Tensor) -> Factors:
        """The nearest weights at which θ is finite."""
        return W
