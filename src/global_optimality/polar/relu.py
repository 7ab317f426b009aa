"""The polar of one hidden layer, max ‖Qᵀ(S u)₊‖ over ‖u‖ = 1: exact when S has rank at most 3, else enclosed."""

from dataclasses import dataclass, replace
from typing import Self, final

import torch
from torch import Tensor

from ..arrangement import Sorted, hyperplanes, memory_of
from ..effort import Effort, over
from ..factors import Factors
from ..mappings import ReluUnit
from .bound import Oracle, PolarBound, Searching, Unfinished
from .great_circles import TINY, ascents, unit
from .relu_enclosure import by_cones, enclose, work
from .relu_enclosure.ascent import summits
from .relu_exact import maximisers, polar_in_time
from .row_space import RowSpace, row_space

TOLERANCE = 1e-9
"""Relative width of an enclosure, unless told otherwise."""

MORE = 1, 8, 32
"""Times as many starts, in turn while no ascent ends above the least value asked for: all of them where cells are signs
of rows, as proofs then take far longer than ascents, the first two where they are cones."""

NODES, WORK = 200_000, 5e7
"""Cells bounded in one call, unless told otherwise: NODES, but cells · work at most WORK, some 20 core seconds."""

KEPT = 2
"""An arrangement is kept, so that it may take only this part of the memory."""

FEW = 500
"""Local maximisers are enumerated for at most so many hyperplanes; ascents from many points find those that count."""


def relu_unit_polar(mapping: ReluUnit) -> Oracle:
    """The polar as a function of Q ``(n, N, c)``."""
    planes = hyperplanes(mapping.S)
    return Exact(Sorted(planes)) if planes.rank <= 3 else Enclosed(row_space(planes))


def attained(S: Tensor, Q: Tensor, u: Tensor, upper: Tensor) -> PolarBound:
    """The enclosure from an upper bound and unit u ``(n, d)``: its lower end is what u attains on the very rows of S.

    A search may have merged rows that are equal to rounding, or have lowered its own value by rounding.
    """
    size = Q.double().abs().flatten(1).amax(1).clamp(min=TINY)
    pull = ((u @ S.mT).clamp(min=0)[:, None] @ (Q.double() / size[:, None, None]))[:, 0]
    lower = torch.linalg.vector_norm(pull, dim=1) * size
    v = unit(pull)
    v[:, 0] += (v == 0).all(1)
    return PolarBound(torch.minimum(lower, upper).to(Q), upper.to(Q), (u.to(Q)[:, None], v.to(Q)[:, None]))


@dataclass(frozen=True, eq=False, kw_only=True)
class Resumable(Searching):
    """A search that leaves its open cells in ``unfinished``, and goes on with those of the same S and Q found there."""

    unfinished: Unfinished | None = None

    def resuming(self, unfinished: Unfinished) -> Self:
        return replace(self, unfinished=unfinished)


@final
@dataclass(frozen=True, eq=False)
class Exact(Resumable):
    """Every cell, arc and vertex of the sorted arrangement of S, of rank at most 3; cones where that costs too much."""

    sorted: Sorted

    @property
    def S(self) -> Tensor:
        return self.sorted.planes.S

    def __call__(self, Q: Tensor) -> PolarBound:
        clock = self.started()
        if self.effort.allows(KEPT * memory_of(self.sorted.planes)):
            made = self.sorted.within(clock)
            bound = None if made is None else polar_in_time(made, Q, clock)
            if bound is not None:
                return attained(self.S, Q, bound.u, bound.upper)
        space = row_space(self.sorted.planes)
        return Enclosed(space, effort=self.effort, clock=clock, unfinished=self.unfinished)(Q)

    def atoms(self, Q: Tensor, count: int, above: float) -> Factors:
        if len(self.sorted.planes.normals) > FEW:
            return self.ascend(Q, (self.S[None, :0],), count, above)
        made = self.sorted.within(Effort().started())
        assert made is not None
        _, u, v = maximisers(made, Q[0], count, above=above)
        return (u.to(Q)[None], v.to(Q)[None]) if len(u) else self(Q).atom

    def ascend(self, Q: Tensor, W: Factors, count: int, above: float) -> Factors:
        _, u, v = ascents(self.S, Q[0].double(), W[0][0].double(), count)
        return u.to(Q)[None], v.to(Q)[None]


@final
@dataclass(frozen=True, eq=False)
class Enclosed(Resumable):
    """Ascent below, branch and bound above, for S of any rank, in coordinates of its row space.

    Exact to the relative tolerance where the search closes; otherwise both bounds hold all the same.
    """

    space: RowSpace

    @property
    def S(self) -> Tensor:
        return self.space.S

    def __call__(self, Q: Tensor) -> PolarBound:
        limits, inner, weights = self.effort.otherwise(Effort(tolerance=TOLERANCE)), self.space.inner, Q.double()
        if limits.nodes is None:
            nodes = max(1, min(NODES, int(WORK / work(inner, weights))))
            limits = replace(limits, nodes=nodes)
        if limits.target is not None:
            limits = replace(limits, target=self.space.target(limits.target, weights))
        kept = Unfinished() if self.unfinished is None else self.unfinished
        found = enclose(inner, weights, limits, self.started(), earlier=kept.search)
        kept.search = found.search
        return attained(self.S, Q, self.space.outer(found.u), self.space.upper(found.upper, weights))

    def atoms(self, Q: Tensor, count: int, above: float) -> Factors:
        return self._ascend(Q, self.S[:0], count, above)

    def ascend(self, Q: Tensor, W: Factors, count: int, above: float) -> Factors:
        return self._ascend(Q, W[0][0].double(), count, above)

    def _ascend(self, Q: Tensor, U: Tensor, count: int, above: float) -> Factors:
        value, u, v = ascents(self.S, Q[0].double(), U, count)
        for more in MORE[: 2 if by_cones(self.space.inner) else len(MORE)]:
            if float(value[0]) > above or over():
                break
            _, best = summits(self.S, Q[0].double(), U, more * count)
            value, u, v = ascents(self.S, Q[0].double(), torch.cat([best[:count], U]), count)
        return u.to(Q)[None], v.to(Q)[None]
