"""Enclosure of Ω°(Q) = max over ‖u‖ = 1 of ‖Qᵀ(S u)₊‖ for d > 3: ascent below, branch and bound above."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ...effort import Clock, Effort
from ..best_first import Search, begin
from ..best_first import refine as go_on
from . import ascent
from .cones import Cones
from .few_rows import FewRows, few
from .polar_problem import PolarProblem, attained, prepare
from .row_signs import RowSigns, fits_in

EFFORT = Effort(nodes=1_000_000, tolerance=1e-6)
"""Unless told otherwise."""


CONES_UP_TO, FEW_ROWS = 5, 25
"""Columns of S up to which cones of u are cut, beyond it signs of rows: at 5 cones close to 1e-8
sooner, at 6 signs need a fraction of the time (``python -m book.benchmarks relu_bounds``), but where rows are few."""

LARGEST_MOMENTS = 100
"""Columns up to which signs of rows are cut: Newton's matrix has (d + 1)(d + 2)/2 rows."""

LARGEST_RANK = 6
"""Rank of Q up to which signs of rows are cut: the cover of the output directions starts from 2^rank orthants."""


@dataclass(frozen=True, eq=False)
class Enclosure:
    """lower ≤ Ω°(Q) ≤ upper (n,), the atom u (n, d), v (n, c) that attains lower, and whether these agree to the
    tolerance, ``closed`` (n,).

    ``search`` is what ``refine`` goes on with; it counts bounded cells of all runs.
    """

    lower: Tensor
    upper: Tensor
    u: Tensor
    v: Tensor
    closed: Tensor
    search: Search


STARTS = 16
"""Ascents of each run."""


def enclose(
    S: Tensor,
    Q: Tensor,
    effort: Effort = EFFORT,
    clock: Clock | None = None,
    *,
    starts: int = STARTS,
    earlier: Search | None = None,
) -> Enclosure:
    """Enclose Ω°(Q_r) = max over ‖u‖ = 1 of ‖Q_rᵀ(S u)₊‖ for every run: S (N, d), Q (n, N, c), float64.

    The bounds hold wherever the effort ends. For c > 1 the bound of a cone is looser than for c = 1 (see
    VectorOutput). Where neither cones nor signs of rows can start, the upper bound is the root bound. An ``earlier``
    search of the same S and Q is gone on with, one of others is not used.
    Errors: ValueError for wrong shapes, non-finite data, mixed dtypes or devices, or a dtype other than float64.
    """
    polar = prepare(S, Q)
    clock = effort.started("upper bound of the polar") if clock is None else clock
    if earlier is not None and _searched(earlier, polar):
        return refine(earlier, effort, clock)
    first = torch.zeros_like(S[:1]).index_fill(1, torch.tensor([0], device=S.device), 1.0)
    u = [first] * len(Q)
    with clock.interruptible():
        for k, q in enumerate(polar.Q):
            if clock.over:
                break
            u[k] = ascent.summits(polar.S, q, first[:0], starts)[1][:1]
    search = begin([_kind(polar)(polar, torch.cat(u))], Q.new_zeros(len(Q)))
    return refine(search, effort, clock)


def refine(search: Search, effort: Effort = EFFORT, clock: Clock | None = None) -> Enclosure:
    """Go on with the search of an enclosure: so many more cells, so many more seconds."""
    effort = effort.otherwise(EFFORT)
    method = search.covers[0].bound
    assert isinstance(method, Cones | FewRows | RowSigns)
    search = go_on(search, effort, clock)
    lower, upper = search.lower, torch.minimum(search.upper, method.polar.root_bound())
    upper = torch.maximum(upper, lower)
    u = search.covers[0].best.point[0]
    closed = upper <= lower * (1 + (effort.tolerance or 0.0)) + method.slack
    return Enclosure(lower, upper, u, attained(method.polar, u)[1], closed, search)


def _searched(search: Search, polar: PolarProblem) -> bool:
    """Whether this is a search of exactly this polar."""
    before = getattr(search.covers[0].bound, "polar", None)
    if not isinstance(before, PolarProblem) or before.samples != polar.samples or before.S.device != polar.S.device:
        return False
    return all(torch.equal(getattr(before, name), getattr(polar, name)) for name in ("S", "Q", "size"))


CONES_PER_MOMENT = 50
"""Newton's steps for signs of rows cost as much as a cone's for N d c = N · moments² / CONES_PER_MOMENT."""


def work(S: Tensor, Q: Tensor) -> float:
    """Of one cell in units of N d c for a cone, some 0.4 µs of a core (measured)."""
    (N, d), c = S.shape, Q.shape[2]
    moments = (d + 1) * (d + 2) / 2
    return N * moments**2 / CONES_PER_MOMENT if _kind(prepare(S, Q)) is RowSigns else N * d * c


def by_cones(S: Tensor) -> bool:
    """Whether S (N, d) has few enough columns to cut cones of u first of all."""
    N, d = S.shape
    return d <= CONES_UP_TO or (d == CONES_UP_TO + 1 and N <= FEW_ROWS)


def _kind(polar: PolarProblem) -> type[Cones | FewRows | RowSigns]:
    """Signs of rows of positive weight where these are few; cones where columns are; else signs of rows with moments,
    where d, memory and the rank of Q allow them."""
    if few(polar):
        return FewRows
    if by_cones(polar.S):
        return Cones
    moments = polar.S.shape[1] <= LARGEST_MOMENTS and fits_in(polar.S) and polar.outputs() <= LARGEST_RANK
    return RowSigns if moments else Cones
