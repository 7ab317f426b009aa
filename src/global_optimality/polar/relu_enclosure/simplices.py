"""Simplicial cones of R^d: the cone of d unit vectors, the rows of V (d, d)."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor


def orthants(basis: Tensor) -> Tensor:
    """The 2^d cones of ± the rows of an orthonormal basis (d, d) -> (2^d, d, d). They cover R^d."""
    d = basis.shape[0]
    signs = basis.new_tensor(list(itertools.product((1.0, -1.0), repeat=d)))
    return signs[:, :, None] * basis


def edges(d: int, device: torch.device) -> Tensor:
    """Pairs of vertices (2, d(d − 1)/2)."""
    return torch.triu_indices(d, d, 1, device=device)


def bisect(V: Tensor, edge: Tensor) -> Tensor:
    """Cut each cone V (B, d, d) at the middle of its edge (B, 2) -> (2B, d, d); child b and B + b are of cone b."""
    row = torch.arange(len(V), device=V.device)
    middle = V[row, edge[:, 0]] + V[row, edge[:, 1]]
    middle = middle / middle.norm(dim=1, keepdim=True)
    left, right = V.clone(), V.clone()
    left[row, edge[:, 0]] = middle
    right[row, edge[:, 1]] = middle
    return torch.cat([left, right])
