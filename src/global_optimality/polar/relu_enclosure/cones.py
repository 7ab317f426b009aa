"""Simplicial cones for ‖Qᵀ(S u)₊‖: bounded by a min-norm problem, cut where interpolation costs most."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import final

import torch
from torch import Tensor

from ...effort import numbers, room
from ..best_first import FINAL, Best, Bound, Cells, Open
from ..fans import orthants
from . import ascent, min_norm
from .outputs import Output, output_of
from .polar_problem import PolarProblem, attained, improved

LARGEST_D = 14
"""The cover starts from 2^d orthants; for more dimensions there is only the root bound."""

LARGEST_ARRAY = 2**23
"""Entries; larger batches are cut up."""

COPIES = 16
"""Arrays of a vertex, sample and output each that exist at a time: eight for each half of the cones that are cut."""

FIRST = 4
"""Arrays of the vertices of all first cones."""

BATCH = 2048
"""Cones cut in one round, if they fit."""


@final
@dataclass(frozen=True, eq=False)
class Cones(Bound):
    """Cells: unit vertices V (B, d, d), the function j (B,) of ``Output``, the edge to cut next (B, 2).

    ``u`` (n, d) are points to start from. A cone is bounded with the knowledge of its parent's bound.
    """

    polar: PolarProblem
    u: Tensor

    @cached_property
    def output(self) -> Output:
        return output_of(self.polar.Q)

    @property
    def batch(self) -> int:
        N, d = self.polar.S.shape
        one = N * d * self.polar.Q.shape[2]
        return max(1, min(BATCH, numbers(LARGEST_ARRAY, COPIES) // one))

    @property
    def covered(self) -> bool:
        """Whether the first cones are few enough."""
        d = self.polar.S.shape[1]
        return d <= LARGEST_D and 8 * FIRST * len(self.output.run) * 2**d * d**2 <= room()

    @property
    def slack(self) -> Tensor:
        return self.polar.slack()

    def start(self) -> tuple[Open, Best]:
        S, functions = self.polar.S, len(self.output.run)
        d = S.shape[1]
        covered = self.covered
        cones = orthants(1, d, [], S)[:, :, 0] if covered else S.new_zeros(1, d, d)
        j = torch.arange(functions, device=S.device).repeat_interleave(len(cones))
        run = self.output.run[j]
        edge, depth = (
            torch.zeros(len(j), 2, dtype=torch.long, device=S.device),
            torch.full_like(j, -1 if covered else FINAL),
        )
        cells = cones.repeat(functions, 1, 1), j, edge
        return Open(cells, run, self.polar.root_bound()[run], depth), Best(attained(self.polar, self.u)[0], (self.u,))

    def branch(self, parents: Open, threshold: Tensor) -> tuple[Open, Cells, Tensor]:
        """Bounds of the halves, and the maximisers (B, d) of the relaxations as points.

        C = F + Σ w_i (s_iᵀu)₊ is convex, so on u = Σ α_j v_j, α ≥ 0: C(u) ≤ Σ α_j C(v_j), and for 0 ≤ a ≤ w:
        F(u) ≤ Σ α_j (C(v_j) − aᵀS v_j) ≤ rᵀu + δ Σ α_j ≤ ‖r‖ + √d δ for any r with rᵀv_j ≥ C(v_j) − aᵀS v_j − δ.
        Any (a, r) will do; min_norm finds a good one, and δ is what its vertices really leave. On thin cones it comes
        to rest too early: there the shortest r along their middle is the better one.
        """
        both = children(parents)
        V, j, _ = both.cells
        S, run, output = self.polar.S, both.run, self.output
        d = S.shape[1]
        Z = V @ S.T
        w = output.weights(j, Z)
        C = output.value(j, Z) + (Z.clamp(min=0) @ w[:, :, None])[:, :, 0]
        inverse = torch.linalg.inv_ex(V).inverse
        low = torch.where(Z.amin(1) >= 0, w, torch.zeros_like(w))
        high = torch.where(Z.amax(1) <= 0, torch.zeros_like(w), w)
        problem = min_norm.MinNorm(
            S, (inverse @ C[:, :, None])[:, :, 0], low, high, inverse / inverse.norm(dim=1, keepdim=True)
        )
        rounding = self.polar.rounding(both.depth) * self.polar.size[run]
        a, r = min_norm.solve(problem, w * (Z.sum(1) > 0), threshold[run] * (1 - 1e-9) - rounding)
        convex, eps = C - (Z @ a[:, :, None])[:, :, 0], torch.finfo(r.dtype).eps
        slack = (convex - (V @ r[:, :, None])[:, :, 0]).amax(1).clamp(min=0)
        norm = r.norm(dim=1) * (1 + (d / 2 + 4) * eps)  # of d squares, their sum and its root
        middle = ascent.unit(V.sum(1), V[:, 0])
        along = (convex / (V @ middle[:, :, None])[:, :, 0]).amax(1).clamp(min=0)  # vertices of one orthant: > 0
        bound = torch.fmin(norm + d**0.5 * slack, along * (1 + (2 * d + 8) * eps)) + rounding
        bound = torch.fmin(bound, both.bound)  # a NaN (a flat cone) is no bound
        u = ascent.unit(r, V[:, 0])
        edge = _edge(output, j, V, Z, C, w, (u[:, None] @ inverse)[:, 0], self.polar.size[run])
        return replace(both, cells=(V, j, edge), bound=bound), (u,), run

    def improve(self, best: Best, lower: Tensor, points: Cells, run: Tensor) -> Best:
        return improved(self.polar, best, lower, points[0], run)


def children(parents: Open) -> Open:
    """The halves of the cones; a cone not bounded yet stays whole."""
    whole, cones = parents[parents.depth < 0], parents[parents.depth >= 0]
    V, j, edge = cones.cells
    row = torch.arange(len(V), device=V.device)
    middle = V[row, edge[:, 0]] + V[row, edge[:, 1]]
    middle = middle / middle.norm(dim=1, keepdim=True)
    left, right = V.clone(), V.clone()
    left[row, edge[:, 0]] = middle
    right[row, edge[:, 1]] = middle
    halves = replace(cones + cones, cells=(torch.cat([left, right]), torch.cat([j, j]), torch.cat([edge, edge])))
    both = halves + whole
    return replace(both, depth=both.depth + 1)


def _edge(output: Output, j: Tensor, V: Tensor, Z: Tensor, C: Tensor, w: Tensor, alpha: Tensor, size: Tensor) -> Tensor:
    """The edge where interpolating C costs most, C(v) + C(v') − C(v + v'), weighted by the weights α of the relaxed
    maximiser on its ends; the longest edge where interpolation is exact. -> (B, 2)"""
    if V.shape[1] == 1:  # a ray has no edge; its bound is exact
        return torch.zeros(len(V), 2, dtype=torch.long, device=V.device)
    first, second = torch.triu_indices(V.shape[1], V.shape[1], 1, device=V.device)
    gaps = []
    for k, m in zip(first.tolist(), second.tolist(), strict=True):
        z = (Z[:, k] + Z[:, m])[:, None]
        middle = output.value(j, z)[:, 0] + (z[:, 0].clamp(min=0) * w).sum(1)
        gaps.append(C[:, k] + C[:, m] - middle)
    gap = torch.stack(gaps, 1)
    alpha = alpha.nan_to_num(0.0, 0.0, 0.0).clamp(min=0)
    alpha = alpha / alpha.sum(1, keepdim=True).clamp(min=1e-300)
    exact = gap.amax(1, keepdim=True) <= 1e-12 * size[:, None]
    length = -(V @ V.mT)[:, first, second]
    choice = torch.where(exact, length, gap * (alpha[:, first] * alpha[:, second] + 0.01)).argmax(1)
    return torch.stack([first[choice], second[choice]], 1)
