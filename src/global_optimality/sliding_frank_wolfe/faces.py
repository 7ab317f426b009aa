"""Faces: the hyperplanes s_jᵀu = 0 on which a unit is held, the subspace they leave, and the ways off them."""

from dataclasses import dataclass
from itertools import combinations, islice

import torch
from torch import Tensor

FLAT = 1e-11
"""A row of unit length whose part in a subspace is at most this long vanishes on the subspace."""

SUBSETS = 256
"""At a degenerate face (more hyperplanes than dimensions) at most so many edges are looked at."""


@dataclass(frozen=True, eq=False)
class Face:
    """A subspace of R^d on which the hyperplanes ``pinned`` vanish, and the rays that lead off it.

    ``basis`` ``(d, d)``, orthonormal columns and zero ones; ``pinned`` ``(N,)`` bool, all rows that vanish on the
    subspace; ``rays`` ``(R, d)`` unit vectors orthogonal to it, the edges of the cells around it, both ends.
    """

    basis: Tensor
    pinned: Tensor
    rays: Tensor


def whole_space(unit: Tensor) -> Face:
    """No hyperplane: unit ``(N, d)`` holds the rows of S at unit length (zero rows stay zero and are never pinned)."""
    d = unit.shape[1]
    basis = torch.eye(d, dtype=unit.dtype, device=unit.device)
    return Face(basis, torch.zeros(len(unit), dtype=torch.bool, device=unit.device), unit.new_zeros(0, d))


def face_through(unit: Tensor, rows: Tensor) -> Face:
    """The face on which the hyperplanes ``rows`` (N,) bool vanish, together with all others that then do."""
    normals = distinct(unit[rows])
    if not len(normals):
        return whole_space(unit)
    _, s, Vh = torch.linalg.svd(normals)
    rank = int((s > 1e-9).sum())
    basis = torch.nn.functional.pad(Vh[rank:].T, (0, rank))
    pinned = ((unit @ basis).norm(dim=1) <= FLAT) & (unit.norm(dim=1) > 0)
    return Face(basis, pinned, edges(normals @ Vh[:rank].T) @ Vh[:rank])


def distinct(normals: Tensor) -> Tensor:
    """Unit rows without repeated and opposite ones."""
    kept: list[Tensor] = []
    for row in normals:
        if all(float(torch.minimum((row - other).norm(), (row + other).norm())) > FLAT for other in kept):
            kept.append(row)
    return torch.stack(kept) if kept else normals


def edges(normals: Tensor) -> Tensor:
    """Both ends of the lines in which k ≥ m normals ``(k, m)`` of rank m intersect; the dual basis if k = m."""
    k, m = normals.shape
    if m == 1:
        return normals.new_tensor([[1.0], [-1.0]])
    if k == m:
        rays = torch.linalg.inv(normals).T
        rays = rays / rays.norm(dim=1, keepdim=True)
    else:
        subsets = torch.tensor(list(islice(combinations(range(k), m - 1), SUBSETS)), device=normals.device)
        singular = torch.linalg.svd(normals[subsets])
        rays = singular.Vh[singular.S[:, -1] > 1e-9, -1]
    return torch.cat([rays, -rays])
