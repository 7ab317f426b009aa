"""φ(u, v) = (S u)₊ vᵀ: one hidden unit of rectified linear type (section 4, eq. 12)."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import final

import torch
from torch import Tensor

from ..effort import numbers
from ..factors import Factors, check_alike, check_finite
from ..settings import whole
from .base import Gates, Mapping
from .inputs import HiddenUnit

HIDDEN = 6
"""Arrays of the hidden outputs of all subnetworks that exist at a time."""


@final
@dataclass(frozen=True, eq=False)
class ReluUnit(HiddenUnit):
    """φ(u, v) = (S u)₊ vᵀ of degree 2 for data S ``(N, d)``, a row a sample; a bias is a column of ones in S.

    Factors ``(n, r, d)`` and ``(n, r, outputs)``, output ``(n, N, outputs)``. ``ValueError`` unless S is a finite real
    matrix and ``outputs`` ≥ 1.
    """

    S: Tensor
    outputs: int = 1

    def __post_init__(self) -> None:
        check_alike(S=self.S)
        if self.S.dim() != 2 or 0 in self.S.shape:
            raise ValueError(f"S has shape {tuple(self.S.shape)}, expected (N, d) with N, d ≥ 1: a row is a sample.")
        whole("outputs", self.outputs, 1)
        check_finite("S", self.S)

    @property
    def factor_shapes(self) -> tuple[tuple[int, ...], ...]:
        return ((self.S.shape[1],), (self.outputs,))

    @property
    def by_sample(self) -> bool:
        return True

    @property
    def gates(self) -> Gates | None:
        return Gates(self.S, kinked=True)

    def in_units(self, unit: float) -> Mapping:
        return replace(self, S=self.S / unit)

    def on(self, inputs: Tensor) -> "ReluUnit":
        return replace(self, S=inputs)

    def phi(self, *W: Tensor) -> Tensor:
        U, V = W
        return torch.relu(U @ self.S.mT)[..., :, None] * V[..., None, :]

    def Phi(self, *W: Tensor) -> Tensor:
        U, V = W
        first, *others = (torch.relu(self.S @ u.mT) @ v for u, v in self._parts(U, V))
        return sum(others, first)

    def pullback(self, *W: Tensor) -> tuple[Tensor, Callable[[Tensor], Factors]]:
        U, V = W
        if len(parts := self._parts(U, V)) > 1:
            whole = self.Phi(U, V)
            return whole, lambda G: tuple(
                torch.cat(w, 1) for w in zip(*(self.pullback(*part)[1](G) for part in parts), strict=True)
            )
        hidden = (U.flatten(0, 1) @ self.S.mT).view(*U.shape[:2], len(self.S)).clamp_(min=0)

        def pull(G: Tensor) -> Factors:
            """The gates 1(s_jᵀu > 0) take the place of the hidden outputs; one output's v is a factor of all rows."""
            of_V, one = hidden @ G, self.outputs == 1
            gated = hidden.sign_().mul_(G.mT if one else V @ G.mT)
            of_U = (gated.flatten(0, 1) @ self.S).view(U.shape)
            return (of_U.mul_(V) if one else of_U), of_V

        return (V.mT @ hidden).mT, pull

    def inner(self, Q: Tensor, *W: Tensor) -> Tensor:
        parts = self._parts(*W)
        return torch.cat([torch.linalg.vecdot(torch.relu(U @ self.S.mT) @ Q, V) for U, V in parts], 1)

    def _parts(self, U: Tensor, V: Tensor) -> list[tuple[Tensor, Tensor]]:
        """As many subnetworks at a time as memory has room for their hidden outputs."""
        most = max(1, numbers(float("inf"), HIDDEN) // (len(U) * len(self.S)))
        return list(zip(U.split(most, 1), V.split(most, 1), strict=True))
