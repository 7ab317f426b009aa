"""Few rows of positive weight: their signs alone are cells, each bounded by a distance from a zonotope."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import final

import torch
from torch import Tensor

from ...effort import numbers
from ..best_first import Best, Cells, Open
from . import ascent, min_norm
from .outputs import coordinates
from .polar_problem import PolarProblem, attained
from .weighted_rows import WeightedRows

UP_TO = 16
"""Rows of positive weight up to which their signs are cut, 2^16 cells at the worst."""

BATCH, COPIES = 256, 8
"""Cells cut in one round, as long as so many arrays of them fit into memory."""


@final
@dataclass(frozen=True, eq=False)
class FewRows(WeightedRows):
    """One output: max |Σ q_i z₊|, z = Su, is the larger of two Hausdorff distances between zonotopes.

    With w = ±q, cut by the rows that are on, Σ_on w_i z_i − Σ_{w_i < 0} |w_i| z₊ has as its maximum over the ball the
    distance of Σ_on w_i s_i from {Σ t_i s_i: 0 ≤ t_i ≤ |w_i|, w_i < 0}; that over u alone is the largest of all sets
    of rows, as z₊ is the larger of z and 0. A free row of positive weight is at most ½ w_i (z + 1).
    Cells: signs (B, N) of the rows of positive weight, 1 on and −1 off, 0 where free; the sign of q; multipliers t to
    start children from; the row to cut next, −1 where none is free.
    """

    @property
    def batch(self) -> int:
        N, d = self.S.shape
        return max(1, min(BATCH, numbers(2 * BATCH * (N + d) * d, COPIES) // (2 * (N + d) * d)))

    def start(self) -> tuple[Open, Best]:
        n, N, _ = self.Q.shape
        run = torch.arange(n, device=self.S.device).repeat_interleave(2)
        signs = torch.zeros(2 * n, N, dtype=torch.int8, device=run.device)
        side, t = self.S.new_ones(2 * n), self.S.new_zeros(2 * n, N)
        side[1::2] = -1
        new = torch.full_like(run, -1)
        cells = signs, side, t, new
        return Open(cells, run, self.polar.root_bound()[run], new), Best(attained(self.polar, self.u)[0], (self.u,))

    def branch(self, parents: Open, threshold: Tensor) -> tuple[Open, Cells, Tensor]:
        """A cell without a free row is its first half: its distance is found more closely."""
        whole, cut = parents[parents.depth < 0], parents[parents.depth >= 0]
        halves = cut + cut
        signs, _, _, choice = halves.cells
        first = torch.arange(len(halves), device=choice.device) < len(cut)
        row = (choice >= 0).nonzero()[:, 0]
        signs[row, choice[row]] = torch.where(first[row], 1, -1).to(signs.dtype)
        halves = replace(halves, bound=halves.bound.masked_fill((choice < 0) & ~first, -torch.inf))
        found, u = self.bounded(halves + whole, threshold)
        return found, (u,), found.run

    def bounded(self, cells: Open, threshold: Tensor) -> tuple[Open, Tensor]:
        """The cells with bounds, and where each bound would be attained."""
        (signs, side, t, _), run = cells.cells, cells.run
        w = side[:, None] * self.Q[run, :, 0]
        up, free = w > 0, (w > 0) & (signs == 0)
        half = torch.where(free, w / 2, 0.0)
        g = (torch.where(up & (signs > 0), w, 0.0) + half) @ self.S
        extra = self.polar.rounding(0) * self.polar.size[run] + self.coordinates[1][run] + half.sum(1)
        problem = min_norm.MinNorm(self.S, g, torch.zeros_like(w), (-w).clamp(min=0), g.new_zeros(*g.shape, 0))
        t, r = min_norm.solve(problem, t, threshold[run] - extra)
        bound = torch.fmin((r.norm(dim=1) + extra) * (1 + 8 * torch.finfo(w.dtype).eps), cells.bound)
        u = ascent.unit(r, self.u[run])
        most, choice = torch.where(free, w * (1 - (u @ self.S.mT).abs()), -1.0).max(1)
        choice = torch.where(most < 0, -1, choice)
        return replace(cells, cells=(signs, side, t, choice), bound=bound, depth=cells.depth + 1), u


def few(polar: PolarProblem) -> bool:
    """Whether there is one output, and either sign of q is positive on few rows in every run."""
    if polar.outputs() > 1:
        return False
    q = coordinates(polar.Q, polar.S.norm(dim=1))[0][:, :, 0]
    return int(torch.maximum((q > 0).sum(1), (q < 0).sum(1)).max()) <= UP_TO
