"""What every elemental mapping φ offers; Φ_r is its sum over subnetworks (eqs. 10 and 14)."""

from abc import ABC, abstractmethod

from torch import Tensor


class Mapping(ABC):
    """φ on factors ``(n, r, *D_k)``, positively homogeneous of ``degree``; outputs ``(n, r, *D)``."""

    @property
    @abstractmethod
    def degree(self) -> int:
        """The degree p of positive homogeneity in all weights together."""

    @property
    @abstractmethod
    def shape(self) -> tuple[int, ...]:
        """D, the shape of one output."""

    @property
    @abstractmethod
    def factor_shapes(self) -> tuple[tuple[int, ...], ...]:
        """(D_1, …, D_K), the shapes of one subnetwork's weights."""

    @property
    def data(self) -> Tensor | None:
        """The input data the mapping holds, if any: its dtype and device bind the problem."""
        return None

    @abstractmethod
    def phi(self, *W: Tensor) -> Tensor:
        """φ(w_i) of every subnetwork, ``(n, r, *D)``."""

    def Phi(self, *W: Tensor) -> Tensor:
        """Φ_r(W) = Σ_i φ(w_i), ``(n, *D)`` (eq. 14); a subclass may give a faster twin."""
        return self.phi(*W).sum(1)

    def inner(self, Q: Tensor, *W: Tensor) -> Tensor:
        """⟨Q, φ(w_i)⟩ of every subnetwork, ``(n, r)``; Q is ``(n, *D)``; a subclass may give a faster twin."""
        return (Q[:, None] * self.phi(*W)).flatten(2).sum(2)
