"""Signs of rows as cells: the u with σ_i s_iᵀu ≥ 0 for some rows i, with output directions v in a cone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import final

import torch
from torch import Tensor

from ...effort import numbers, over, room
from ...symmetric import eigh
from ..best_first import Best, Cells, Open
from ..fans import orthants
from . import ascent, min_norm
from .barrier import Barrier, BarrierRows, State
from .majorants import Majorants
from .outputs import covering
from .polar_problem import attained
from .weighted_rows import WeightedRows

LARGEST_ARRAY = 2**23
"""Entries; larger batches are cut up."""

COPIES = 6
"""Arrays of ``step_size`` that exist at a time: three for each half of the cells that are cut."""

BATCH = 32
"""Cells cut in one round: more would stray from the best first."""

ROOT, WARM = 1e-2, 4e-3
"""Weights of the barrier to start from, for objectives of about 1: cold, and from a parent's moments at that weight."""

FALL = 0.2
"""Factor of the barrier's weight once Newton's squared decrement is below CENTRED times it."""

CENTRED = 1.0
"""An eigenvalue of the moments that came too near 0 adds about 1, and grows back by a factor of 2 a step at most: with
more here it would stay there, and the bound with it (wine, 14 columns: 1.49 instead of 1.41 at the root)."""

LEAST = 1e-9
"""Objectives are divided by the threshold, or by this share of the root bound where that is more."""

STEPS = 40
"""At most, of Newton's method on one cell."""

SURE = 0.25
"""A cell that is not proved done is left once what is uncertain of its bound is this share of its excess."""


@final
@dataclass(frozen=True, eq=False)
class RowSigns(WeightedRows):
    """Row majorants and one trust region (``Barrier``): no orthants of u; 2^k of v for Q of rank k (k = 1: two signs).

    Cells: signs (B, N) of the rows, 0 where free; unit vertices V (B, k, k) of a cone of v, on which ‖x‖ ≤ ℓᵀx with
    ℓ = 1 at its vertices, so that one scalar function q = Qℓ is bounded; moments M to start children from; the row to
    cut next, N for the longest edge of V, −1 where nothing is left to cut.
    """

    @cached_property
    def barrier(self) -> Barrier:
        return Barrier(self.S)

    @property
    def batch(self) -> int:
        return max(1, min(BATCH, numbers(LARGEST_ARRAY, COPIES) // step_size(self.S)))

    def start(self) -> tuple[Open, Best]:
        n, N, k = self.Q.shape
        V = orthants(1, k, [], self.S)[:, :, 0].repeat(n, 1, 1)
        run = torch.arange(n, device=V.device).repeat_interleave(2**k)
        signs = torch.zeros(len(run), N, dtype=torch.int8, device=V.device)
        new = torch.full_like(run, -1)
        cells = signs, V, self.barrier.centre(len(run)), new
        return Open(cells, run, self.polar.root_bound()[run], new), Best(attained(self.polar, self.u)[0], (self.u,))

    def children(self, parents: Open) -> Open:
        """The halves of the cells; a cell not bounded yet stays whole, one that cannot be cut is its first half."""
        whole, cut = parents[parents.depth < 0], parents[parents.depth >= 0]
        signs, V, M, choice = (torch.cat([x, x]) for x in cut.cells)
        first = torch.arange(len(choice), device=choice.device) < len(cut)
        row = ((choice >= 0) & (choice < len(self.S))).nonzero()[:, 0]
        signs[row, choice[row]] = torch.where(first[row], 1, -1).to(signs.dtype)
        turn = choice == len(self.S)
        if turn.any():
            V[turn] = halved(V[turn], first[turn])
        nothing = (choice < 0) & ~first
        bound = torch.cat([cut.bound, cut.bound]).masked_fill(nothing, -torch.inf)
        halves = Open((signs, V, M, choice), torch.cat([cut.run, cut.run]), bound, torch.cat([cut.depth, cut.depth]))
        both = halves + whole
        return replace(both, depth=both.depth + 1)

    def function(self, V: Tensor, run: Tensor) -> Tensor:
        """The weights q (B, N) of the unit rows whose function is at least the polar's where v lies in the cone V."""
        return (self.Q[run] @ covering(V)[:, :, None])[:, :, 0]

    def rows(self, q: Tensor, signs: Tensor) -> BarrierRows:
        """Σ q_i z₊ as rows: Σ ½ q_i z + ½ |q_i| |z| or − ½ |q_i| |z|; a row of known sign is σ|q_i| z − |q_i| |z| ≤ 0
        more than its linear function: the multiplier of σz ≥ 0 and σz ≥ ‖E z u‖, at most |q_i|."""
        size, free = q.abs(), signs == 0
        weight = torch.where(free, size / 2, size)
        total = size.sum(1, keepdim=True).clamp(min=torch.finfo(q.dtype).tiny)
        return BarrierRows(
            free & (q > 0), weight, q / 2 + signs * (q / 2 + size), self.S.shape[1] * size / total + size * 0
        )

    def branch(self, parents: Open, threshold: Tensor) -> tuple[Open, Cells, Tensor]:
        both = self.children(parents)
        return *self.bounded(both, threshold)[:2], both.run

    def bounded(self, cells: Open, threshold: Tensor) -> tuple[Open, Cells, Majorants]:
        """The cells with bounds, points to try, and what proves the bounds: majorants of q over ``scale``."""
        signs, V, M, _ = cells.cells
        run, eps = cells.run, torch.finfo(M.dtype).eps
        scale = self.scale(threshold)[run]
        q = self.function(V, run) / scale[:, None]
        extra = self.polar.rounding(cells.depth) * self.polar.size[run] + self.coordinates[1][run]
        goal = (threshold[run] * (1 - 8 * eps) - extra) / scale
        x, bound, M, proof = self._solve(M, cells.depth == 0, self.rows(q, signs), goal)
        bound, u, proof = self._leaves(q, signs, bound, x, goal, proof)
        bound = torch.fmin(bound * scale * (1 + 8 * eps) + extra, cells.bound)
        choice = self.choose(q, V, x, bound, threshold[run])
        return replace(cells, cells=(signs, V, M, choice), bound=bound), (u,), proof

    def scale(self, threshold: Tensor) -> Tensor:
        """What objectives are divided by, (n,)."""
        return torch.maximum(threshold, LEAST * self.polar.root_bound())

    def _solve(
        self, M: Tensor, cold: Tensor, rows: BarrierRows, goal: Tensor
    ) -> tuple[State, Tensor, Tensor, Majorants]:
        """The last state of each cell, the best bound proved, moments to start its children from, and the proof."""
        barrier = self.barrier
        mu = torch.where(cold, ROOT, WARM).to(goal)
        M, warm = M.clone(), M.clone()
        best, below = torch.full_like(goal, torch.inf), torch.full_like(goal, -torch.inf)
        active = torch.arange(len(M), device=goal.device)
        proof: Majorants | None = None
        for _ in range(STEPS):
            x = barrier.state(M[active], rows[active], mu[active])
            dM, reach, decrement = barrier.direction(x)
            majorants = barrier.majorants(x, dM)
            bound = majorants.bound()
            better = (bound < best[active]).nonzero()[:, 0]
            proof = majorants if proof is None else proof.updated(active[better], majorants[better])
            best[active] = torch.fmin(best[active], bound)
            x = barrier.ahead(x, dM, reach)
            below[active] = torch.fmax(below[active], x.value())
            M[active] = x.M
            warm[active] = torch.where((mu[active] >= WARM)[:, None, None], x.M, warm[active])
            mu[active] = torch.where(decrement < CENTRED, FALL * mu[active], mu[active])
            excess, unsure = best[active] - goal[active], best[active] - below[active]
            more = (excess > 0) & (unsure > torch.where(below[active] > goal[active], SURE * excess, 0.0))
            active = active[more & (unsure > 1e-13) & (mu[active] > 1e-15)]
            if not len(active) or over():
                break
        assert proof is not None
        return barrier.state(M, rows, mu), best, warm, proof

    def _leaves(
        self, q: Tensor, signs: Tensor, bound: Tensor, x: State, goal: Tensor, proof: Majorants
    ) -> tuple[Tensor, Tensor, Majorants]:
        """Without a free row of positive weight the function is concave: its maximum is a min-norm problem, exact."""
        u = ascent.unit(x.M[:, 0, 1:], eigh(x.M[:, 1:, 1:])[1][:, :, -1])
        leaf = (~x.rows.upper.any(1) & (bound > goal)).nonzero()[:, 0]
        if not len(leaf):
            return bound, u, proof
        size, signs, q = q[leaf].abs(), signs[leaf], q[leaf]
        most = 1e3 * size  # of the multiplier of σz ≥ 0; any number will do
        low, high = torch.where(signs > 0, -most, 0.0), torch.where(signs < 0, most, torch.where(signs == 0, size, 0.0))
        g = (torch.where(signs > 0, q, 0.0)) @ self.S
        problem = min_norm.MinNorm(self.S, g, low, high, g.new_zeros(*g.shape, 0))
        a, r = min_norm.solve(problem, torch.zeros_like(q), goal[leaf], chunk=50)
        nothing, Y = torch.zeros_like(q), a.new_zeros(*a.shape, g.shape[1])
        exact = Majorants(self.S, torch.where(signs > 0, q, 0.0) - a, nothing, nothing, Y, size + a.abs())
        better = (exact.bound() < bound[leaf]).nonzero()[:, 0]
        bound, u = bound.clone(), u.clone()
        bound[leaf] = torch.fmin(bound[leaf], exact.bound())
        u[leaf] = ascent.unit(r, u[leaf])
        return bound, u, proof.updated(leaf[better], exact[better])

    def choose(self, q: Tensor, V: Tensor, x: State, bound: Tensor, cut: Tensor) -> Tensor:
        """The free row of positive weight whose majorant costs most at the moments, or the cone of v."""
        N = len(self.S)
        gap = q * (x.square.sqrt() - torch.maximum(x.mean.abs(), x.r2.sqrt()))
        gap = torch.where(x.rows.upper, gap.clamp(min=0) + 1e-9 * q, -1.0)
        best, choice = gap.max(1)
        choice = torch.where(best < 0, -1, choice)
        if self.Q.shape[2] == 1:
            return choice
        stretch = covering(V).norm(dim=1)
        turn = (bound / stretch - cut < (bound - cut) / 2) | (choice < 0)
        return torch.where(turn & (stretch > 1 + 1e-12), N, choice)


def step_size(S: Tensor) -> int:
    """Numbers of the largest arrays of Newton's method on one cell: rows in the coordinates of M, twice, and H."""
    N, p = len(S), S.shape[1] + 1
    return p * (p + 1) * max(N, p * (p + 1) // 2)


def fits_in(S: Tensor) -> bool:
    """Whether memory allows a cell of S (N, d) to be cut."""
    return 8 * COPIES * step_size(S) <= room()


def halved(V: Tensor, first: Tensor) -> Tensor:
    """One half of each cone V (B, k, k), the first or the second, cut at the middle of its longest edge."""
    one, two = torch.triu_indices(V.shape[1], V.shape[1], 1, device=V.device)
    longest, row = (V @ V.mT)[:, one, two].argmin(1), torch.arange(len(V), device=V.device)
    one, two = one[longest], two[longest]
    middle = V[row, one] + V[row, two]
    V = V.clone()
    V[row, torch.where(first, one, two)] = middle / middle.norm(dim=1, keepdim=True)
    return V
