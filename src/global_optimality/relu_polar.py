"""Polar of the ReLU unit, Ω°(Q) = max { ‖Qᵀ(Su)₊‖ : ‖u‖ = 1 }, exactly when S has rank at most 3 (section 4 of the paper).

The maximum over the sphere is the largest over all arcs (their ends are the vertices) and all cells of the arrangement
of S. Prefix sums find the few that can be it; their gradients are then summed afresh, and every stratum that could
not be excluded beyond rounding counts in the upper bound.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from .arrangement import Arrangement
from .arrangement.circles import CHUNK
from .relu_maxima import (
    TINY,
    arcs,
    arcs_afresh,
    cell_candidates,
    cell_maxima,
    is_local_maximum,
    on_arc,
    value_at,
)
from .relu_strata import Folded, Place, fold, walk

EPS = torch.finfo(torch.float64).eps
SAME = 1e-6  # maximisers closer than this are one
TIES = 2048  # at most so many arcs are summed afresh; further ones keep the (larger) error of the prefix sums


class ReluPolar(NamedTuple):
    """lower ≤ Ω°(Q) ≤ upper (n,), and the atom: unit u (n, d), unit v (n, c), with vᵀQᵀ(Su)₊ = lower."""

    lower: Tensor
    upper: Tensor
    u: Tensor
    v: Tensor


def relu_polar(arrangement: Arrangement, Q: Tensor) -> ReluPolar:
    """Enclosure of Ω°(Q_k) for each Q_k of Q (n, N, c); its width is a few roundoffs of Σ_i ‖q_i‖‖s_i‖.

    `lower` is evaluated afresh at the returned u. Q = 0 or S = 0: zero, with some unit u and v.
    Raises ValueError if Q does not fit the data of the arrangement or is not finite.
    """
    Q = _checked(arrangement, Q, 3)
    return ReluPolar(*(torch.stack(part) for part in zip(*(_enclose(arrangement, q) for q in Q), strict=True)))


def maximisers(arrangement: Arrangement, Q: Tensor, k: int, *, above: float = 0.0) -> tuple[Tensor, Tensor, Tensor]:
    """The k best distinct local maximisers of ‖Qᵀ(Su)₊‖ on the sphere, Q (N, c): values (m,), u (m, d), v (m, c), m ≤ k.

    In falling order, values > `above` only. Vertices and arcs count if no direction leads up from them.
    Raises ValueError as `relu_polar` does, or if k < 1.
    """
    if k < 1:
        raise ValueError(f"k must be at least 1, got {k}")
    Q = _checked(arrangement, Q, 2)
    folded = fold(arrangement, Q)
    points = arrangement.normals.new_zeros(0, 3)
    if folded.scale > 0:
        points = _strata_maximisers(arrangement, folded, max(0.0, above / folded.scale - folded.drift))
    size = value_at(arrangement, folded, points)[0].norm(dim=1)
    kept: list[Tensor] = []
    for rows in size.argsort(descending=True).split(256):
        for u in points[rows][is_local_maximum(arrangement, folded, points[rows])]:
            if len(kept) < k and all(float((u - other).norm()) > SAME for other in kept):
                kept.append(u)
        if len(kept) == k:
            break
    value, u, v = _atoms(arrangement, Q, torch.stack(kept) if kept else points)
    ranked = value.argsort(descending=True)
    ranked = ranked[value[ranked] > above]
    return value[ranked], u[ranked], v[ranked]


def _strata_maximisers(arrangement: Arrangement, folded: Folded, floor: float) -> Tensor:
    """Points (m, 3): maxima inside cells, peaks of arcs, and vertices that are maxima of their circle, above `floor`."""
    found = []
    for chunk in arrangement.chunks(12 * folded.plus.shape[1]):
        steps = walk(arrangement, folded, chunk)
        value, start, offset = arcs(arrangement, steps, chunk)
        before, after = _previous(value), _next(start)
        vertex = (offset == 0) & (start >= before) & (start >= after)
        mask = (value > floor) & ((offset > 0) | vertex)
        found.append(on_arc(arrangement, Place.where(mask, chunk, 0), offset[mask]))
        if arrangement.has_cells:
            found.append(cell_maxima(arrangement, folded, cell_candidates(arrangement, folded, steps, chunk, floor)).u)
    return torch.cat(found)


def _next(x: Tensor) -> Tensor:
    """The value at the next arc around the circle, x (2, C, K): the half circle, then its antipode."""
    return torch.cat([x[:, :, 1:], x.flip(0)[:, :, :1]], 2)


def _previous(x: Tensor) -> Tensor:
    """The value at the arc before."""
    return torch.cat([x.flip(0)[:, :, -1:], x[:, :, :-1]], 2)


def _checked(arrangement: Arrangement, Q: Tensor, ndim: int) -> Tensor:
    """Q in float64, or ValueError."""
    S = arrangement.hyperplanes.S
    if Q.ndim != ndim or Q.shape[-2] != len(S) or 0 in Q.shape:
        expected = "(n, N, c)" if ndim == 3 else "(N, c)"
        raise ValueError(f"Q must be {expected} with N = {len(S)}, the rows of S; got {tuple(Q.shape)}")
    if Q.device != S.device:
        raise ValueError(f"Q is on {Q.device} and S on {S.device}: move one of them")
    if not Q.isfinite().all():
        raise ValueError("Q has entries that are not finite")
    return Q.to(torch.float64)


def _enclose(arrangement: Arrangement, Q: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """lower (), upper (), u (d,), v (c,) for one Q (N, c)."""
    folded = fold(arrangement, Q)
    if folded.scale == 0:
        value, u, v = _atoms(arrangement, Q, arrangement.frames[:1, 0])
        return value[0], value[0], u[0], v[0]
    best, values, arc_places, cell_places = 0.0, [], [], []
    for chunk in arrangement.chunks(12 * Q.shape[1]):
        steps = walk(arrangement, folded, chunk)
        value, _, _ = arcs(arrangement, steps, chunk)
        best = max(best, float(value.max()))
        mask = value >= best - 2 * folded.drift
        values.append(value[mask])
        arc_places.append(Place.where(mask, chunk, 0))
        if arrangement.has_cells:
            cell_places.append(cell_candidates(arrangement, folded, steps, chunk, best - folded.drift))

    value, place = torch.cat(values), Place.join(arc_places)
    ranked = value.argsort(descending=True)
    ranked = ranked[value[ranked] >= best - 2 * folded.drift]
    upper = float(value[ranked[TIES]]) + folded.drift if len(ranked) > TIES else 0.0
    value, offset = arcs_afresh(arrangement, folded, place[ranked[:TIES]])
    points = [on_arc(arrangement, place[ranked[:TIES]], offset)]
    upper = max(upper, float(value.max()) + folded.error)
    if cell_places:
        inside = cell_maxima(arrangement, folded, Place.join(cell_places))
        bound = torch.where(inside.sure, inside.value, torch.minimum(inside.value, (upper**2 + inside.slack).sqrt()))
        upper = max(upper, float(bound.max()) + folded.error) if len(bound) else upper
        points.append(inside.u[inside.value >= best - folded.drift])
    value, u, v = _atoms(arrangement, Q, torch.cat(points))
    top = value.argmax()
    bound = value.new_tensor(upper * folded.scale * (1 + 8 * EPS))
    return value[top], torch.maximum(bound, value[top]), u[top], v[top]


def _atoms(arrangement: Arrangement, Q: Tensor, points: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """‖Qᵀ(Su)₊‖ (m,), u (m, d), v (m, c) at points (m, 3) of the row space, evaluated from S and Q themselves."""
    planes = arrangement.hyperplanes
    if planes.rank == 0:
        u = torch.zeros_like(planes.S[:1]).index_fill(1, torch.zeros(1, dtype=torch.int64, device=Q.device), 1.0)
        u = u.expand(len(points), -1)
    else:
        u = points[:, : planes.rank] @ planes.basis.T
        u = u / u.norm(dim=1, keepdim=True)
    largest = float(Q.abs().max())
    weights = Q / largest if largest > 0 else Q
    rows = planes.S / planes.scale if planes.scale > 0 else planes.S
    output = torch.cat([(part @ rows.T).clamp_min(0) @ weights for part in u.split(max(1, CHUNK // len(Q)))])
    size = output.norm(dim=1)
    first = torch.zeros_like(output).index_fill(1, torch.zeros(1, dtype=torch.int64, device=Q.device), 1.0)
    v = torch.where(size[:, None] > 0, output / size.clamp_min(TINY)[:, None], first)
    return size * largest * planes.scale, u, v
