"""The polar of a ReLU unit with a free bias, max ‖Qᵀ(Su + b1)₊‖ over ‖u‖ = 1 and all b, for 1ᵀQ = 0.

For fixed u the outputs are affine in b between the breakpoints b = −s_iᵀu, so their norm is convex there; before the
first breakpoint they vanish, after the last they are constant, as 1ᵀQ = 0. So a maximum has b = −s_iᵀu for some
sample i: Ω°(Q) = max over i and ‖u‖ = 1 of ‖Qᵀ((S − 1s_iᵀ)u)₊‖, N polars without a bias. In the plane each is a sweep
of the circle; beyond, each is a polar of its own.
"""

import torch

from ...arrangement.hyperplanes import FLAT
from ...mappings import BiasedReluUnit
from ..bound import Oracle
from .anchored import Anchored, Around
from .sweep import Swept

__all__ = ["Anchored", "Swept", "free_bias_polar"]


def free_bias_polar(mapping: BiasedReluUnit) -> Oracle:
    """The polar as a function of Q ``(n, N, c)``, for the norms of u and v."""
    S = mapping.centred.double()
    scale = float(S.abs().max())
    rows = S / (scale or 1.0)
    directions = torch.linalg.svd(rows, full_matrices=False).Vh.mT
    tail = (rows @ directions).square().flip(1).cumsum(1).flip(1).amax(0).sqrt()  # longest part of a row left out
    rank = int((tail > FLAT).sum())
    if rank > 2:
        return Anchored(mapping, Around(S))
    basis = torch.zeros(S.shape[1], 2, dtype=S.dtype, device=S.device)
    basis[:, :rank] = directions[:, :rank]
    return Swept(mapping, rows @ basis, basis, scale, float(tail[rank]) if rank < len(tail) else 0.0)
