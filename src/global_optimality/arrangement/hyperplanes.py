"""The distinct hyperplanes of the data: S (N, d) reduced to H unit normals that span its row space.

Zero rows vanish, parallel and opposite rows share a hyperplane, a rank-deficient S loses the directions it
does not see. With row i = α_i n_h, h the hyperplane of the row and α_i its signed length, Σ_i q_i (s_iᵀu)₊ =
Σ_h [plus_h (n_hᵀu)₊ + minus_h (−n_hᵀu)₊],

plus_h = Σ_{α_i > 0} α_i q_i and minus_h = Σ_{α_i < 0} |α_i| q_i over the rows on h.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from ..factors import check_alike

EPS = torch.finfo(torch.float64).eps
MERGE = 16 * EPS  # unit normals at most this far apart are one hyperplane; the change of S is kept in `deviation`
FLAT = 64 * EPS  # a direction in which every unit row is at most this long is dropped; kept in `deviation` too


@dataclass(frozen=True)
class Hyperplanes:
    """H distinct hyperplanes n_hᵀu = 0 in the row space of S, and how the N rows lie on them."""

    S: Tensor  # (N, d) the data, float64
    basis: Tensor  # (d, r) orthonormal basis of the row space; the identity when S has full rank
    normals: Tensor  # (H, r) unit normals
    member: Tensor  # (N,) the hyperplane of each row (0 for a zero row)
    length: Tensor  # (N,) signed length α_i of each row along its normal, in units of `scale`
    deviation: Tensor  # (N,) ‖s_i − α_i n_h‖ in units of `scale`: what merging and flattening changed
    multiplicity: int  # most rows on one hyperplane
    scale: float  # the longest row

    @property
    def rank(self) -> int:
        return self.normals.shape[1]

    def fold(self, Q: Tensor) -> tuple[Tensor, Tensor]:
        """plus, minus (H, c) of the module's formula for Q (N, c), S in units of `scale`."""
        weighted = self.length[:, None] * Q
        zeros = weighted.new_zeros(len(self.normals), Q.shape[1])
        return (
            zeros.index_add(0, self.member, weighted * (self.length > 0)[:, None]),
            zeros.index_add(0, self.member, -weighted * (self.length < 0)[:, None]),
        )


def hyperplanes(S: Tensor) -> Hyperplanes:
    """The distinct hyperplanes of the rows of S (N, d), any N ≥ 1 and d ≥ 1.

    TypeError or ValueError unless S is a finite matrix of float32 or float64. Works in float64 whatever the dtype of S.
    """
    check_alike(S=S)
    if S.ndim != 2 or 0 in S.shape:
        raise ValueError(f"S must be a real matrix (N, d) with N, d >= 1, got shape {tuple(S.shape)}.")
    if not S.isfinite().all():
        raise ValueError("S has entries that are not finite; remove or impute those samples")
    S = S.to(torch.float64)
    largest = S.abs().amax(1, keepdim=True)
    present = largest.squeeze(1) > 0
    if not present.any():
        return _empty(S)
    unit = S[present] / largest[present]
    size = unit.norm(dim=1, keepdim=True)
    scale = float((size * largest[present]).max())
    if not scale < float("inf"):
        raise ValueError("the rows of S are longer than the largest float64; divide S by a constant")

    distinct, inverse = torch.unique(unit / size, dim=0, return_inverse=True)
    basis = _row_space(distinct)
    reduced = distinct @ basis
    reduced = reduced / reduced.norm(dim=1, keepdim=True)
    leader, sign = _merge(reduced)
    kept, position = torch.unique(leader, return_inverse=True)
    normals = sign[kept, None] * reduced[kept]

    member = torch.zeros(len(S), dtype=torch.int64, device=S.device)
    member[present] = position[inverse]
    along = normals[member] @ basis.T
    rows = S / scale
    length = (rows * along).sum(1)
    return Hyperplanes(
        S=S,
        basis=basis,
        normals=normals,
        member=member,
        length=length,
        deviation=(rows - length[:, None] * along).norm(dim=1),
        multiplicity=int(torch.bincount(member[present]).max()),
        scale=scale,
    )


def _empty(S: Tensor) -> Hyperplanes:
    """All rows zero: no hyperplane, rank 0."""
    N, d = S.shape
    return Hyperplanes(
        S=S,
        basis=S.new_zeros(d, 0),
        normals=S.new_zeros(0, 0),
        member=torch.zeros(N, dtype=torch.int64, device=S.device),
        length=S.new_zeros(N),
        deviation=S.new_zeros(N),
        multiplicity=0,
        scale=0.0,
    )


def _row_space(unit: Tensor) -> Tensor:
    """Orthonormal basis (d, r) of the span of unit rows (H, d), to within FLAT; the identity if r = d."""
    d = unit.shape[1]
    directions = torch.linalg.svd(unit, full_matrices=False).Vh.T
    coordinates = (unit @ directions) ** 2
    tail = coordinates.flip(1).cumsum(1).flip(1).amax(0).sqrt()  # longest part of a row in directions k, …, d − 1
    rank = int((tail > FLAT).sum())
    return torch.eye(d, dtype=unit.dtype, device=unit.device) if rank == d else directions[:, :rank]


def _merge(unit: Tensor) -> tuple[Tensor, Tensor]:
    """Leader (H,) and orientation ±1 (H,) of unit rows: rows with one leader are parallel to within MERGE.

    Rows are oriented along a generic direction and sorted by their part in it, so equal rows become
    neighbours.
    """
    generic = torch.arange(2, unit.shape[1] + 2, dtype=unit.dtype, device=unit.device).sqrt()
    part = unit @ generic
    sign = torch.where(part < 0, -1.0, 1.0).to(unit.dtype)
    key, order = part.abs().sort()
    rows = sign[order, None] * unit[order]
    leader = torch.arange(len(rows), device=unit.device)
    bound = MERGE * float(generic.norm())
    for shift in range(1, len(rows)):
        near = key[shift:] - key[:-shift] <= bound
        if not near.any():
            break
        equal = near & ((rows[shift:] - rows[:-shift]).norm(dim=1) <= MERGE)
        leader[shift:][equal] = torch.arange(len(rows) - shift, device=unit.device)[equal]
    while not torch.equal(leader[leader], leader):
        leader = leader[leader]
    result = torch.empty_like(leader)
    result[order] = order[leader]
    return result, sign
