"""Simplicial cones that cover a product of unit balls, for positively homogeneous functions (see ``best_first``).

A block is a vector v = (v_1, …, v_m) of m units with the norm N(v) = Σ_u ‖v_u‖ (m = 1: Euclidean). The 2^dim orthants
are simplicial cones; a cone is cut through its longest edge. On the cone of vertices V_1, …, V_D (norm 1)
every point is Σ_k t_k V_k with t ≥ 0, and for any unit vectors c_u
    N(Σ_k t_k V_k) ≥ Σ_k t_k η_k   with   η_k = Σ_u ⟨c_u, V_ku⟩.
So a majorant Σ_k t_k U_k of F (or Π of such sums over several blocks) bounds F on the unit ball by max_k U_k / η_k.
Whatever majorant and c a relaxation chooses, the bound holds; chosen well, it is exact at cones of positive size.
"""

import itertools
from abc import abstractmethod
from dataclasses import replace

import torch
from torch import Tensor

from .best_first import Best, Bound, Open, first_best

BATCH = 4096
"""Cones cut in one round."""

Points = tuple[Tensor, ...]
"""One tensor a block: points ``(B, units, size)``, or vertices of cones ``(B, D, units, size)``, D = units · size."""


class Relaxation(Bound):
    """A function F of several blocks, to be maximised: its starting cones, its values, its upper bounds on cones.

    One run; a cell is a cone of each block.
    """

    @property
    def batch(self) -> int:
        return BATCH

    @abstractmethod
    def orthants(self) -> Points:
        """Cones that cover all blocks, up to symmetries of F."""

    @abstractmethod
    def value(self, points: Points) -> Tensor:
        """F at points of norm 1, ``(B,)``."""

    @abstractmethod
    def bounds(self, cones: Points) -> Tensor:
        """An upper bound of F over each cone's points of norm at most 1 in every block, ``(B,)``.

        −∞ for cones on which another relaxation of the same search is known to be at least as large.
        """

    def at(self, block: int, cones: Points, i: Tensor, j: Tensor) -> Tensor:
        """Where to cut the edge from vertex i to vertex j of one block: a share in (0, 1) of it, ``(B,)``."""
        return torch.full_like(cones[0][:, 0, 0, 0], 0.5)

    def start(self) -> tuple[Open, Best]:
        cones = self.orthants()
        bound = self.bounds(cones)
        zeros = torch.zeros(len(bound), dtype=torch.long, device=bound.device)
        centres = tuple(normalised(v.sum(1)) for v in cones)
        nothing = bound.new_full((1,), -torch.inf)
        best = Best(nothing, tuple(v[:1] for v in centres))
        return Open(cones, zeros, bound, zeros), self.improve(best, nothing, centres, zeros)

    def branch(self, parents: Open, threshold: Tensor) -> tuple[Open, Points, Tensor]:
        cones = parents.cells
        block, one, two = _longest_edges(cones)
        left, right = tuple(v.clone() for v in cones), tuple(v.clone() for v in cones)
        middles = [normalised(v.sum(1)) for v in cones]
        for b, v in enumerate(cones):
            rows = (block == b).nonzero()[:, 0]
            i, j = one[rows], two[rows]
            at = self.at(b, tuple(w[rows] for w in cones), i, j)[:, None, None]
            middle = normalised((1 - at) * v[rows, i] + at * v[rows, j])
            left[b][rows, i] = middle
            right[b][rows, j] = middle
            middles[b][rows] = middle
        both = tuple(torch.cat(pair) for pair in zip(left, right, strict=True))
        twice = replace(parents + parents, cells=both)
        bound = torch.minimum(self.bounds(both), twice.bound)
        return replace(twice, bound=bound, depth=twice.depth + 1), tuple(middles), parents.run

    def improve(self, best: Best, lower: Tensor, points: Points, run: Tensor) -> Best:
        return first_best(points, run, self.value(points), best, lower)


def _longest_edges(cones: Points) -> tuple[Tensor, Tensor, Tensor]:
    """(block, vertex, vertex) of the longest edge of each cone, each ``(B,)``."""
    lengths, ends = [], []
    for v in cones:
        length, where = (v[:, :, None] - v[:, None]).flatten(3).square().sum(3).flatten(1).max(1)
        lengths.append(length)
        ends.append(where)
    block = torch.stack(lengths).argmax(0)
    where = torch.stack(ends).gather(0, block[None])[0]
    sides = torch.tensor([v.shape[1] for v in cones], device=block.device)[block]
    return block, where // sides, where % sides


def normalised(v: Tensor) -> Tensor:
    """v scaled to N(v) = Σ_u ‖v_u‖ = 1 over the last two axes; 0 stays 0."""
    size = v.norm(dim=-1).sum(-1)[..., None, None]
    return torch.where(size > 0, v / size, torch.zeros_like(v))


def supports(v: Tensor, t: Tensor) -> Tensor:
    """η_k ``(B, D)`` for c_u in the direction of Σ_k t_k V_ku, a guess of where in the cone the maximum lies."""
    middle = (t[:, :, None, None] * v).sum(1)
    size = middle.norm(dim=2, keepdim=True)
    c = torch.where(size > 0, middle / size, torch.zeros_like(middle))
    return (c[:, None] * v).flatten(2).sum(2)


def ratio(majorant: Tensor, eta: Tensor) -> Tensor:
    """U / η where η is safely positive, +∞ elsewhere: then the cone is cut."""
    safe = eta > 1e-9
    return torch.where(safe, majorant / torch.where(safe, eta, torch.ones_like(eta)), torch.inf)


def orthants(units: int, size: int, alike: list[list[int]], like: Tensor) -> Tensor:
    """The orthants of one block as cones ``(B, D, units, size)``; of those that differ by the order of units that are
    alike (lists of interchangeable units) only one is kept.
    """
    kept = [
        signs
        for signs in itertools.product(itertools.product((1.0, -1.0), repeat=size), repeat=units)
        if all(signs[a] >= signs[b] for group in alike for a, b in itertools.pairwise(group))
    ]
    flat = torch.tensor(kept, dtype=like.dtype, device=like.device).reshape(len(kept), units * size)
    return torch.diag_embed(flat).reshape(len(kept), units * size, units, size)
