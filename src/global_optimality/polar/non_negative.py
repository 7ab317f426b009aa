"""The polar of non-negative matrix factorization: max uᵀQv over u, v ≥ 0 of unit length is hard, so enclosed."""

import torch
from torch import Tensor

from ..effort import over
from ..streams import generator, uniform
from .bound import PolarBound
from .spectral import norm_bound

STARTS = 64
ASCENTS = 500


def non_negative_polar(Q: Tensor) -> PolarBound:
    """Below: projected power iteration from many starts and the largest entry. Above: min(σ₁(Q), σ₁(Q₊)).

    Both upper bounds hold since uᵀQv ≤ uᵀQ₊v for u, v ≥ 0 (theory page, "The polars"). If Q ≤ 0
    the zero atom attains 0.
    """
    u, v = _power(Q)
    attained = torch.einsum("ni,nij,nj->n", u, Q, v)
    positive = attained > 0
    u, v = (torch.where(positive[:, None], w, torch.zeros_like(w)) for w in (u, v))
    lower = attained.clamp(min=0)
    upper = torch.minimum(norm_bound(Q), norm_bound(Q.clamp(min=0)))
    return PolarBound(lower, torch.maximum(upper, lower), (u[:, None], v[:, None]))


def _power(Q: Tensor) -> tuple[Tensor, Tensor]:
    n, _, columns = Q.shape
    random = uniform(generator(0, "non-negative", columns), STARTS, columns, like=Q).expand(n, -1, -1)
    largest = torch.nn.functional.one_hot(Q.amax(1).argmax(1), columns).to(Q)
    v = torch.cat([random, largest[:, None]], 1)
    shift = torch.linalg.matrix_norm(Q)[:, None, None] * 0.05  # a small shift makes the projected iteration monotone
    u = _unit(v @ Q.mT)
    for _ in range(ASCENTS):
        new_u = _unit(v @ Q.mT + shift * u)
        new_v = _unit(new_u @ Q + shift * v)
        still = bool(((new_u - u).abs().amax() < 1e-12) & ((new_v - v).abs().amax() < 1e-12))
        u, v = new_u, new_v
        if still or over():
            break
    value = ((u @ Q) * v).sum(2)
    best = value.argmax(1)[:, None, None]
    return torch.take_along_dim(u, best, 1)[:, 0], torch.take_along_dim(v, best, 1)[:, 0]


def _unit(x: Tensor) -> Tensor:
    x = x.clamp(min=0)
    length = x.norm(dim=-1, keepdim=True)
    return torch.where(length > 0, x / length, torch.zeros_like(x))
