"""Gradients of f(u) = ‖Qᵀ(Su)₊‖ on the arcs and cells of an arrangement: by prefix sums, and afresh for a few.

With weights plus, minus (H, c) of the hyperplanes (`Hyperplanes.fold`), f(u) = ‖Bᵀu‖ on a closed cell, where
B = Σ_h n_h w_hᵀ, w_h = plus_h on the positive side of h, −minus_h on the negative one. Crossing h changes B by
±n_h (plus_h + minus_h)ᵀ. In the frame e₁, e₂, n_i of circle i, rows 1 and 2 of B belong to the arc; row 3 is that of the
two cells beside it after adding plus_i or −minus_i. The antipodal arc has B' = Σ_h n_h (plus_h − minus_h)ᵀ − B.
"""

from dataclasses import dataclass
from math import ceil, log2

import torch
from torch import Tensor

from .arrangement import Arrangement

ROUNDOFF = torch.finfo(torch.float64).eps / 2


@dataclass(frozen=True)
class Folded:
    """One Q (N, c), scaled to largest entry 1, on the hyperplanes of S, scaled to longest row 1, and what rounding does.

    With η the roundoff and T = Σ‖q_i‖‖s_i‖ (the sizes in every sum below add up to at most T), f is off by at most
    * rows to hyperplanes: Σ‖q_i‖ deviation_i; products, lengths and sums over one hyperplane (multiplicity + 4) ηT;
    * B summed afresh (⌈log₂ H⌉ + 2) ηT, or as base + steps − antipode by prefix sums 2 (2√K + ⌈log₂ H⌉ + 8) ηT;
    * ends of arcs: a crossing is off by 17 η, and a row that close to zero may count on its wrong side: 17 ηT;
    * frames, squares, root, closed forms: 17 ηT.
    """

    plus: Tensor  # (H, c)
    minus: Tensor  # (H, c)
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
    unit = ROUNDOFF * float((norms * (planes.length.abs() + planes.deviation)).sum())
    depth = ceil(log2(max(2, len(planes.normals))))
    changed = float((norms * planes.deviation).sum())
    error = changed + (planes.multiplicity + depth + 40) * unit
    drift = error + 2 * (2 * arrangement.order.shape[1] ** 0.5 + depth + 8) * unit
    return Folded(plus, minus, largest * planes.scale, error, drift)


@dataclass(frozen=True)
class Walk:
    """A chunk of C circles: axis 0 the half circle and its antipode, then C circles, then K arcs."""

    B: Tensor  # (2, C, 3, c, K) gradients in the frame of the circle, without the circle's own hyperplane
    rows: Tensor  # (C, 3, K) the crossing normals in that frame
    sign: Tensor  # (C, K) side of the crossing hyperplane just after the crossing: ±1


@dataclass(frozen=True)
class Place:
    """Strata by index: arc `arc` of circle `circle`, on the half circle (flip 1) or its antipode (−1); each (m,).

    side is 0 for the arc itself, ±1 for the cell beside it on that side of the circle's own hyperplane.
    """

    circle: Tensor
    arc: Tensor
    flip: Tensor
    side: Tensor

    def __len__(self) -> int:
        return len(self.circle)

    @staticmethod
    def where(mask: Tensor, chunk: slice, side: int) -> "Place":
        """The True entries of mask (2, C, K), C the circles of the chunk."""
        antipode, circle, arc = mask.nonzero(as_tuple=True)
        return Place(circle + chunk.start, arc, 1 - 2 * antipode, torch.full_like(arc, side))

    @staticmethod
    def join(parts: "list[Place]") -> "Place":
        return Place(*(torch.cat([getattr(p, f) for p in parts]) for f in ("circle", "arc", "flip", "side")))

    def __getitem__(self, rows: Tensor | slice) -> "Place":
        return Place(self.circle[rows], self.arc[rows], self.flip[rows], self.side[rows])


def tree_sum(x: Tensor) -> Tensor:
    """Sum over the last axis by halving: error at most ⌈log₂ K⌉ units of roundoff of the sum of sizes, any device."""
    while x.shape[-1] > 1:
        half = (x.shape[-1] + 1) // 2
        folded = x[..., :half].clone()
        folded[..., : x.shape[-1] - half] += x[..., half:]
        x = folded
    return x.sum(-1)


def prefix_sums(x: Tensor) -> Tensor:
    """Cumulative sums over the last axis in blocks of √K: error at most 2√K + 2 units of roundoff of the sum of sizes."""
    K = x.shape[-1]
    block = max(1, int(K**0.5))
    padded = torch.nn.functional.pad(x, (0, -K % block)).unflatten(-1, (-1, block)).cumsum(-1)
    before = padded[..., :-1, -1].cumsum(-1)
    padded[..., 1:, :] += before[..., None]
    return padded.flatten(-2)[..., :K]


def walk(arrangement: Arrangement, folded: Folded, chunk: slice) -> Walk:
    """Gradients on every arc of the circles of the chunk, and on the antipodal arcs."""
    order = arrangement.order[chunk].long()
    rows = arrangement.frames[chunk] @ arrangement.normals[order].transpose(1, 2)
    sign = torch.where(arrangement.rising[chunk], 1.0, -1.0).to(rows.dtype)
    first, second = (w.T[:, order].transpose(0, 1) for w in (folded.plus, folded.minus))  # (C, c, K)
    start = torch.where(arrangement.rising[chunk][:, None], -second, first)
    base = tree_sum(rows[:, :, None] * start[:, None])
    total = tree_sum(rows[:, :, None] * (first - second)[:, None])
    B = prefix_sums(rows[:, :, None] * ((first + second) * sign[:, None])[:, None]) + base[..., None]
    return Walk(torch.stack([B, total[..., None] - B]), rows, sign)


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
