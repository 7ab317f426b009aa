"""A search for deep ReLU polars: cells are signs of the last layer on samples, each bounded by multipliers."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import final

import numpy as np
import torch
from torch import Tensor

from ..effort import Clock, Effort, numbers
from ..losses.arrays import Array
from ..mappings import ReluUnit
from ..mappings.chains import relu
from .best_first import FINAL, Best, Bound, Cells, Open, first_best
from .directions import directions
from .fans import orthants
from .great_circles import ascents
from .layer_majorants import LayerProgram, Multipliers, Relaxed, leaves
from .relu import relu_unit_polar
from .relu_enclosure.outputs import coordinates, covering
from .relu_enclosure.row_signs import halved

BATCH = 16
"""Cells cut in one round: more would stray from the best first."""

CIRCLE, SPHERE = 128, 256
"""First-layer units that each program knows from the start, besides those at kinks: in the plane, where the best bound
from so many even directions is off by (π / CIRCLE)²/2 = 3e-4 at most, and in more dimensions."""

CUTS, CLOSE = 8, 1e-3
"""In more dimensions the best units for the present multipliers are added, at most CUTS times, until none exceeds the
program's value by more than CLOSE of it."""

LARGEST_PROGRAM, COPIES = 4_000_000, 6
"""Numbers in a program's matrix and copies of it; where there were more, positive weights keep their own majorants,
others 0."""

FIRST_LAYER = Effort(nodes=2_000, tolerance=1e-4)
"""Of the maximum over the first layer, where it is not known exactly."""

OVERLAP = 1e-9
"""A sample whose majorant is closer than this share of all weights is exact: its sign is not cut."""


@final
@dataclass(frozen=True, eq=False)
class SampleSigns(Bound):
    """F = ‖Qᵀh‖ for the last hidden layer h ``(N,)``, of one unit, of a network with ``layers`` layers below it.

    Widths do not count: the bound is one for layers of any width. Cells: signs of p (B, N), the argument of h, 0 where
    free; unit vertices V (B, k, k) of a cone of output directions, on which ‖x‖ ≤ ℓᵀx, so that the function of one
    output q = Qℓ is bounded; the sample to cut next, N for V. ``ceiling`` bounds F from the start.
    Points: z (B, units, d) and signs σ (B, units), F = ‖Qᵀ relu(Σ_u σ_u relu(S z_u))‖, Σ‖z_u‖ = 1, if layers = 1.
    """

    S: Tensor
    Q: Tensor
    layers: int
    units: int
    slope: float
    ceiling: Tensor
    clock: Clock

    @property
    def batch(self) -> int:
        return BATCH

    @property
    def slack(self) -> Tensor | float:
        """What rounding can cost a bound, many times over: no bound rests on it, it only ends the search."""
        sizes = self.Q.norm(dim=1) @ self.S.norm(dim=1)
        return 100 * self.rounding * float(sizes)

    @property
    def rounding(self) -> float:
        """Multipliers, slopes and q = Qℓ are sums of at most k + 4 terms, each off by eps of their moduli; rows of
        length 1 are off by (d + 4) eps, and so is their part of F.
        """
        return 2 * (self.outputs + self.S.shape[1] + 8) * torch.finfo(self.Q.dtype).eps

    @cached_property
    def kept(self) -> Tensor:
        """The samples that count: |p_i| ≤ ‖s_i‖, as all layers have norm 1."""
        return (self.S.abs().amax(1) > 0) & (self.Q.abs().amax(1) > 0)

    @cached_property
    def length(self) -> Tensor:
        S = self.S[self.kept]
        most = S.abs().amax(1)
        return most * (S / most[:, None]).norm(dim=1)

    @cached_property
    def coordinates(self) -> tuple[Tensor, Tensor]:
        """Weights ``(1, N, k)`` of p_i / ‖s_i‖, and what they miss, ``(1,)``."""
        return coordinates(self.Q[None, self.kept], self.length)

    @property
    def outputs(self) -> int:
        """k, at most the rank of Q."""
        return self.coordinates[0].shape[2]

    @cached_property
    def rows(self) -> Tensor:
        """The samples as the first layer's functions see them: with their negatives, where relu has two slopes."""
        S = self.S[self.kept] / self.length[:, None]
        return torch.cat([S, -S]) if self.slope > 0 else S

    @cached_property
    def directions(self) -> Array:
        """First-layer units (M, d) that every program knows."""
        S = self.rows[: len(self.length)].cpu().numpy()
        d = S.shape[1]
        if d != 2:
            return np.concatenate([S, -S, directions(d)[:SPHERE].numpy()])
        angles = np.linspace(0, 2 * np.pi, CIRCLE, endpoint=False)
        kinks = np.stack([-S[:, 1], S[:, 0]], 1)
        return np.concatenate([np.stack([np.cos(angles), np.sin(angles)], 1), kinks, -kinks])

    def start(self) -> tuple[Open, Best]:
        k = self.outputs
        V = orthants(1, k, [], self.S)[:, :, 0]
        run = torch.zeros(len(V), dtype=torch.long, device=V.device)
        signs = torch.zeros(len(V), len(self.length), dtype=torch.int8, device=V.device)
        nowhere = V.new_zeros(1, self.units, self.S.shape[1])
        best = Best(V.new_full((1,), -torch.inf), (nowhere, nowhere[:, :, 0]))
        return Open((signs, V, run - 1), run, self.ceiling.expand(len(V)), run - 1), best

    def improve(self, best: Best, lower: Tensor, points: Cells, run: Tensor) -> Best:
        return first_best(points, run, self.value(*points), best, lower)

    def value(self, z: Tensor, sigma: Tensor) -> Tensor:
        if self.layers != 1:
            return torch.full_like(sigma[:, 0], -torch.inf)
        return self.output(z, sigma).norm(dim=1)

    def output(self, z: Tensor, sigma: Tensor) -> Tensor:
        """Qᵀh ``(B, c)``."""
        p = (relu(self.S @ z.mT, self.slope) @ sigma[:, :, None])[:, :, 0]
        return relu(p, self.slope) @ self.Q

    def branch(self, parents: Open, threshold: Tensor) -> tuple[Open, Cells, Tensor]:
        cells = self._children(parents)
        signs, V, _ = cells.cells
        q = (self.coordinates[0] @ covering(V)[:, :, None])[:, :, 0]
        functions, extra, choices, points = [], [], [], []
        for weights, known in zip(q, signs, strict=True):
            multipliers, relaxed, u = self._relaxed(weights, known)
            slopes, size = leaves(multipliers, (weights, self.slope * weights), known, self.slope)
            functions.append(slopes)
            extra.append(size.sum())
            choices.append(self._choice(weights, known, relaxed))
            points.append(self._point(relaxed, u))
        extra = self.rounding * torch.stack(extra) + self.coordinates[1]
        bound = self._first_layer(functions, threshold - extra.amax()) + extra
        bound = torch.fmin(bound, cells.bound)
        row = torch.tensor(choices, device=V.device)
        if V.shape[1] > 1:
            stretch = covering(V).norm(dim=1)
            turn = (bound / stretch - threshold < (bound - threshold) / 2) | (row < 0)
            row = torch.where(turn & (stretch > 1 + 1e-12), len(self.length), row)
        depth = torch.where(row < 0, FINAL, cells.depth)
        z, sigma = (torch.stack(x) for x in zip(*points, strict=True))
        return replace(cells, cells=(signs, V, row), bound=bound, depth=depth), (z, sigma), cells.run

    def _children(self, parents: Open) -> Open:
        """The halves of the cells; those not bounded yet stay whole."""
        whole, cut = parents[parents.depth < 0], parents[parents.depth >= 0]
        both = cut + cut
        signs, V, choice = (x.clone() for x in both.cells)
        first = torch.arange(len(choice), device=choice.device) < len(cut)
        row = (choice < len(self.length)).nonzero()[:, 0]
        signs[row, choice[row]] = torch.where(first[row], 1, -1).to(signs.dtype)
        turn = choice == len(self.length)
        if turn.any():
            V[turn] = halved(V[turn], first[turn])
        both = replace(both, cells=(signs, V, choice)) + whole
        return replace(both, depth=both.depth + 1)

    def _relaxed(self, q: Tensor, signs: Tensor) -> tuple[Multipliers, Relaxed | None, Array]:
        """Good multipliers for the weights q of one cell, the program's solution, and the units that it knew."""
        program, u, found = LayerProgram(self.layers, self.slope), self.directions, None
        S = self.rows[: len(self.length)].cpu()
        alpha, known = q.cpu().numpy(), signs.cpu().numpy()
        best = Multipliers(*(q.new_zeros(program.nodes, len(q)) for _ in range(2)))
        for _ in range(CUTS):
            small = program.numbers(len(u), len(q)) <= numbers(LARGEST_PROGRAM, COPIES)
            if not small or self.clock.over or not alpha.any():
                break
            H = relu(torch.from_numpy(u) @ S.mT, self.slope).numpy()
            new = program.solve(H, alpha, self.slope * alpha, known, self.clock.left)
            if new is None:
                break
            found, best = new, Multipliers(*(m.to(q) for m in new.multipliers))
            more = u[:0] if S.shape[1] == 2 else self._cuts(best, q, signs, new.value)
            if not len(more):
                break
            u = np.concatenate([u, more])
        return best, found, u

    def _cuts(self, multipliers: Multipliers, q: Tensor, signs: Tensor, value: float) -> Array:
        """Units at which a function of the first layer exceeds the program's value."""
        (a, b), _ = leaves(multipliers, (q, self.slope * q), signs, self.slope)
        more = []
        for weights in torch.cat([a, -b], 1) if self.slope > 0 else a:
            height, u, _ = ascents(self.rows, weights[:, None], self.rows[:0], len(q))
            more.append(u[height > value * (1 + CLOSE)])
        return torch.cat(more).cpu().numpy()

    @cached_property
    def _polar(self):
        return relu_unit_polar(ReluUnit(self.rows, 1)).spending(FIRST_LAYER).within(self.clock)

    def _first_layer(self, functions: list[tuple[Tensor, Tensor]], goal: Tensor) -> Tensor:
        """The largest maximum of each cell's functions over units of norm 1, ``(B,)``.

        The polar takes both signs: the function of σ = − exceeds that of σ = + negated, and conversely, as x ≥ 0.
        """
        a, b = (torch.stack(x) for x in zip(*functions, strict=True))
        weights = (torch.cat([a, -b], 2) if self.slope > 0 else a).flatten(0, 1)
        target = float(goal) if float(goal) > 0 else None
        return self._polar.spending(Effort(target=target))(weights[:, :, None]).upper.reshape(len(a), -1).amax(1)

    def _choice(self, q: Tensor, signs: Tensor, relaxed: Relaxed | None) -> int:
        """The free sample whose majorant costs most at the program's solution; −1 where none does."""
        if relaxed is None:
            cost = torch.where(signs == 0, q, 0.0)
        else:
            overlap = torch.from_numpy(np.minimum(relaxed.above, relaxed.below)).to(q)
            cost = torch.where(signs == 0, q, 0.0) * overlap
        most, row = cost.max(0)
        return int(row) if bool(most > OVERLAP * q.abs().amax()) else -1

    def _point(self, relaxed: Relaxed | None, u: Array) -> tuple[Tensor, Tensor]:
        """The units of largest weight in the program's mean, those of equal sign and active samples added up."""
        z, sigma = self.S.new_zeros(self.units, u.shape[1]), self.S.new_ones(self.units)
        if relaxed is None or self.layers != 1:
            return z, sigma
        side, where = relaxed.weights.nonzero()
        mean = relaxed.weights[side, where, None] * u[where]
        S = self.rows[: len(self.length)].cpu().numpy()
        kinds = np.concatenate([side[:, None] == 0, u[where] @ S.T > 0], 1)
        kinds, group = np.unique(kinds, axis=0, return_inverse=True)
        total = np.zeros((len(kinds), u.shape[1]))
        np.add.at(total, group.reshape(-1), mean)
        order = np.linalg.norm(total, axis=1).argsort()[::-1][: self.units]
        z[: len(order)] = torch.from_numpy(total[order]).to(z)
        sigma[: len(order)] = torch.from_numpy(np.where(kinds[order, 0], 1.0, -1.0)).to(z)
        return z / z.norm(dim=1).sum().clamp(min=torch.finfo(z.dtype).tiny), sigma
