"""max uᵀQv when a factor is bounded in the maximum norm: NP-hard, so enclosed (Grothendieck's inequality above)."""

import math

import torch
from torch import Tensor

from ..effort import over
from ..regularizers import Norm
from ..streams import generator, normal
from .bound import PolarBound
from .spectral import LARGE, leading, norm_bound

STARTS = 64
ASCENTS = 100
SCALINGS = 200
LEADING = 10
POSITIVE = 1e-9
"""The least entry of a and b, which sum to 1: the bound holds at all positive ones."""


def signs_polar(Q: Tensor, first: Norm, second: Norm) -> PolarBound:
    """Enclosure of max uᵀQv over ‖u‖ ≤ 1, ‖v‖ ≤ 1 for norms in {2, ∞}, at least one of them ∞.

    Below: alternating maximisation from fixed starts. Above: for positive a, b with D = diag,
    uᵀQv ≤ ‖√a u‖ σ₁(D_a^{−½} Q D_b^{−½}) ‖√b v‖, where ‖√a u‖ ≤ √(Σa) for the maximum norm and a = 1 for the
    Euclidean one; minimised over a and b, valid at any of them.
    """
    lower, u, v = _ascent(Q, first, second)
    upper = _scaled_spectral_norm(Q, first, second)
    return PolarBound(lower, torch.maximum(upper, lower), (u[:, None], v[:, None]))


def _best(q: Tensor, norm: Norm) -> Tensor:
    """The unit-ball maximiser of ⟨q, ·⟩ in the given norm, along the last axis."""
    if norm is Norm.INFINITY:
        return torch.where(q < 0, -1.0, 1.0).to(q)
    length = q.norm(dim=-1, keepdim=True)
    return torch.where(length > 0, q / length, torch.zeros_like(q))


def _ascent(Q: Tensor, first: Norm, second: Norm) -> tuple[Tensor, Tensor, Tensor]:
    starts = normal(generator(0, "signs", Q.shape[2]), STARTS, Q.shape[2], like=Q).expand(Q.shape[0], -1, -1)
    v = _best(starts, second)
    value = torch.full_like(v[..., 0], -torch.inf)
    for step in range(ASCENTS):
        if step and over():
            break
        u = _best(v @ Q.mT, first)
        v = _best(u @ Q, second)
        new = ((u @ Q) * v).sum(2)
        if bool((new <= value).all()):
            break
        value = new
    best = value.argmax(1)[:, None, None]
    u = torch.take_along_dim(u, best, 1)[:, 0]
    v = torch.take_along_dim(v, best, 1)[:, 0]
    return torch.einsum("ni,nij,nj->n", u, Q, v).clamp(min=0), u, v


def _scaled_spectral_norm(Q: Tensor, first: Norm, second: Norm) -> Tensor:
    """The bound at the best a, b met while following the leading singular vectors (the dual of Grothendieck's SDP)."""
    n, rows, columns = Q.shape
    a, b = Q.new_ones(n, rows), Q.new_ones(n, columns)
    best, best_a, best_b = Q.new_full((n,), torch.inf), a, b
    for t in range(SCALINGS):
        if over():
            break
        U, s, Vh = _largest(_scaled(Q, a, b))
        value = s[:, 0] * _radius(a, b, first, second)
        better = value < best
        best = torch.where(better, value, best)
        best_a, best_b = (torch.where(better[:, None], x, y) for x, y in ((a, best_a), (b, best_b)))
        pull = 1 / (t + 2)
        soft = torch.softmax((s - s[:, :1]) / (0.02 * s[:, :1].clamp(min=torch.finfo(Q.dtype).tiny)), dim=1)
        if first is Norm.INFINITY:
            a = a / a.sum(1, keepdim=True)
            a = (1 - pull) * a + pull * (U.square() * soft[:, None, :]).sum(2)
            a = a.clamp(min=POSITIVE)
        if second is Norm.INFINITY:
            b = b / b.sum(1, keepdim=True)
            b = (1 - pull) * b + pull * (Vh.square() * soft[:, :, None]).sum(1)
            b = b.clamp(min=POSITIVE)
    return _proved(Q, best_a, best_b, first, second)


def _largest(Q: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Singular values and vectors as ``svd`` gives them: the LEADING ones of large matrices, which make the pull."""
    if min(Q.shape[1:]) <= LARGE:
        return torch.linalg.svd(Q, full_matrices=False)
    U, s, V = (torch.stack(w) for w in zip(*(leading(q, LEADING) for q in Q), strict=True))
    return U, s, V.mT


def _scaled(Q: Tensor, a: Tensor, b: Tensor) -> Tensor:
    return Q / (a[:, :, None] * b[:, None, :]).sqrt()


def _radius(a: Tensor, b: Tensor, first: Norm, second: Norm) -> Tensor:
    """The largest ‖√a u‖ ‖√b v‖ of the two unit balls, ``(n,)``."""
    size_a = a.sum(1) if first is Norm.INFINITY else torch.ones_like(a[:, 0])
    size_b = b.sum(1) if second is Norm.INFINITY else torch.ones_like(b[:, 0])
    return (size_a * size_b).sqrt()


def _proved(Q: Tensor, a: Tensor, b: Tensor, first: Norm, second: Norm) -> Tensor:
    """The bound at a and b, raised above its rounding; Σ|Q_ij| bounds every case as well."""
    eps, scaled = torch.finfo(Q.dtype).eps, _scaled(Q, a, b)
    upper = norm_bound(scaled) + 2 * eps * torch.linalg.matrix_norm(scaled)  # its entries are off by 3/2 eps
    upper = upper * _radius(a, b, first, second) * (1 + (sum(Q.shape[1:]) + 8) * eps)
    return torch.minimum(upper, Q.abs().flatten(1).sum(1) * (1 + math.prod(Q.shape[1:]) * eps))
