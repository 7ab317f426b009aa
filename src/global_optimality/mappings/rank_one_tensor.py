"""φ(w¹, …, wᴷ) = w¹ ⊗ w² ⊗ … ⊗ wᴷ: CP decomposition of a tensor of order K ≥ 3 (section 3's example, generalised)."""

from dataclasses import dataclass
from typing import final

from torch import Tensor

from ..factors import whole_numbers
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
        others = W[1]
        for w in W[2:]:
            others = (others[..., None] * w[:, :, None]).flatten(2)
        return (W[0].mT @ others).reshape(len(W[0]), *self.sizes)

    def inner(self, Q: Tensor, *W: Tensor) -> Tensor:
        """The first factor by one matrix product, then the last axis again and again."""
        T = W[0] @ Q.flatten(2)
        for w in reversed(W[1:]):
            T = (T.reshape(*w.shape[:2], -1, w.shape[2]) @ w[..., None])[..., 0]
        return T[..., 0]
