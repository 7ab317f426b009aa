"""The great circles of the data on the weight sphere, each cut into arcs by the others (rank of S ≤ 3).

On circle i, u(t) = cos t e₁ + sin t e₂ with e₁, e₂, n_i orthonormal. Hyperplane j crosses it at an angle t_j
in [0, π) and again at t_j + π, where the same hyperplanes lie on the opposite sides. So half a circle,
sorted, tells all. For rank 1 and 2 the weight sphere is itself one circle.
"""

from dataclasses import dataclass, field
from math import pi
from typing import final

import torch
from torch import Tensor

from ..effort import Clock, Effort
from ..settings import fits
from .hyperplanes import Hyperplanes, hyperplanes

CHUNK = 1 << 20  # numbers a temporary tensor holds: bounds the memory, and keeps the work in the processor's cache

CROSSING = 13  # bytes: order, angle, rising
USED = 5  # times as long as it takes to make an arrangement it takes to make it and to look at all of it


@dataclass(frozen=True)
class Arrangement:
    """Sorted crossings of C circles with K hyperplanes each; depends on S only and serves every Q.

    Arc k of circle i runs from crossing k to the next; just after crossing k, hyperplane order[i, k] is on
    its positive side if rising[i, k]. Rank 3: circle i is hyperplane i, K = H − 1. Rank 1, 2: C = 1, K = H.
    """

    hyperplanes: Hyperplanes
    normals: Tensor  # (H, 3) unit normals, padded by zeros when the rank is below 3
    frames: Tensor  # (C, 3, 3) rows e₁, e₂, n_i
    order: Tensor  # (C, K) int32
    angle: Tensor  # (C, K) sorted, in [0, π]
    rising: Tensor  # (C, K) bool

    @property
    def has_cells(self) -> bool:
        """Whether cells have an interior off the circles (rank 3)."""
        return self.hyperplanes.rank == 3

    def width(self, circles: slice | Tensor) -> Tensor:
        """Angular width of each arc of the given circles (m, K)."""
        angle = self.angle[circles]
        return torch.cat([angle[:, 1:], angle[:, :1] + pi], 1) - angle

    def chunks(self, numbers_per_crossing: int) -> list[slice]:
        """Slices of circles whose temporaries of so many numbers a crossing stay within CHUNK."""
        step = max(1, CHUNK // (numbers_per_crossing * max(1, self.order.shape[1])))
        return [slice(k, min(k + step, len(self.order))) for k in range(0, len(self.order), step)]


def arrangement(S: Tensor) -> Arrangement:
    """Sorted arrangement of the hyperplanes s_iᵀu = 0, S (N, d) of rank ≤ 3: time O(N² log N), memory O(N²).

    Raises ValueError if S is not a finite real matrix, its rank exceeds 3, or the machine has too little memory.
    """
    planes = hyperplanes(S)
    if planes.rank > 3:
        raise ValueError(f"exact arcs need S of rank at most 3, got rank {planes.rank}: project S, or bound the polar")
    fits(f"the crossings of {len(planes.normals)} hyperplanes", memory_of(planes) // 8, "take fewer samples.")
    made = arranged(planes, Effort().started("arrangement"))
    assert made is not None
    return made


def memory_of(planes: Hyperplanes) -> int:
    """Bytes of the arrangement."""
    return CROSSING * len(planes.normals) * (len(planes.normals) if planes.rank == 3 else 1)


def arranged(planes: Hyperplanes, clock: Clock) -> Arrangement | None:
    """The arrangement of hyperplanes of rank ≤ 3; None where the time left is too short to make and to use it once."""
    H, device = len(planes.normals), planes.S.device
    normals = torch.nn.functional.pad(planes.normals, (0, 3 - planes.rank))
    if planes.rank == 3:
        frames, own = _frames(normals), torch.arange(H, device=device)
    else:
        frames, own = torch.eye(3, dtype=normals.dtype, device=device)[None], None
    size = len(frames), H - (own is not None)
    order = torch.empty(size, dtype=torch.int32, device=device)
    angle, rising = normals.new_empty(size), torch.empty(size, dtype=torch.bool, device=device)
    step, began = max(1, CHUNK // (4 * max(1, H))), clock.spent
    for k in range(0, len(frames), step):
        part = slice(k, k + step)
        order[part], angle[part], rising[part] = _crossings(normals, frames[part], None if own is None else own[part])
        done = min(k + step, len(frames))
        if done < len(frames) and not clock.suffices(began, done, USED * len(frames)):
            return None
    return Arrangement(planes, normals, frames, order, angle, rising)


@final
@dataclass(eq=False)
class Sorted:
    """The arrangement of these hyperplanes, made when it is first needed and kept."""

    planes: Hyperplanes
    _made: Arrangement | None = field(default=None, init=False, repr=False)

    def within(self, clock: Clock) -> Arrangement | None:
        """None where there is no time to make it."""
        if self._made is None:
            self._made = arranged(self.planes, clock)
        return self._made


def _frames(normals: Tensor) -> Tensor:
    """Right-handed orthonormal e₁, e₂, n (H, 3, 3) for unit normals n (H, 3)."""
    axis = torch.zeros_like(normals).scatter_(1, normals.abs().argmin(1, keepdim=True), 1.0)
    first = torch.linalg.cross(axis, normals)
    first = first / first.norm(dim=1, keepdim=True)
    return torch.stack([first, torch.linalg.cross(normals, first), normals], 1)


def _crossings(normals: Tensor, frames: Tensor, own: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
    """order, angle, rising of a chunk of circles.

    n_jᵀu(t) = a cos t + b sin t, a = n_jᵀe₁, b = n_jᵀe₂, taken from the difference n_j ∓ n_i: exact to a few
    units of roundoff of its own size, so the angle is accurate to 17 units of roundoff even for nearly
    parallel hyperplanes.
    """
    center = frames[:, 2]
    if own is None:
        offset = [normals[:, k].expand(len(frames), -1) for k in range(3)]
    else:
        toward = torch.where(center @ normals.T < 0, -1.0, 1.0).to(normals.dtype)
        offset = [normals[:, k] - toward * center[:, k, None] for k in range(3)]
    x, y, z = offset
    a, b = (x * e[:, :1] + y * e[:, 1:2] + z * e[:, 2:] for e in (frames[:, 0], frames[:, 1]))
    falling = (a > 0) | ((a == 0) & (b < 0))
    flip = torch.where(falling, 1.0, -1.0).to(a.dtype)
    angle = torch.atan2(a * flip, -b * flip).abs()
    if own is not None:
        angle.scatter_(1, own[:, None], float("inf"))
    angle, order = angle.sort(dim=1)
    count = len(normals) - (own is not None)
    angle, order = angle[:, :count], order[:, :count]
    return order.to(torch.int32), angle.contiguous(), ~falling.gather(1, order)
