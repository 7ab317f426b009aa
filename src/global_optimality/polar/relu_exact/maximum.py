"""Polar of the ReLU unit, Ω°(Q) = max { ‖Qᵀ(Su)₊‖ : ‖u‖ = 1 }, exactly, for S of rank at most 3.

The maximum over the sphere is the largest over all arcs (their ends are the vertices) and all cells of the
arrangement of S. Prefix sums find the few that can be it; their gradients are then summed afresh, and every
stratum that could not be excluded beyond rounding counts in the upper bound.
"""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from ...arrangement import Arrangement
from ...arrangement.circles import CHUNK
from ...effort import Clock, Effort, numbers, work
from .arcs import arc_maxima, arcs_afresh, on_arc
from .cells import cell_candidates, cell_maxima
from .strata import EPS, NEAR, TINY, Folded, Place, fold, gradient, value_at, walk

STARTS, SWEEPS = 32, 12  # of the ascent that finds a first value to beat
SHARES = (0.9, 0.6, 0.3, 0.0)  # of the best value: where maximisers are looked for in turn
SAME = 1e-6  # maximisers closer than this are one
HEIGHTS, AFRESH = 10, 100  # numbers a point and hyperplane that an ascent holds; and the work of an arc, and output
TIES = 2048  # at most so many arcs are summed afresh; others keep the larger error of the prefix sums


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
    found = polar_in_time(arrangement, Q, Effort().started("polar"))
    assert found is not None
    return found


def polar_in_time(arrangement: Arrangement, Q: Tensor, clock: Clock) -> ReluPolar | None:
    """The same; None as soon as it is seen that the time left is too short."""
    found: list[tuple[Tensor, ...]] = []
    for k, q in enumerate(Q := _checked(arrangement, Q, 3)):
        bound = _enclose(arrangement, q, clock, len(Q) - k)
        if bound is None:
            return None
        found.append(bound)
    return ReluPolar(*(torch.stack(part) for part in zip(*found, strict=True)))


def maximisers(arrangement: Arrangement, Q: Tensor, k: int, *, above: float = 0.0) -> tuple[Tensor, Tensor, Tensor]:
    """The k best distinct local maximisers of ‖Qᵀ(Su)₊‖ on the sphere, Q (N, c).

    Values (m,), u (m, d), v (m, c), m ≤ k, in falling order, only values > `above` and above the rounding of a zero.
    Vertices and arcs count if no direction leads up from them. Raises ValueError as `relu_polar` does, or if k < 1.
    """
    if k < 1:
        raise ValueError(f"k must be at least 1, got {k}")
    Q = _checked(arrangement, Q, 2)
    folded = fold(arrangement, Q)
    points = arrangement.normals.new_zeros(0, 3)
    if folded.scale > 0:
        best = float(value_at(arrangement, folded, _ascent(arrangement, folded))[0].norm())
        floor = max(0.0, above / folded.scale - folded.drift)
        for share in SHARES:  # few strata are high: try those first
            points = _summits(arrangement, folded, max(floor, share * best), k)
            if len(points) == k or share * best <= floor:
                break
    value, u, v = _atoms(arrangement, Q, points)
    ranked = value.argsort(descending=True)
    ranked = ranked[value[ranked] > max(above, folded.error * folded.scale)]
    return value[ranked], u[ranked], v[ranked]


def _summits(arrangement: Arrangement, folded: Folded, floor: float, k: int) -> Tensor:
    """The k best distinct local maximisers (m, 3), m ≤ k, among those above `floor`."""
    points = _strata_maximisers(arrangement, folded, floor)
    size = value_at(arrangement, folded, points)[0].norm(dim=1)
    kept: list[Tensor] = []
    for rows in size.argsort(descending=True).split(64):
        summit = _is_local_maximum(arrangement, folded, points[rows])
        summit[:1] |= not kept  # the best of all is one, however rounding sees its neighbourhood
        for u in points[rows][summit]:
            if len(kept) < k and all(float((u - other).norm()) > SAME for other in kept):
                kept.append(u)
        if len(kept) == k:
            break
    return torch.stack(kept) if kept else points[:0]


def _strata_maximisers(arrangement: Arrangement, folded: Folded, floor: float) -> Tensor:
    """Points (m, 3), f > `floor`: maxima in cells, peaks of arcs, vertices that are maxima of a circle."""
    found = []
    for chunk in arrangement.chunks(6 * folded.plus.shape[1]):
        steps = walk(arrangement, folded, chunk)
        place, _, offset, stationary = arc_maxima(arrangement, steps, chunk, floor)
        found.append(on_arc(arrangement, place[stationary], offset[stationary]))
        if arrangement.has_cells:
            place = cell_candidates(folded, steps, chunk, floor)
            inside = cell_maxima(arrangement, folded, place)
            found.append(inside.u[inside.sure])
    return torch.cat(found)


def _is_local_maximum(arrangement: Arrangement, folded: Folded, u: Tensor) -> Tensor:
    """Whether no direction of first order leads up from u (m, 3), a maximum of its own stratum.

    f is linear to first order on each cell around u, so the edges ± n_j × u of the hyperplanes through u, and
    (one hyperplane only) the directions ± n_j across it, decide.
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


def _enclose(arrangement: Arrangement, Q: Tensor, clock: Clock, runs: int) -> tuple[Tensor, ...] | None:
    """lower (), upper (), u (d,), v (c,) for one Q (N, c); None where there is no time for so many runs."""
    folded = fold(arrangement, Q)
    if folded.scale == 0:
        value, u, v = _atoms(arrangement, Q, arrangement.frames[:1, 0])
        return value[0], value[0], u[0], v[0]
    points = [_ascent(arrangement, folded)]
    best = float(value_at(arrangement, folded, points[0])[0].norm())
    found, cells = [], []
    for chunk in _in_time(arrangement.chunks(6 * Q.shape[1]), clock, runs):
        if chunk is None:
            return None
        steps = walk(arrangement, folded, chunk)
        place, value, offset, _ = arc_maxima(arrangement, steps, chunk, best - 2 * folded.drift)
        if len(place):
            top = value.topk(min(_starts(arrangement), len(value))).indices
            reached = value_at(arrangement, folded, on_arc(arrangement, place[top], offset[top]))[0].norm(dim=1)
            best = max(best, float(reached.max()))
            found.append((place, value))
        if arrangement.has_cells:
            place = cell_candidates(folded, steps, chunk, best)
            cells.extend([place] if len(place) else [])

    upper = best + folded.error
    if found:
        place, value = Place.join([p for p, _ in found]), torch.cat([v for _, v in found])
        ranked = value.argsort(descending=True)
        place, value = place[ranked], value[ranked]
        ties = int(max(1, min(TIES, work() / (AFRESH * Q.shape[1] * len(arrangement.normals)))))
        if len(place) > ties:
            upper = max(upper, float(value[ties]) + folded.drift)
        value, offset = arcs_afresh(arrangement, folded, place[:ties])
        points.append(on_arc(arrangement, place[:ties], offset))
        upper = max(upper, float(value.max()) + folded.error)
    if cells:
        inside = cell_maxima(arrangement, folded, Place.join(cells))
        points.append(inside.u)
        doubtful = torch.minimum(inside.value, (upper**2 + inside.slack).sqrt())
        bound = torch.where(inside.sure, inside.value, doubtful) + folded.error
        upper = max([upper, *bound.tolist()])
    return _best(arrangement, Q, torch.cat(points), upper * folded.scale)


def _best(arrangement: Arrangement, Q: Tensor, points: Tensor, upper: float) -> tuple[Tensor, ...]:
    """The largest value at the points (m, 3), the upper bound, u and v."""
    value, u, v = _atoms(arrangement, Q, points)
    top = value.argmax()
    return value[top], torch.maximum(value.new_tensor(upper * (1 + 8 * EPS)), value[top]), u[top], v[top]


def _in_time(chunks: list[slice], clock: Clock, runs: int) -> Iterator[slice | None]:
    """The chunks; None instead of one where it is seen that the time left is too short for all, so many times."""
    began = clock.spent
    for done, chunk in enumerate(chunks):
        enough = not done or clock.suffices(began, done, runs * len(chunks))
        yield chunk if enough else None
        clock.say(lambda k=done: f"{k} of {len(chunks)} parts of the arrangement")


def _starts(arrangement: Arrangement) -> int:
    """At most STARTS: points whose heights over all hyperplanes memory has room for."""
    return max(1, numbers(2 * STARTS * len(arrangement.normals), HEIGHTS) // (2 * len(arrangement.normals)))


def _ascent(arrangement: Arrangement, folded: Folded) -> Tensor:
    """A good point u (1, 3) for the search to beat: u ← B Bᵀu, normalised, from some normals, both ways.

    The enumeration finds the maximum anyway, so a first value within some percent is enough: ``great_circles.ascents``
    finds the maximum itself, at more than the cost of the whole enumeration in the plane.
    """
    few = arrangement.normals[:: max(1, len(arrangement.normals) // _starts(arrangement))]
    u = torch.cat([few, -few])
    best, point = -1.0, u[:1]
    for _ in range(SWEEPS):
        output, height = value_at(arrangement, folded, u)
        size = output.norm(dim=1)
        if not float(size.max()) > best * (1 + 1e-9):
            break
        best, point = float(size.max()), u[size.argmax()][None]
        weight = torch.where(height > 0, output @ folded.plus.T, -(output @ folded.minus.T))
        u = weight @ arrangement.normals
        length = u.norm(dim=1, keepdim=True)
        u = torch.where(length > 0, u / length.clamp_min(TINY), point)
    return point


def _atoms(arrangement: Arrangement, Q: Tensor, points: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """‖Qᵀ(Su)₊‖ (m,), u (m, d), v (m, c) at points (m, 3) of the row space, from S and Q themselves."""
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
