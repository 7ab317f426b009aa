"""Samples beyond the plane: the polar of ``ReluUnit(S − 1s_iᵀ)`` for every sample s_i, the largest of them first."""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import final

import torch
from torch import Tensor

from ...arrangement import Sorted, hyperplanes, memory_of
from ...effort import Clock, Effort, room
from ...factors import Factors
from ...mappings import BiasedReluUnit
from ..best_first import begin, refine
from ..bound import PolarBound, Searching
from ..relu_enclosure.cones import Cones
from ..relu_enclosure.polar_problem import prepare
from ..relu_exact import polar_in_time
from .units import apart, bounded, centred, climbed, completed

EFFORT = Effort(nodes=200_000, tolerance=1e-9)
"""Of one call, unless told otherwise."""

STARTS = 32
"""Directions from which units are climbed to."""


@final
@dataclass(frozen=True, eq=False)
class Around:
    """Samples S, and the sorted arrangements of S − 1s_iᵀ for every one of them."""

    S: Tensor

    @cached_property
    def memory(self) -> float:
        """Bytes of all arrangements; infinite beyond rank 3."""
        planes = hyperplanes(self.S - self.S[:1])
        return len(self.S) * memory_of(planes) if planes.rank <= 3 else math.inf

    @cached_property
    def each(self) -> tuple[Sorted, ...]:
        return tuple(Sorted(hyperplanes(self.S - s)) for s in self.S)


@final
@dataclass(frozen=True, eq=False)
class Anchored(Searching):
    """Exact for samples of affine dimension 3, else an enclosure: the nodes of an effort are cones of all samples.

    Around the sample with the largest bound first, until that is within the tolerance of the best value.
    """

    mapping: BiasedReluUnit
    around: "Around"

    @property
    def rows(self) -> Tensor:
        return self.around.S

    def __call__(self, Q: Tensor) -> PolarBound:
        q = centred(Q.double())
        clock = self.started()
        upper, u, anchor = self._exact(q, clock) or self._enclosed(q, clock)
        W = [completed(self.mapping, *parts)[1] for parts in zip(q, u[:, None], anchor[:, None], strict=True)]
        # the differences s_j − s_i were rounded
        slack = 4 * torch.finfo(q.dtype).eps * self.rows.norm(dim=1).max() * q.norm(dim=2).sum(1)
        return bounded(self.mapping, Q, list(zip(upper + slack, W, strict=True)))

    def atoms(self, Q: Tensor, count: int, above: float) -> Factors:
        return self._apart(Q, climbed(self.mapping, centred(Q.double())[0], self.rows[:0], count), count)

    def ascend(self, Q: Tensor, W: Factors, count: int, above: float) -> Factors:
        return self._apart(Q, climbed(self.mapping, centred(Q.double())[0], W[0][0].double(), count), count)

    def _apart(self, Q: Tensor, W: Factors, count: int) -> Factors:
        return apart(self.mapping, tuple(w.to(Q)[None] for w in W), count)

    def _exact(self, q: Tensor, clock: Clock) -> tuple[Tensor, Tensor, Tensor] | None:
        """Upper bounds ``(n,)``, the u ``(n, d)`` of the best values and their samples ``(n,)``.

        None beyond rank 3, and where time or memory is too short for all samples.
        """
        if not self.effort.allows(self.around.memory):
            return None
        began, found = clock.spent, []
        for k, each in enumerate(self.around.each, 1):
            made = each.within(clock)
            bound = None if made is None else polar_in_time(made, q, clock)
            if bound is None or not clock.suffices(began, k, len(self.around.each)):
                return None
            found.append(bound)
        anchor = torch.stack([f.lower for f in found]).argmax(0)
        u = torch.stack([f.u for f in found])[anchor, torch.arange(len(q), device=q.device)]
        return torch.stack([f.upper for f in found]).amax(0), u, anchor

    def _enclosed(self, q: Tensor, clock: Clock) -> tuple[Tensor, Tensor, Tensor]:
        """The same from one search over the cones around all samples."""
        effort, S = self.effort.otherwise(EFFORT), self.rows
        best = [[part[0] for part in climbed(self.mapping, p, S[:0], STARTS)] for p in q]
        u, b, _ = (torch.stack(parts) for parts in zip(*best, strict=True))
        pinned = (u @ S.mT + b * self.mapping.reach).abs().argmin(1)
        units = zip(q, u[:, None], pinned[:, None], strict=True)
        known = torch.cat([completed(self.mapping, *w)[0] for w in units])
        if 8 * len(S) ** 2 * (2 * S.shape[1] + q.shape[2] * len(q)) > room():
            size = q.norm(dim=2)  # ‖qᵀ((S − s_i)u)₊‖ ≤ Σ_j ‖q_j‖ (‖s_j‖ + ‖s_i‖)
            far = S.norm(dim=1)
            upper = (size @ far + size.sum(1) * far.max()) * (1 + (len(S) + 8) * torch.finfo(q.dtype).eps)
            return upper, u, pinned
        covers = [Cones(prepare(S - s, q), u) for s in S]
        search = refine(begin(covers, known), effort, clock)
        for run in range(len(q)):
            if float(search.lower[run]) > float(known[run]):
                cones, point = search.best(run)
                u[run], pinned[run] = point[0][0], next(k for k, c in enumerate(covers) if c is cones)
        return search.upper, u, pinned
