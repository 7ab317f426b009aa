"""When two results are the same, up to rounding."""

import torch
from torch import Tensor

EPS = torch.finfo(torch.float64).eps


SUMS = 64 * EPS
"""Relative to the largest term: sums of a few tens of terms in different orders."""


def same(a: Tensor, b: Tensor, tol: float = SUMS) -> None:
    """a = b up to tol times the largest entry of either; infinities must agree."""
    assert a.shape == b.shape, f"shapes {tuple(a.shape)} and {tuple(b.shape)}"
    assert torch.equal(torch.isinf(a), torch.isinf(b)), "infinite at different places"
    a, b = (torch.where(torch.isinf(x), torch.zeros_like(x), x) for x in (a, b))
    size = max(float(a.abs().max()), float(b.abs().max())) if a.numel() else 0.0
    assert float((a - b).abs().max() if a.numel() else 0) <= tol * size, f"differ by {float((a - b).abs().max()):.3e}"
