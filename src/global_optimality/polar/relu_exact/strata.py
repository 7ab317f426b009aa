"""Gradients of f(u) = ‖Qᵀ(Su)₊‖ on arcs and cells of an arrangement: all by prefix sums, a few afresh.

With weights plus, minus (H, c) of the hyperplanes (`Hyperplanes.fold`), f(u) = ‖Bᵀu‖ on a closed cell, where
B = Σ_h n_h w_hᵀ, w_h = plus_h on the positive side of h, −minus_h on the negative one. Crossing h changes B
by ±n_h (plus_h + minus_h)ᵀ. In the frame e₁, e₂, n_i of circle i, rows 1 and 2 of B belong to the arc; row 3
is that of the two cells beside it after adding plus_i or −minus_i. The antipodal arc has B' = Σ_h n_h (plus_h
− minus_h)ᵀ − B.
"""

from dataclasses import dataclass
from math import ceil, log2

import torch
from torch import Tensor

from ...arrangement import Arrangement
from ...arrangement.circles import CHUNK
from ...summation import tree_sum

EPS = torch.finfo(torch.float64).eps
TINY = 1e-300  # keeps 0 / 0 out
NEAR = 1e-8  # an angle whose square does not count


@dataclass(frozen=True)
class Folded:
    """One Q (N, c), largest entry scaled to 1, on the hyperplanes of S, longest row scaled to 1.

    Rounding, η its unit and T = Σ‖q_i‖‖s_i‖ (the sizes in every sum add up to at most T), changes f by
    * rows to hyperplanes: Σ‖q_i‖ deviation_i, and (multiplicity + 4) ηT for lengths, products and sums;
    * B summed afresh: (⌈log₂ H⌉ + 2) ηT; from prefix sums: 2 (2√K + ⌈log₂ H⌉ + 8) ηT;
    * ends of arcs: a crossing is off by 17 η, a row that close to zero may count on its wrong side: 17 ηT;
    * frames, squares, root, closed forms: 17 ηT;
    * entries of Q off by up to 2 (log₂ N + 4) η, relative, as a dual point's may be: as much ηT.
    """

    plus: Tensor  # (H, c)
    minus: Tensor  # (H, c)
    total: Tensor  # (3, c): Σ_h n_h (plus_h − minus_h)ᵀ
    scale: float  # polar of the original / polar of the scaled problem
    error: float  # of the values of strata whose B is summed afresh
    drift: float  # of those whose B comes from prefix sums


def fold(arrangement: Arrangement, Q: Tensor) -> Folded:
    """Q (N, c) on the hyperplanes of the arrangement."""
    planes = arrangement.hyperplanes
    largest = float(Q.abs().max())
    scaled = Q / largest if largest > 0 else Q
    plus, minus = planes.fold(scaled)
    norms = scaled.norm(dim=1)
    unit = EPS / 2 * float((norms * (planes.length.abs() + planes.deviation)).sum())
    depth = ceil(log2(max(2, len(planes.normals))))
    changed = float((norms * planes.deviation).sum())
    given = 2 * (ceil(log2(max(2, len(norms)))) + 4)
    error = changed + (planes.multiplicity + depth + 40 + given) * unit
    drift = error + 2 * (2 * arrangement.order.shape[1] ** 0.5 + depth + 8) * unit
    total = tree_sum(arrangement.normals.T[:, None] * (plus - minus).T)
    return Folded(plus, minus, total, largest * planes.scale, error, drift)


@dataclass(frozen=True)
class Walk:
    """A chunk of C circles: axis 0 the half circle and its antipode, then C circles, then K arcs."""

    B: Tensor  # (2, C, 3, c, K) gradients in the frame of the circle, without the circle's own hyperplane
    rows: Tensor  # (C, 3, K) the crossing normals in that frame
    sign: Tensor  # (C, K) side of the crossing hyperplane just after the crossing: ±1


@dataclass(frozen=True)
class Place:
    """m strata by index: arc `arc` of circle `circle`, on the half circle (flip 1) or its antipode (−1).

    side is 0 for the arc itself, ±1 for the cell beside it on that side of the circle's own hyperplane.
    """

    circle: Tensor
    arc: Tensor
    flip: Tensor
    side: Tensor

    @staticmethod
    def join(parts: "list[Place]") -> "Place":
        return Place(*(torch.cat([getattr(p, f) for p in parts]) for f in ("circle", "arc", "flip", "side")))

    def __getitem__(self, rows: Tensor | slice) -> "Place":
        return Place(self.circle[rows], self.arc[rows], self.flip[rows], self.side[rows])

    def __len__(self) -> int:
        return len(self.circle)


def prefix_sums(x: Tensor) -> Tensor:
    """Cumulative sums over the last axis in blocks of √K: error ≤ 2√K + 2 roundoffs of the sum of sizes."""
    K = x.shape[-1]
    block = max(1, int(K**0.5))
    padded = torch.nn.functional.pad(x, (0, -K % block)).unflatten(-1, (-1, block)).cumsum(-1)
    before = padded[..., :-1, -1].cumsum(-1)
    padded[..., 1:, :] += before[..., None]
    return padded.flatten(-2)[..., :K]


def walk(arrangement: Arrangement, folded: Folded, chunk: slice) -> Walk:
    """Gradients on every arc of the circles of the chunk, and on the antipodal arcs.

    Half a circle turns every side: B_last + B_first = Σ_h n_h (plus_h − minus_h)ᵀ without the circle's own h,
    so the sum of the steps and this total give the base.
    """
    order, frames = arrangement.order[chunk].long(), arrangement.frames[chunk]
    rows = frames @ arrangement.normals[order].mT
    sign = torch.where(arrangement.rising[chunk], 1.0, -1.0).to(rows.dtype)
    jump = (folded.plus + folded.minus).T[:, order].transpose(0, 1) * sign[:, None]
    steps = prefix_sums(rows[:, :, None] * jump[:, None])
    total = frames @ folded.total
    if arrangement.has_cells:
        total[:, 2] -= folded.plus[chunk] - folded.minus[chunk]
    B = steps.new_empty(2, *steps.shape)
    torch.add(steps, ((total - steps[..., -1]) / 2)[..., None], out=B[0])
    torch.sub(((total + steps[..., -1]) / 2)[..., None], steps, out=B[1])
    return Walk(B, rows, sign)


def pattern(arrangement: Arrangement, place: Place) -> Tensor:
    """Sides ±1 (m, H) of all hyperplanes on the given strata; an arc's own hyperplane has side 0."""
    crossing = torch.arange(arrangement.order.shape[1], device=place.arc.device)
    after = torch.where(arrangement.rising[place.circle], 1.0, -1.0).to(arrangement.normals.dtype)
    local = torch.where(crossing <= place.arc[:, None], after, -after) * place.flip[:, None]
    sides = local.new_zeros(len(place), len(arrangement.normals))
    if arrangement.has_cells:
        sides.scatter_(1, place.circle[:, None], place.side[:, None].to(local.dtype))
    return sides.scatter_(1, arrangement.order[place.circle].long(), local)


def gradient(arrangement: Arrangement, folded: Folded, sides: Tensor) -> Tensor:
    """B (m, 3, c) for sides (m, H), summed afresh: error ⌈log₂ H⌉ + 1 units of roundoff of Σ_h ‖w_h‖."""
    weight = folded.plus.T * (sides[:, None] > 0) - folded.minus.T * (sides[:, None] < 0)
    return tree_sum(arrangement.normals.T[:, None] * weight[:, None])


def batches(arrangement: Arrangement, folded: Folded, count: int) -> list[slice]:
    """Slices of `count` strata whose gradients can be summed afresh within CHUNK numbers."""
    step = max(1, CHUNK // (6 * folded.plus.shape[1] * len(arrangement.normals)))
    return [slice(k, k + step) for k in range(0, count, step)]


def value_at(arrangement: Arrangement, folded: Folded, u: Tensor) -> tuple[Tensor, Tensor]:
    """Qᵀ(Su)₊ (m, c) of the scaled problem and the heights n_hᵀu (m, H) at u (m, 3)."""
    height = u @ arrangement.normals.T
    return height.clamp_min(0) @ folded.plus + (-height).clamp_min(0) @ folded.minus, height
