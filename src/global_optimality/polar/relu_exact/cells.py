"""Maxima of f(u) = ‖Qᵀ(Su)₊‖ inside the cells of an arrangement.

Inside a cell the only maximum is the leading eigenvector of B Bᵀ (c = 1: B itself, normalised), if it lies
there; it is then the maximum over the cell. One within an angle a of the cell's boundary may be left out:
there f ≥ √λ₁ cos a, so the arcs know the cell's maximum to a relative a²/2. So rounding decides nothing: with
a = NEAR this is 5e-17. For the same reason cells too small to be seen in sorted angles (all their arcs
shorter than a few roundoffs) cannot matter.
"""

from dataclasses import dataclass, replace
from math import pi

import torch
from torch import Tensor

from ...arrangement import Arrangement
from ...symmetric import eigh
from .strata import EPS, NEAR, TINY, Folded, Place, Walk, batches, gradient, pattern

FEW = 64  # so many candidates are tried afresh at once, without a look at more crossings beside them
NEIGHBOURS = [shift for k in range(12) for shift in (-k, k + 1)]  # crossings beside an arc, nearest first


@dataclass(frozen=True)
class CellMaxima:
    """Leading eigenvectors that are inside their cells, or may be; each (m,)."""

    value: Tensor  # √λ₁
    u: Tensor  # (m, 3)
    sure: Tensor  # whether u is inside beyond doubt
    slack: Tensor  # if not sure, the cell's maximum squared exceeds that of the arcs by at most this


def leading(xx: Tensor, yy: Tensor, zz: Tensor, xy: Tensor, xz: Tensor, yz: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Largest eigenvalue (m,) of symmetric 3 × 3 matrices, distance to the next, unit eigenvector (m, 3).

    Closed form: the value is off by at most 1e-6 trace, the vector's angle by 64 eps (trace / distance)².
    """
    center = (xx + yy + zz) / 3
    dx, dy, dz = xx - center, yy - center, zz - center
    size = ((dx * dx + dy * dy + dz * dz + 2 * (xy * xy + xz * xz + yz * yz)) / 6).sqrt()
    det = dx * (dy * dz - yz * yz) - xy * (xy * dz - yz * xz) + xz * (xy * yz - dy * xz)
    phase = torch.acos((det / (2 * size**3).clamp_min(TINY)).clamp(-1, 1)) / 3
    value = center + 2 * size * torch.cos(phase)
    least = center + 2 * size * torch.cos(phase + 2 * pi / 3)
    ax, by, cz = xx - value, yy - value, zz - value
    products = (  # cross products of the rows of the matrix − value
        (xy * yz - xz * by, xz * xy - ax * yz, ax * by - xy * xy),
        (xy * cz - xz * yz, xz * xz - ax * cz, ax * yz - xy * xz),
        (by * cz - yz * yz, yz * xz - xy * cz, xy * yz - by * xz),
    )
    candidates = torch.stack([torch.stack(product, 1) for product in products], 1)
    square = candidates.square().sum(2)
    longest = square.argmax(1, keepdim=True)
    vector = candidates.gather(1, longest[:, :, None].expand(-1, 1, 3)).squeeze(1)
    return value, 2 * value + least - 3 * center, vector / square.gather(1, longest).sqrt().clamp_min(TINY)


def _doubt(trace: Tensor, distance: Tensor, error: float) -> Tensor:
    """Bound on the angle between the computed and the true leading eigenvector of B Bᵀ, B off by `error`.

    Twice the change of B Bᵀ, ≤ 2 error √trace + error² + rounding, over the distance of the two top
    eigenvalues.
    """
    return 2 * (2 * error * trace.sqrt() + error**2 + 32 * EPS * trace) / distance.clamp_min(TINY)


def cell_candidates(folded: Folded, steps: Walk, chunk: slice, floor: float) -> Place:
    """Cells that may have an interior maximum above `floor`, each seen from one or more of its arcs.

    A cell is dropped if ‖B‖ is too small, or if its leading eigenvector is outside it or NEAR the boundary,
    as far as the circle and the hyperplanes that cross it next to the arc can tell.
    """
    least, (first, second) = max(floor - folded.drift, 0.0) ** 2, steps.B[:, :, :2].unbind(2)
    places, vectors, bars = [], [], []
    sure = folded.plus.shape[1] == 1 and 8 * folded.drift <= NEAR * least**0.5  # B is the eigenvector, without doubt
    ends = _ends(steps) if sure else ()
    squares = () if sure else (first.square().sum(2), second.square().sum(2))
    for side, own in ((1, folded.plus[chunk]), (-1, -folded.minus[chunk])):
        third = steps.B[:, :, 2] + own[:, :, None]
        if sure:
            index = _between_neighbours(ends, third[:, :, 0], own, side).nonzero(as_tuple=True)
        else:
            squared = *squares, third.square().sum(2)
            index = (squared[0] + squared[1] + squared[2] > least).nonzero(as_tuple=True)
        if own.shape[1] == 1:
            u = torch.stack([x[:, :, 0][index] for x in (first, second, third)], 1)
            value = trace = u.square().sum(1)
            u = u / trace.sqrt().clamp_min(TINY)[:, None]
            angle = _doubt(trace, trace, folded.drift)
        else:
            diagonal = [x[index] for x in squared]
            mixed = (first * second).sum(2), (first * third).sum(2), (second * third).sum(2)
            value, distance, u = leading(*diagonal, *(x[index] for x in mixed))
            trace = diagonal[0] + diagonal[1] + diagonal[2]
            angle = _doubt(trace, distance, folded.drift) + 64 * EPS * (trace / distance.clamp_min(TINY)) ** 2
        flip = 1 - 2 * index[0]
        keep = value + 1e-6 * trace > least
        places.append(Place(index[1], index[2], flip, torch.full_like(flip, side))[keep])
        vectors.append(u[keep])
        bars.append(_bar(angle[keep]))
    neighbours = NEIGHBOURS[2:] if sure else NEIGHBOURS
    place = _inside(steps, Place.join(places), torch.cat(vectors), torch.cat(bars), neighbours)
    return replace(place, circle=place.circle + chunk.start)


def _inside(steps: Walk, place: Place, u: Tensor, bar: Tensor, neighbours: list[int]) -> Place:
    """The places whose u (m, 3) is on their side of the circle, and of the crossings beside the arc, by its bar."""
    low = high = place.side * u[:, 2]
    keep = (low >= bar) | (high <= -bar)
    for shift in neighbours:
        place, u, bar, low, high = place[keep], u[keep], bar[keep], low[keep], high[keep]
        if len(place) <= FEW:
            return place
        other = torch.remainder(place.arc + shift, steps.sign.shape[1])
        after = steps.sign[place.circle, other] * place.flip
        height = torch.where(other <= place.arc, after, -after)
        height = height * (steps.rows[place.circle, :, other] * u).sum(1)
        low, high = torch.minimum(low, height), torch.maximum(high, height)
        keep = (low >= bar) | (high <= -bar)
    return place[keep]


def _ends(steps: Walk) -> tuple[tuple[Tensor, Tensor], ...]:
    """Of the crossings at both ends of every arc, turned to its side: nᵀB without the circle's own row, and n₃."""
    first, second, third = steps.B[:, :, :, 0].unbind(2)
    start = (steps.rows * steps.sign[:, None]).unbind(1)
    end = [-x.roll(-1, 1) for x in start]
    end = [torch.cat([x[:, :-1], -x[:, -1:]], 1) for x in end]
    return tuple((n[0] * first + n[1] * second + n[2] * third, n[2]) for n in (start, end))


def _between_neighbours(ends: tuple[tuple[Tensor, Tensor], ...], third: Tensor, own: Tensor, side: int) -> Tensor:
    """Whether B or −B, c = 1, is on the cell's side of the circle and of the crossings at both ends."""
    inward = torch.stack([third[0], -third[1]]) * side
    (one, across), (two, over) = ends
    return (inward * (one + across * own) > 0) & (inward * (two + over * own) > 0)


def _bar(angle: Tensor) -> Tensor:
    """How deep inside its cell a computed eigenvector, off by up to `angle`, must be to matter."""
    return torch.where(angle <= NEAR, NEAR, -angle)


def cell_maxima(arrangement: Arrangement, folded: Folded, place: Place) -> CellMaxima:
    """Leading eigenvectors of the given cells that lie, or may lie, inside them, with B summed afresh.

    Slack: if the true one is inside but within 2 angle of the boundary, the arcs know λ₁ up to tan²(2 angle)
    λ₁; wherever it is inside, the circle through it and the next eigenvector leaves the cell at a value ≥ λ₂.
    """
    parts = []
    for rows in batches(arrangement, folded, len(place)):
        sides = pattern(arrangement, place[rows])
        B = gradient(arrangement, folded, sides)
        values, vectors = eigh(B @ B.mT)
        u = vectors[:, :, 2]
        height = sides * (u @ arrangement.normals.T)
        inward = torch.where(height.amin(1) >= -height.amax(1), 1.0, -1.0).to(u.dtype)
        margin = (inward[:, None] * height).amin(1)
        value, distance = values[:, 2].clamp_min(0), values[:, 2] - values[:, 1]
        angle = _doubt(B.square().sum((1, 2)), distance, folded.error)
        keep = margin >= _bar(angle)
        slack = torch.minimum(distance, 8 * angle**2 * value)
        found = value.sqrt(), inward[:, None] * u, margin > angle, slack
        parts.append([x[keep] for x in found])
    if not parts:
        empty = folded.plus.new_zeros(0)
        return CellMaxima(empty, empty.new_zeros(0, 3), empty > 0, empty)
    return CellMaxima(*(torch.cat(x) for x in zip(*parts, strict=True)))
