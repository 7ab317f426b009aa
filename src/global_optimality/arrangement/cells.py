"""All cells of the arrangement of S (N, d), any d, small N: the patterns D of the Pilanci–Ergen program.

A cell of a central arrangement of rank r is a pointed cone, spanned by its extreme rays. Each ray is the null
direction w of r − 1 independent hyperplanes; the cells around it have the signs of n_jᵀw off those through w,
and on those the signs of the cells of the arrangement they form in w^⊥, of rank r − 1 (2^{r−1} cells if just
r − 1 meet). The sum of a cell's rays lies inside it.
"""

from dataclasses import dataclass
from itertools import combinations
from math import comb

import torch
from torch import Tensor

from ..settings import whole
from .hyperplanes import hyperplanes

THROUGH = 1e-9  # a hyperplane at most this far from a ray passes through it; cells thinner than that are not listed


@dataclass(frozen=True)
class Cells:
    """P cells: their patterns D_p, which of the N samples are active, and a unit u inside each."""

    active: Tensor  # (P, N) bool; False for a zero row
    points: Tensor  # (P, d)


def generic_count(N: int, d: int) -> int:
    """Cells of N hyperplanes in general position through the origin of R^d: 2 Σ_{k<d} C(N − 1, k) (Cover)."""
    whole("N", N, 1)
    whole("d", d, 1)
    return 2 * sum(comb(N - 1, k) for k in range(d))


def cells(S: Tensor, *, limit: int = 2_000_000) -> Cells:
    """All cells of the arrangement of S (N, d); u outside the row space of S adds none.

    Raises ValueError if S is not a finite real matrix, or if there are more than `limit` subsets of
    hyperplanes to try: C(H, r − 1), H distinct hyperplanes of rank r.
    """
    whole("limit", limit, 1)
    planes = hyperplanes(S)
    H, r = planes.normals.shape
    if r and comb(H, r - 1) > limit:
        rays = f"{H} hyperplanes of rank {r} have {comb(H, r - 1)} candidate rays"
        raise ValueError(f"{rays}, more than limit={limit}: take fewer samples.")
    if r == 0:
        return Cells(torch.zeros(1, len(S), dtype=torch.bool, device=S.device), planes.S.new_zeros(1, S.shape[1]))
    signs, inside = _cells(planes.normals)
    sides = signs[:, planes.member] * planes.length.sign().to(torch.int8)
    return Cells(sides > 0, inside @ planes.basis.T)


def _cells(normals: Tensor) -> tuple[Tensor, Tensor]:
    """signs (P, H) int8 and unit points (P, r) of all cells of H distinct hyperplanes that span R^r."""
    r = normals.shape[1]
    if r == 1:
        side = normals.new_tensor([[1.0], [-1.0]])
        return (side @ normals.T).sign().to(torch.int8), side
    rays, signs = _rays(normals)
    through = signs == 0
    simple = through.sum(1) == r - 1
    found_signs, found_rays = [], []
    if simple.any():
        corner = torch.cartesian_prod(*[torch.tensor([-1, 1], dtype=torch.int8, device=normals.device)] * (r - 1))
        corner = corner.reshape(-1, r - 1)
        around = signs[simple].repeat_interleave(len(corner), 0)
        around[around == 0] = corner.repeat(int(simple.sum()), 1).reshape(-1)
        found_signs.append(around)
        found_rays.append(rays[simple].repeat_interleave(len(corner), 0))
    for k in (~simple).nonzero().squeeze(1).tolist():
        frame = torch.linalg.svd(rays[k : k + 1]).Vh[1:]
        star = normals[through[k]] @ frame.T
        local, _ = _cells(star / star.norm(dim=1, keepdim=True))
        around = signs[k].repeat(len(local), 1)
        around[:, through[k]] = local
        found_signs.append(around)
        found_rays.append(rays[k].repeat(len(local), 1))
    signs, cell = torch.unique(torch.cat(found_signs), dim=0, return_inverse=True)
    points = normals.new_zeros(len(signs), r).index_add(0, cell, torch.cat(found_rays))
    return signs, points / points.norm(dim=1, keepdim=True)


def _rays(normals: Tensor) -> tuple[Tensor, Tensor]:
    """Unit rays w (R, r), both ends of every line where hyperplanes meet, and the signs of n_jᵀw (R, H)."""
    H, r = normals.shape
    subsets = torch.tensor(list(combinations(range(H), r - 1)), device=normals.device)
    if r == 2:
        rays = torch.stack([-normals[:, 1], normals[:, 0]], 1)
    else:
        singular = torch.linalg.svd(normals[subsets])
        rays = singular.Vh[singular.S[:, -1] > THROUGH, -1]
    rays = torch.cat([rays, -rays])
    height = rays @ normals.T
    signs = torch.where(height.abs() <= THROUGH, 0.0, height.sign()).to(torch.int8)
    signs, first = torch.unique(signs, dim=0, return_inverse=True)
    representative = torch.empty(len(signs), dtype=torch.int64, device=normals.device)
    representative[first] = torch.arange(len(rays), device=normals.device)
    return rays[representative], signs
