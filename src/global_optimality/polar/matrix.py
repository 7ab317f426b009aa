"""Polars of φ(u, v) = u vᵀ: max uᵀQv over the unit balls of two norms."""

import math
from functools import partial
from typing import final

import torch
from torch import Tensor

from ..factors import Factors
from ..regularizers import Norm, NormProduct
from .bound import Oracle, Polar, PolarBound
from .non_negative import non_negative_polar
from .signs import signs_polar
from .spectral import LARGE, decompose, leading, proved_norm


def matrix_polar(form: NormProduct) -> Polar | None:
    """The polar of u vᵀ and ‖u‖‖v‖; of non-negative factors for Euclidean norms only."""
    first, second = form.norms
    if (first, second) == (Norm.TWO, Norm.TWO):
        return non_negative_polar if form.non_negative else Spectral()
    if form.non_negative or first is None or second is None:
        return None
    if first is Norm.ONE:
        return partial(_rows, second=second)
    if second is Norm.ONE:
        return partial(_columns, first=first)
    return partial(signs_polar, first=first, second=second)


def spectral_polar(Q: Tensor) -> PolarBound:
    """Euclidean norms: Ω°(Q) = σ₁(Q), attained at the leading pair of singular vectors (theory page, "The polars")."""
    if min(Q.shape[1:]) > LARGE:
        u, v, upper = (torch.stack(w) for w in zip(*map(_leading_pair, Q), strict=True))
    else:
        U, _, Vh, upper = decompose(Q)
        u, v = U[:, :, 0], Vh[:, 0, :]
    attained = torch.einsum("ni,nij,nj->n", u, Q, v).clamp(min=0)
    return PolarBound(attained, torch.maximum(upper, attained), (u[:, None], v[:, None]))


def _leading_pair(Q: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """u ``(rows,)``, v ``(columns,)`` and the bound of one large Q."""
    left, s, right = leading(Q, 1)
    return left[:, 0], right[:, 0], proved_norm(Q, float(s[0]))


@final
class Spectral(Oracle):
    """``spectral_polar``, whose atoms are the leading pairs of singular vectors."""

    def __call__(self, Q: Tensor) -> PolarBound:
        return spectral_polar(Q)

    def atoms(self, Q: Tensor, count: int, above: float) -> Factors:
        if min(Q.shape[1:]) > LARGE:
            left, s, right = leading(Q[0], count)
            m = max(1, int((s > above).sum()))
            return left.mT[None, :m], right.mT[None, :m]
        U, s, Vh, _ = decompose(Q)
        m = max(1, min(count, int((s[0] > above).sum())))
        return U[:, :, :m].mT, Vh[:, :m]


def _rows(Q: Tensor, second: Norm) -> PolarBound:
    """‖u‖₁ ≤ 1: a coordinate vector is optimal, so Ω°(Q) = max_i ‖Q_i·‖ in the norm dual to that of v; exact."""
    row_norms = Norm(math.inf if second is Norm.ONE else 1.0 if second is Norm.INFINITY else 2.0)(Q)
    best = row_norms.argmax(1)
    row = torch.take_along_dim(Q, best[:, None, None], dim=1)[:, 0]
    u = torch.nn.functional.one_hot(best, Q.shape[1]).to(Q)
    if second is Norm.TWO:
        length = row.norm(dim=1, keepdim=True)
        v = torch.where(length > 0, row / length, _first_axis(row))
    elif second is Norm.ONE:
        entry = row.abs().argmax(1)
        v = torch.nn.functional.one_hot(entry, Q.shape[2]).to(Q) * torch.where(row < 0, -1.0, 1.0).to(Q)
    else:
        v = torch.where(row < 0, -1.0, 1.0).to(Q)
    lower = (row * v).sum(1)
    rounding = (Q.shape[2] + 4) * torch.finfo(Q.dtype).eps  # of a norm of that many entries, summed in any order
    return PolarBound(lower, torch.maximum(row_norms.amax(1), lower) * (1 + rounding), (u[:, None], v[:, None]))


def _columns(Q: Tensor, first: Norm) -> PolarBound:
    """‖v‖₁ ≤ 1: ``_rows`` of Qᵀ, with the atom's factors exchanged."""
    bound = _rows(Q.mT, first)
    return PolarBound(bound.lower, bound.upper, (bound.atom[1], bound.atom[0]))


def _first_axis(like: Tensor) -> Tensor:
    e = torch.zeros_like(like)
    e[:, 0] = 1
    return e
