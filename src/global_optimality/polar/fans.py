"""The maximum of a positively homogeneous function over a product of unit balls, enclosed by branch and bound on cones.

A block is a vector v = (v_1, …, v_m) of m units with the norm N(v) = Σ_u ‖v_u‖ (m = 1: Euclidean). The 2^dim orthants
are simplicial cones; a cone is cut through its longest edge. On the cone of vertices V_1, …, V_D (norm 1)
every point is Σ_k t_k V_k with t ≥ 0, and for any unit vectors c_u
    N(Σ_k t_k V_k) ≥ Σ_k t_k η_k   with   η_k = Σ_u ⟨c_u, V_ku⟩.
So a majorant Σ_k t_k U_k of F (or Π of such sums over several blocks) bounds F on the unit ball by max_k U_k / η_k.
Whatever majorant and c a relaxation chooses, the bound holds; chosen well, it is exact at cones of positive size.
"""

import itertools
import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..effort import Clock, Effort

BATCH = 4096
"""Cones cut in one round; a round takes the ones of largest bound (best first)."""

Points = tuple[Tensor, ...]
"""One tensor a block: points ``(B, units, size)``, or vertices of cones ``(B, D, units, size)``, D = units · size."""


class Relaxation(ABC):
    """A function F of several blocks, to be maximised: its starting cones, its values, its upper bounds on cones."""

    @property
    @abstractmethod
    def rounding(self) -> float:
        """What is added to the final bound: rounding of values, and of the vertices, which are off by a few eps."""

    @abstractmethod
    def start(self) -> Points:
        """Cones that cover all blocks, up to symmetries of F."""

    @abstractmethod
    def value(self, points: Points) -> Tensor:
        """F at points of norm 1, ``(B,)``."""

    @abstractmethod
    def bound(self, cones: Points) -> Tensor:
        """An upper bound of F over each cone's points of norm at most 1 in every block, ``(B,)``.

        −∞ for cones on which another relaxation of the same search is known to be at least as large.
        """

    def cut(self, block: int, cones: Points, i: Tensor, j: Tensor) -> Tensor:
        """Where to cut the edge from vertex i to vertex j of one block: a share in (0, 1) of it, ``(B,)``."""
        return torch.full_like(cones[0][:, 0, 0, 0], 0.5)


@dataclass(frozen=True, eq=False)
class Cover:
    """One relaxation with its cones that may still hold a better point, and their bounds."""

    relaxation: Relaxation
    cones: Points
    bound: Tensor

    @property
    def upper(self) -> float:
        return float(self.bound.max()) if len(self.bound) else -math.inf


@dataclass(frozen=True, eq=False)
class Search:
    """A search over one or several relaxations, to be refined further at will; what was done before is kept.

    ``point`` (of ``relaxation``) attains ``lower`` unless that was known before. ``history``: (cones, lower, upper).
    """

    covers: tuple[Cover, ...]
    lower: float
    relaxation: Relaxation
    point: Points
    made: int
    history: tuple[tuple[int, float, float], ...] = ()

    @property
    def upper(self) -> float:
        """The proved bound: no point of norm 1 exceeds it."""
        return max(self.lower, *(c.upper for c in self.covers)) + max(c.relaxation.rounding for c in self.covers)


def begin(relaxations: Sequence[Relaxation], known: float = 0.0) -> Search:
    """The search before the first cut; ``known`` is a value of F that is attained (``point`` may then be worse)."""
    covers = []
    for f in relaxations:
        cones = f.start()
        covers.append(Cover(f, cones, f.bound(cones)))
    centres = [tuple(normalised(v.sum(1)) for v in c.cones) for c in covers]
    first = tuple(v[:1] for v in centres[0])
    search = Search(tuple(covers), known, relaxations[0], first, sum(len(c.bound) for c in covers))
    for f, points in zip(relaxations, centres, strict=True):
        search = _improve(search, f, points)
    return _record(search)


def refine(search: Search, effort: Effort, clock: Clock | None = None) -> Search:
    """Cuts until upper ≤ lower (1 + tolerance), or upper ≤ target, or ``nodes`` further cones or the time are spent."""
    clock = effort.started("branch and bound") if clock is None else clock
    goal = math.inf if effort.nodes is None else search.made + effort.nodes
    with clock.interruptible():
        while search.made < goal and not clock.over:
            which = max(range(len(search.covers)), key=lambda j: search.covers[j].upper)
            cover = search.covers[which]
            target = 0.0 if effort.target is None else effort.target
            threshold = max(search.lower * (1 + (effort.tolerance or 0.0)), target - cover.relaxation.rounding)
            count = int(min(int((cover.bound > threshold).sum()), BATCH, max((goal - search.made) // 2, 1)))
            if not count:
                break
            search = _record(_cut(search, which, count))
            clock.say(lambda: f"{search.made} cones, between {search.lower:.6g} and {search.upper:.6g}")  # noqa: B023
    return search


def _cut(search: Search, which: int, count: int) -> Search:
    """One round: the ``count`` cones of largest bound are cut; cones that cannot hold a better point are dropped."""
    cover = search.covers[which]
    f = cover.relaxation
    chosen = cover.bound.topk(count).indices
    rest = torch.ones_like(cover.bound, dtype=torch.bool)
    rest[chosen] = False
    parents, old = tuple(v[chosen] for v in cover.cones), cover.bound[chosen]
    block, one, two = _longest_edges(parents)
    left, right = tuple(v.clone() for v in parents), tuple(v.clone() for v in parents)
    middles = [normalised(v.sum(1)) for v in parents]
    for b, v in enumerate(parents):
        rows = (block == b).nonzero()[:, 0]
        i, j = one[rows], two[rows]
        at = f.cut(b, tuple(w[rows] for w in parents), i, j)[:, None, None]
        middle = normalised((1 - at) * v[rows, i] + at * v[rows, j])
        left[b][rows, i] = middle
        right[b][rows, j] = middle
        middles[b][rows] = middle
    search = _improve(search, f, tuple(middles))
    both = tuple(torch.cat(pair) for pair in zip(left, right, strict=True))
    bound = torch.cat([cover.bound[rest], torch.minimum(f.bound(both), torch.cat([old, old]))])
    keep = bound > search.lower
    cones = tuple(torch.cat([v[rest], w])[keep] for v, w in zip(cover.cones, both, strict=True))
    covers = list(search.covers)
    covers[which] = Cover(f, cones, bound[keep])
    return replace(search, covers=tuple(covers), made=search.made + 2 * count)


def _improve(search: Search, f: Relaxation, points: Points) -> Search:
    values = f.value(points)
    best = int(values.argmax())
    if float(values[best]) <= search.lower:
        return search
    return replace(search, lower=float(values[best]), relaxation=f, point=tuple(x[best : best + 1] for x in points))


def _record(search: Search) -> Search:
    return replace(search, history=(*search.history, (search.made, search.lower, search.upper)))


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
