"""Branch and bound, the most promising cell first: a maximum over a set that cells cover, enclosed.

A ``Bound`` says what a cell is, bounds the function on it, and cuts it; the rest is here, for several functions (runs)
at once: which cells are cut next, when to stop, and how to go on later. Cells that cannot hold a better point are
dropped; all others are kept, so that a search may be refined to any finer tolerance.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, final

import torch
from torch import Tensor

from ..effort import Clock, Effort, room

Cells = tuple[Tensor, ...]
"""Tensors whose axis 0 is the cell, or the point; what they hold is the affair of a ``Bound``."""

SHARE = 0.25
"""Where seconds are limited, a round may take so much of those that are left, as far as the rounds before it tell."""

FINAL = 2**62
"""The depth of cells that cannot be cut: they are kept, and what bounds them bounds the search."""

COPIES = 3
"""Of the open cells that exist while a round joins the new ones to the others."""

FEWEST = 16
"""So many cells are cut in a round however little time is left."""


@final
@dataclass(frozen=True, eq=False)
class Open:
    """Cells that may hold a better point, each ``(B, …)``: their runs, their bounds, and how often they were cut.

    Depth −1: the bound is one of a larger set; such a cell is bounded itself before it is cut.
    """

    cells: Cells
    run: Tensor
    bound: Tensor
    depth: Tensor

    def __len__(self) -> int:
        return len(self.run)

    def __getitem__(self, rows: Tensor) -> "Open":
        rows = rows.nonzero()[:, 0] if rows.dtype == torch.bool else rows  # one wait for a GPU, not one a tensor
        return Open(tuple(x[rows] for x in self.cells), self.run[rows], self.bound[rows], self.depth[rows])

    def __add__(self, other: "Open") -> "Open":
        cells = tuple(torch.cat(pair) for pair in zip(self.cells, other.cells, strict=True))
        pairs = (self.run, other.run), (self.bound, other.bound), (self.depth, other.depth)
        return Open(cells, *(torch.cat(pair) for pair in pairs))

    @property
    def bytes(self) -> int:
        return sum(x.numel() * x.element_size() for x in (*self.cells, self.run, self.bound, self.depth))

    def largest(self, least: Tensor) -> Tensor:
        """The largest bound of each run, ``(n,)``, and ``least`` where that is more."""
        return least.scatter_reduce(0, self.run, self.bound, "amax")


@final
@dataclass(frozen=True, eq=False)
class Best:
    """The best point found in each run, ``(n, …)``, and the value proved there, ``(n,)``; −∞: none yet."""

    value: Tensor
    point: Cells


class Bound(ABC):
    """One way to cover, to bound and to cut, for n functions that share it. Bounds of cells include their rounding."""

    @property
    @abstractmethod
    def batch(self) -> int:
        """Cells cut in one round at most."""

    @property
    def slack(self) -> Tensor | float:
        """Bounds that exceed the value found by no more than this are not worth a cut, ``(n,)``: rounding."""
        return 0.0

    @abstractmethod
    def start(self) -> tuple[Open, Best]:
        """Cells that cover everything, and the first points."""

    @abstractmethod
    def branch(self, parents: Open, threshold: Tensor) -> tuple[Open, Cells, Tensor]:
        """Cells that cover the parents (their halves; themselves at depth −1) with bounds, points to try, their runs.

        A bound at or below ``threshold`` ``(n,)`` need not be tightened.
        """

    @abstractmethod
    def improve(self, best: Best, lower: Tensor, points: Cells, run: Tensor) -> Best:
        """``best`` with the points, ``(B, …)``, that have values above ``lower`` ``(n,)`` in their runs ``(B,)``."""


class Mark(NamedTuple):
    """After ``made`` cells: the bounds of the run whose bounds are furthest apart."""

    made: int
    lower: float
    upper: float


@final
@dataclass(frozen=True, eq=False)
class Cover:
    """What one ``Bound`` has still open, and the best it has found."""

    bound: Bound
    open: Open
    best: Best


@final
@dataclass(frozen=True, eq=False)
class Search:
    """A search over one or several covers, to be refined at will; what was done before is kept.

    ``known`` ``(n,)`` are values that are attained elsewhere; ``made`` counts cells, ``widest`` the most ever open.
    """

    covers: tuple[Cover, ...]
    known: Tensor
    made: int
    widest: int
    history: tuple[Mark, ...] = ()

    @property
    def lower(self) -> Tensor:
        """Values that are attained, ``(n,)``."""
        return torch.stack([self.known, *(c.best.value for c in self.covers)]).amax(0)

    @property
    def upper(self) -> Tensor:
        """Proved bounds, ``(n,)``: no point exceeds them."""
        lower = self.lower
        return torch.stack([c.open.largest(lower) for c in self.covers]).amax(0)

    def best(self, run: int = 0) -> tuple[Bound, Cells]:
        """The best point of a run, as a batch of one, and the cover that found it."""
        cover = max(self.covers, key=lambda c: float(c.best.value[run]))
        return cover.bound, tuple(x[run : run + 1] for x in cover.best.point)


def begin(bounds: Sequence[Bound], known: Tensor) -> Search:
    """The search before the first cut; ``known`` ``(n,)`` are values that are attained, −∞ where none is known."""
    covers = tuple(Cover(f, *f.start()) for f in bounds)
    made = sum(int((c.open.depth >= 0).sum()) for c in covers)
    return _recorded(Search(covers, known, made, sum(len(c.open) for c in covers)))


def refine(search: Search, effort: Effort, clock: Clock | None = None) -> Search:
    """Cuts until upper ≤ lower (1 + tolerance), upper ≤ target or lower > enough in all runs, or nodes or seconds end.

    Ctrl-C ends it likewise (see ``Clock.interruptible``), and open cells that fill the memory.
    """
    clock = effort.started("branch and bound") if clock is None else clock
    began, first = clock.spent, search.made
    goal = math.inf if effort.nodes is None else search.made + effort.nodes
    with clock.interruptible():
        while search.made < goal and not clock.over and COPIES * sum(c.open.bytes for c in search.covers) <= room():
            fitting = affordable(search.made - first, clock.spent - began, clock.left)
            chosen = _chosen(search, effort, min(goal - search.made, fitting))
            if chosen is None:
                break
            search = _expanded(search, *chosen)
            mark = search.history[-1]
            clock.say(lambda m=mark: f"{m.made} cells, between {m.lower:.6g} and {m.upper:.6g}")
    return search


def affordable(made: int, spent: float, left: float) -> float:
    """Cells that fit into SHARE of the seconds left, at the speed so far."""
    if math.isinf(left):
        return math.inf
    return max(FEWEST, SHARE * left * made / spent) if made and spent > 0 else FEWEST


def _chosen(search: Search, effort: Effort, left: float) -> tuple[int, Tensor, Tensor] | None:
    """(cover, its cells to be cut, its threshold): the cells furthest above the threshold; None if there are none."""
    lower = search.lower
    found: list[tuple[Tensor, Tensor]] = []
    for cover in search.covers:
        threshold = lower * (1 + (effort.tolerance or 0.0)) + cover.bound.slack
        if effort.target is not None:
            threshold = threshold.clamp(min=effort.target)
        if effort.enough is not None:
            threshold = torch.where(lower > effort.enough, torch.inf, threshold)
        excess = cover.open.bound - threshold[cover.open.run]
        found.append((excess.masked_fill(cover.open.depth >= FINAL, -math.inf), threshold))
    which = max(range(len(found)), key=lambda k: float(found[k][0].max()) if len(found[k][0]) else -math.inf)
    cover, (excess, threshold) = search.covers[which], found[which]
    count = min(int((excess > 0).sum()), cover.bound.batch)
    if not count:
        return None
    if len(lower) > 1:  # runs are compared in units of their own bounds
        excess = excess / cover.open.largest(lower)[cover.open.run].clamp(min=torch.finfo(lower.dtype).tiny)
    rows = excess.topk(count).indices
    cost = torch.where(cover.open.depth[rows] < 0, 1, 2).cumsum(0)
    return which, rows[cost <= max(left, int(cost[0]))], threshold


def _expanded(search: Search, which: int, rows: Tensor, threshold: Tensor) -> Search:
    """One round: these cells are cut; cells that cannot hold a better point are dropped."""
    cover = search.covers[which]
    rest = torch.ones_like(cover.open.bound, dtype=torch.bool)
    rest[rows] = False
    children, points, run = cover.bound.branch(cover.open[rows], threshold)
    best = cover.bound.improve(cover.best, search.lower, points, run)
    lower, everything = torch.maximum(search.lower, best.value), cover.open[rest] + children
    covers = list(search.covers)
    covers[which] = Cover(cover.bound, everything[everything.bound > lower[everything.run]], best)
    widest = max(search.widest, sum(len(c.open) for c in covers))
    made = search.made + len(children)
    return _recorded(replace(search, covers=tuple(covers), made=made, widest=widest))


def _recorded(search: Search) -> Search:
    lower, upper = search.lower, search.upper
    run = int(((upper - lower) / upper.clamp(min=torch.finfo(upper.dtype).tiny)).argmax())
    mark = Mark(search.made, float(lower[run]), float(upper[run]))
    return replace(search, history=(*search.history, mark))


def first_best(points: Cells, run: Tensor, values: Tensor, best: Best, lower: Tensor) -> Best:
    """``best``, and in each run the point of largest value where that exceeds ``lower``; of equal ones the first."""
    n = len(lower)
    largest = torch.full_like(lower, -torch.inf).scatter_reduce(0, run, values, "amax")
    place = torch.arange(len(run), device=run.device)
    hit = values == largest[run]
    where = torch.full((n,), len(run), device=run.device).scatter_reduce(0, run[hit], place[hit], "amin")
    better = largest > lower
    chosen = where.clamp(max=len(run) - 1)
    point = tuple(
        torch.where(better.reshape(-1, *[1] * (old.dim() - 1)), new[chosen], old)
        for new, old in zip(points, best.point, strict=True)
    )
    return Best(torch.where(better, largest, best.value), point)
