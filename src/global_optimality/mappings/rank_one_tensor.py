"""φ(w¹, …, wᴷ) = w¹ ⊗ w² ⊗ … ⊗ wᴷ: CP decomposition of a tensor of order K ≥ 3 (section 3's example, generalised)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import final

from torch import Tensor

from ..factors import Factors, whole_numbers
from .base import Mapping


@final
@dataclass(frozen=True)
class RankOneTensor(Mapping):
    """The outer product of K vectors, degree K; factors ``(n, r, d_k)``, output ``(n, d₁, …, d_K)``.

    ``ValueError`` for an order below 3 (``MatrixProduct`` serves order 2, where Ω is known) and for sizes below 1.
    """

    sizes: tuple[int, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "sizes", whole_numbers("RankOneTensor: sizes", self.sizes))
        if len(self.sizes) < 3:
            raise ValueError(
                f"RankOneTensor({self.sizes}) has order {len(self.sizes)}: take MatrixProduct for matrices."
            )
        if min(self.sizes) < 1:
            raise ValueError(f"RankOneTensor({self.sizes}): every size must be at least 1.")

    @property
    def degree(self) -> int:
        return len(self.sizes)

    @property
    def shape(self) -> tuple[int, ...]:
        return self.sizes

    @property
    def factor_shapes(self) -> tuple[tuple[int, ...], ...]:
        return tuple((d,) for d in self.sizes)

    def phi(self, *W: Tensor) -> Tensor:
        T = W[0]
        for w in W[1:]:
            T = T[..., None] * w.reshape(*w.shape[:2], *[1] * (T.dim() - 2), -1)
        return T

    def Phi(self, *W: Tensor) -> Tensor:
        """The first factors against the flattened product of the others: one matrix product a run."""
        return (W[0].mT @ self._others(W)).reshape(len(W[0]), *self.sizes)

    def _others(self, W: Factors) -> Tensor:
        """The products of all factors but the first, flattened: ``(n, r, d₂ ⋯ d_K)``."""
        others = W[1]
        for w in W[2:]:
            others = (others[..., None] * w[:, :, None]).flatten(2)
        return others

    def pullback(self, *W: Tensor) -> tuple[Tensor, Callable[[Tensor], Factors]]:
        """The gradient in a factor is G along all others: those before it one after the other, then those after it."""

        def pull(G: Tensor) -> Factors:
            found = [self._others(W) @ G.reshape(len(G), self.sizes[0], -1).mT]
            T = W[0] @ G.flatten(2)
            for k, w in enumerate(W[1:], 1):
                found.append(_along(T, W[k + 1 :]))
                T = (w[:, :, None] @ T.reshape(*w.shape, -1))[:, :, 0]
            return tuple(found)

        return self.Phi(*W), pull

    def inner(self, Q: Tensor, *W: Tensor) -> Tensor:
        """The first factor by one matrix product, then the last axis again and again."""
        return _along(W[0] @ Q.flatten(2), W[1:])[..., 0]


def _along(T: Tensor, W: Factors) -> Tensor:
    """T ``(n, r, d ⋯ d_K)`` along the last factors, from the last to the first of them: ``(n, r, d)``."""
    for w in reversed(W):
        T = (T.reshape(*w.shape[:2], -1, w.shape[2]) @ w[..., None])[..., 0]
    return T
