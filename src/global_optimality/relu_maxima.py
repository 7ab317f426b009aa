"""Maxima of f(u) = ‖Qᵀ(Su)₊‖ on the closed strata of an arrangement.

On an arc ‖Bᵀu(t)‖² is a sinusoid of 2t. Inside a cell the only maximum is the leading eigenvector of B Bᵀ (c = 1: B
itself, normalised), if it lies there; it is then the maximum over the cell.
An eigenvector within an angle a of the cell's boundary may be left out: there f ≥ √λ₁ cos a, so the arcs know the cell's
maximum to a relative a²/2. So rounding decides nothing: with a = NEAR this is 2e-16. For the same reason cells too
small to be seen in sorted angles (all arcs shorter than a few roundoffs) cannot matter.
"""

from dataclasses import dataclass, replace
from math import pi

import torch
from torch import Tensor

from .arrangement import Arrangement
from .arrangement.circles import CHUNK
from .relu_strata import Folded, Place, Walk, gradient, pattern

EPS = torch.finfo(torch.float64).eps
TINY = 1e-300  # keeps 0 / 0 out
NEAR = 1e-8
NEIGHBOURS = [shift for k in range(12) for shift in (-k, k + 1)]  # crossings beside an arc, nearest first


@dataclass(frozen=True)
class CellMaxima:
    """Leading eigenvectors that are inside their cells, or may be; each (m,)."""

    value: Tensor  # √λ₁
    u: Tensor  # (m, 3)
    sure: Tensor  # whether u is inside beyond doubt
    slack: Tensor  # if not sure, the cell's maximum squared exceeds that of the arcs by at most this


def arc_maximum(first: Tensor, second: Tensor, start: Tensor, width: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Maximum of ‖first cos t + second sin t‖ over start ≤ t < start + width: value, value at the start, offset.

    first, second (..., c, K); start, width and the results (..., K). The end belongs to the next arc.
    """
    p, r, q = first.square().sum(-2), second.square().sum(-2), (first * second).sum(-2)
    mean, half = (p + r) / 2, (p - r) / 2
    at_start = (mean + half * torch.cos(2 * start) + q * torch.sin(2 * start)).clamp_min(0)
    offset = torch.remainder(torch.atan2(q, half) / 2 - start, pi)
    top = mean + torch.hypot(half, q)
    peak = (offset <= width) & (top > at_start)
    return torch.where(peak, top, at_start).sqrt(), at_start.sqrt(), torch.where(peak, offset, 0.0)


def leading(B: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Largest eigenvalue of B Bᵀ for B (m, 3, c), its distance to the next one, and a vector (m, 3) along its eigenvector.

    Closed form; for c > 1 the vector's angle is off by up to 64 eps (trace / distance)².
    """
    if B.shape[2] == 1:
        g = B[:, :, 0]
        value = (g * g).sum(1)
        return value, value, g
    (xx, xy, xz), (yy, yz), zz = (
        [(B[:, i] * B[:, j]).sum(1) for j in range(i, 3)] if i < 2 else (B[:, 2] ** 2).sum(1) for i in range(3)
    )
    center = (xx + yy + zz) / 3
    dx, dy, dz = xx - center, yy - center, zz - center
    size = ((dx * dx + dy * dy + dz * dz + 2 * (xy * xy + xz * xz + yz * yz)) / 6).sqrt()
    det = dx * (dy * dz - yz * yz) - xy * (xy * dz - yz * xz) + xz * (xy * yz - dy * xz)
    phase = torch.acos((det / (2 * size**3).clamp_min(1e-300)).clamp(-1, 1)) / 3
    value = center + 2 * size * torch.cos(phase)
    least = center + 2 * size * torch.cos(phase + 2 * pi / 3)
    ax, by, cz = xx - value, yy - value, zz - value
    candidates = torch.stack(  # cross products of the rows of B Bᵀ − value
        [
            torch.stack([xy * yz - xz * by, xz * xy - ax * yz, ax * by - xy * xy], 1),
            torch.stack([xy * cz - xz * yz, xz * xz - ax * cz, ax * yz - xy * xz], 1),
            torch.stack([by * cz - yz * yz, yz * xz - xy * cz, xy * yz - by * xz], 1),
        ],
        1,
    )
    longest = (candidates * candidates).sum(2).argmax(1)
    return value, 2 * value + least - 3 * center, candidates[torch.arange(len(B), device=B.device), longest]


def arcs(arrangement: Arrangement, steps: Walk, chunk: slice) -> tuple[Tensor, Tensor, Tensor]:
    """Largest value of f on each arc, the value at its start, and the offset of the largest from there; (2, C, K)."""
    start, width = arrangement.angle[chunk], arrangement.width[chunk]
    return arc_maximum(steps.B[:, :, 0], steps.B[:, :, 1], start, width)


def on_arc(arrangement: Arrangement, place: Place, offset: Tensor) -> Tensor:
    """Points u (m, 3) at the given offsets along arcs."""
    t = arrangement.angle[place.circle, place.arc] + offset
    frame = arrangement.frames[place.circle]
    return place.flip[:, None] * (t.cos()[:, None] * frame[:, 0] + t.sin()[:, None] * frame[:, 1])


def arcs_afresh(arrangement: Arrangement, folded: Folded, place: Place) -> tuple[Tensor, Tensor]:
    """Largest value and its offset on the given arcs, with B summed afresh; each (m,)."""
    value, offset = [], []
    for rows in _batches(arrangement, folded, len(place)):
        here = place[rows]
        B = gradient(arrangement, folded, pattern(arrangement, here))
        plane = arrangement.frames[here.circle, :2] @ B
        start = arrangement.angle[here.circle, here.arc]
        end = arrangement.width[here.circle, here.arc]
        best, _, at = arc_maximum(plane[:, 0, :, None], plane[:, 1, :, None], start[:, None], end[:, None])
        value.append(best[:, 0])
        offset.append(at[:, 0])
    return torch.cat(value), torch.cat(offset)


def _doubt(trace: Tensor, distance: Tensor, error: float) -> Tensor:
    """Bound on the angle between the computed and the true leading eigenvector of B Bᵀ, B off by `error`.

    Twice ‖change of B Bᵀ‖ ≤ 2 error √trace + error² + rounding, over the distance of the two largest eigenvalues.
    """
    return 2 * (2 * error * trace.sqrt() + error**2 + 32 * EPS * trace) / distance.clamp_min(TINY)


def cell_candidates(arrangement: Arrangement, folded: Folded, steps: Walk, chunk: slice, floor: float) -> Place:
    """Cells that may have an interior maximum above `floor`, each seen from one or more of its arcs.

    A cell is dropped if ‖B‖ is too small, or if its leading eigenvector is outside it or NEAR the boundary, judged by
    the circle and the hyperplanes that cross it next to the arc.
    """
    found = []
    least = max(floor - folded.drift, 0.0)
    plane = steps.B[:, :, :2].square().sum((2, 3))
    gradients = steps.B.movedim(4, 2)
    for side, own in ((1, folded.plus[chunk]), (-1, -folded.minus[chunk])):
        high = plane + (steps.B[:, :, 2] + own[:, :, None]).square().sum(2) > least**2
        place = Place.where(high, slice(0, chunk.stop), side)
        B = gradients[(1 - place.flip) // 2, place.circle, place.arc]
        B[:, 2] += own[place.circle]
        trace = B.square().sum((1, 2))
        value, distance, u = leading(B)
        u = u / u.norm(dim=1, keepdim=True).clamp_min(TINY)
        angle = _doubt(trace, distance, folded.drift) + 64 * EPS * (trace / distance.clamp_min(TINY)) ** 2
        bar = torch.where(angle <= NEAR, NEAR, -angle)
        bar[value + 1e-6 * trace <= least**2] = 2.0
        low = high = side * u[:, 2]
        for shift in NEIGHBOURS:
            keep = ((low >= bar) | (high <= -bar)).nonzero().squeeze(1)
            place, u, bar = place[keep], u[keep], bar[keep]
            other = torch.remainder(place.arc + shift, steps.sign.shape[1])
            after = steps.sign[place.circle, other] * place.flip
            height = torch.where(other <= place.arc, after, -after)
            height = height * (steps.rows[place.circle, :, other] * u).sum(1)
            low, high = torch.minimum(low[keep], height), torch.maximum(high[keep], height)
        keep = (low >= bar) | (high <= -bar)
        found.append(replace(place, circle=place.circle + chunk.start)[keep])
    return Place.join(found)


def cell_maxima(arrangement: Arrangement, folded: Folded, place: Place) -> CellMaxima:
    """Leading eigenvectors of the given cells that lie inside them or may do so, all H sides tested, B summed afresh."""
    parts = []
    for rows in _batches(arrangement, folded, len(place)):
        sides = pattern(arrangement, place[rows])
        B = gradient(arrangement, folded, sides)
        values, vectors = torch.linalg.eigh(B @ B.mT)
        u = vectors[:, :, 2]
        height = sides * (u @ arrangement.normals.T)
        inward = torch.where(height.amin(1) >= -height.amax(1), 1.0, -1.0).to(u.dtype)
        margin = (inward[:, None] * height).amin(1)
        value, distance = values[:, 2].clamp_min(0), values[:, 2] - values[:, 1]
        angle = _doubt(B.square().sum((1, 2)), distance, folded.error)
        keep = margin >= torch.where(angle <= NEAR, NEAR, -angle)
        slack = torch.minimum(distance, 8 * angle**2 * value)
        found = value.sqrt(), inward[:, None] * u, margin > angle, slack
        parts.append([x[keep] for x in found])
    if not parts:
        empty = folded.plus.new_zeros(0)
        return CellMaxima(empty, empty.new_zeros(0, 3), empty > 0, empty)
    return CellMaxima(*(torch.cat(x) for x in zip(*parts, strict=True)))


def _batches(arrangement: Arrangement, folded: Folded, count: int) -> list[slice]:
    step = max(1, CHUNK // (6 * folded.plus.shape[1] * len(arrangement.normals)))
    return [slice(k, k + step) for k in range(0, count, step)]


def value_at(arrangement: Arrangement, folded: Folded, u: Tensor) -> tuple[Tensor, Tensor]:
    """Qᵀ(Su)₊ (m, c) of the scaled problem and the heights n_hᵀu (m, H) at u (m, 3)."""
    height = u @ arrangement.normals.T
    return height.clamp_min(0) @ folded.plus + (-height).clamp_min(0) @ folded.minus, height


def is_local_maximum(arrangement: Arrangement, folded: Folded, u: Tensor) -> Tensor:
    """Whether no direction of first order leads up from u (m, 3), a maximum of its own stratum.

    f is linear to first order on each cell around u, so the edges ± n_j × u of the hyperplanes through u, and (one
    hyperplane only) the directions ± n_j across it, decide.
    """
    output, height = value_at(arrangement, folded, u)
    through = height.abs() <= NEAR
    slope = (gradient(arrangement, folded, height * ~through) @ output[:, :, None]).squeeze(2)
    point, plane = through.nonzero(as_tuple=True)
    normal = arrangement.normals[plane]
    edge = torch.linalg.cross(normal, u[point])
    up, down = output @ folded.plus.T, output @ folded.minus.T
    rising = torch.zeros(len(u), dtype=torch.bool, device=u.device)
    for direction in (edge, -edge, normal, -normal):
        across = (direction @ arrangement.normals.T) * through[point]
        kinks = (across.clamp_min(0) * up[point] + (-across).clamp_min(0) * down[point]).sum(1)
        ascent = (direction * slope[point]).sum(1) + kinks
        rising[point[ascent > 1e-7 * output[point].square().sum(1)]] = True
    return ~rising
