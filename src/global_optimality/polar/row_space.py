"""Data in coordinates of their row space: fewer columns where samples are few, or features depend on each other."""

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from ..arrangement import Hyperplanes
from .spectral import nearly_one


@final
@dataclass(frozen=True, eq=False)
class RowSpace:
    """S (N, d), and ``inner`` (N, r) with rows S' = S B in a basis B (d, r): S itself where that has rank d.

    For unit u and x = Bᵀu, ‖x‖ ≤ ``stretch`` and |s_iᵀu − s'_iᵀx| ≤ ``missed`` (N,), rounding included; so
    Ω°_S(Q) ≤ stretch · Ω°_S'(Q) + Σ_i ‖Q_i‖ missed_i.
    """

    S: Tensor
    basis: Tensor | None
    inner: Tensor
    missed: Tensor
    stretch: float

    def upper(self, inner: Tensor, Q: Tensor) -> Tensor:
        """The bound of Ω°_S(Q), ``(n,)``, that one of Ω°_S'(Q) gives."""
        if self.basis is None:
            return inner
        eps = torch.finfo(Q.dtype).eps
        return (self.stretch * inner + self._slack(Q)) * (1 + 4 * eps)

    def target(self, target: float, Q: Tensor) -> float:
        """What Ω°_S'(Q) has to be for ``upper`` to be at most ``target`` in all runs."""
        if self.basis is None:
            return target
        return (target * (1 - 8 * torch.finfo(Q.dtype).eps) - float(self._slack(Q).max())) / self.stretch

    def outer(self, u: Tensor) -> Tensor:
        """The unit vectors ``(n, d)`` of x ``(n, r)``."""
        if self.basis is None:
            return u
        u = u @ self.basis.mT
        return u / u.norm(dim=1, keepdim=True)

    def _slack(self, Q: Tensor) -> Tensor:
        return (Q.norm(dim=2) @ self.missed) * (1 + (sum(Q.shape[1:]) + 4) * torch.finfo(Q.dtype).eps)


def row_space(planes: Hyperplanes) -> RowSpace:
    """Of the data that made these hyperplanes."""
    S, B = planes.S, planes.basis
    if planes.rank in (0, S.shape[1]):
        return RowSpace(S, None, S, S.new_zeros(len(S)), 1.0)
    inner, (d, r), eps = S @ B, B.shape, torch.finfo(S.dtype).eps
    missed = (S - inner @ B.mT).norm(dim=1) * (1 + (d + 4) * eps) + (r + 4) * r**0.5 * eps * S.norm(dim=1)
    stretch = float(nearly_one(B[None]).sqrt()) * (1 + 2 * eps)
    return RowSpace(S, B, inner, missed, stretch)
