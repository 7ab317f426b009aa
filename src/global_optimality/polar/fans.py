"""Simplicial cones that cover a product of unit balls, for positively homogeneous functions (see ``best_first``).

A block is a vector v = (v_1, …, v_m) of m units with the norm N(v) = Σ_u ‖v_u‖ (m = 1: Euclidean). The 2^dim orthants
are simplicial cones; a cone is cut through its longest edge. On the cone of vertices V_1, …, V_D (norm 1)
every point is Σ_k t_k V_k with t ≥ 0, and for any unit vectors c_u
    N(Σ_k t_k V_k) ≥ Σ_k t_k η_k   with   η_k = Σ_u ⟨c_u, V_ku⟩.
So a majorant Σ_k t_k U_k of F (or Π of such sums over several blocks) bounds F on the unit ball by max_k U_k / η_k.
Whatever majorant and c a relaxation chooses, the bound holds; chosen well, it is exact at cones of positive size.
"""

import itertools
import math
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from ..effort import over
from .best_first import Best, Bound, Open, first_best

BATCH = 4096
"""Cones cut in one round."""

Points = tuple[Tensor, ...]
"""One tensor a block: points ``(B, units, size)``, or vertices of cones ``(B, D, units, size)``, D = units · size."""


SAFE = 1e-9
"""η below this makes a bound of no use. Any positive number is sound: rounding is not divided by η (``error``)."""

FINEST = 100
"""Cones cut so often are points: what rounding costs their bounds is no reason to cut on."""


class Relaxation(Bound):
    """A function F of several blocks, to be maximised: its starting cones, its values, its upper bounds on cones.

    One run; a cell is a cone of each block.
    """

    @property
    @abstractmethod
    def blocks(self) -> tuple[tuple[int, int], ...]:
        """(units, size) of each block."""

    @property
    @abstractmethod
    def scale(self) -> float:
        """T: a bound of F over the product of the unit balls, and a Lipschitz constant in each block."""

    @property
    @abstractmethod
    def eps(self) -> float:
        """The relative precision of the data."""

    @property
    @abstractmethod
    def evaluation(self) -> int:
        """Values of F, and of its majorant at vertices of norm 1, are off by at most so many eps · T."""

    def error(self, depth: Tensor | int) -> Tensor | float:
        """What rounding can cost the bound of a cone of this depth, to first order in eps.

        x = Σ t_k V_k of norm 1 in an orthant has Σ t_k ≤ √size in each block (compare 1-norms), so over all blocks
        Σ t ≤ Π √size. With M the computed max U_k / η_k, F(x) ≤ Σ t_k U_k, and computed U_k ≤ M η_k (1 + eps): U_k is
        off by ``evaluation`` · eps T, η_k by (units · size + 8) eps of each block, c_u being as far from unit length.
        Where M > T, T itself is the smaller bound. A point cut on an edge is off it by at most 6 eps (a sum of two,
        at least 1/√2 long, and its normalization), so each level of cuts misses points by ≤ 6 √(units · size) eps.
        """
        spread = math.prod(size for _, size in self.blocks) ** 0.5
        numbers = [units * size for units, size in self.blocks]
        once = spread * (self.evaluation + sum(n + 8 for n in numbers) + 2)
        return (once + 6 * max(numbers) ** 0.5 * depth) * self.eps * self.scale

    @property
    def slack(self) -> float:
        return float(self.error(FINEST))

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
        bound = self.bounds(cones) + self.error(0)
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
        depth = twice.depth + 1
        bound = torch.minimum(self.bounds(both) + self.error(depth), twice.bound)
        return replace(twice, bound=bound, depth=depth), tuple(middles), parents.run

    def improve(self, best: Best, lower: Tensor, points: Points, run: Tensor) -> Best:
        return first_best(points, run, self.value(points), best, lower)


def in_pieces(function: Callable[[Points], Tensor], pieces: list[Points], otherwise: float) -> Tensor:
    """The function's values ``(B,)``, piece by piece while there is time, the first always; ``otherwise`` after."""
    found = []
    for k, piece in enumerate(pieces):
        late = k > 0 and over()
        found.append(piece[0].new_full((len(piece[0]),), otherwise) if late else function(piece))
    return torch.cat(found)


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
    safe = eta > SAFE
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
