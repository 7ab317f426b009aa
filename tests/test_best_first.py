"""The search itself, on a function whose maximum is known: Σ_k a_k cos(kt) over intervals, Lipschitz bounds."""

import itertools
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from torch import Tensor

from global_optimality import Effort, progress, progress_to
from global_optimality import effort as module
from global_optimality.polar import best_first
from global_optimality.polar.best_first import Best, Bound, Cells, Open, Search, begin, first_best, refine

A = torch.tensor([[1.0, -0.5, 0.3, 0.2], [0.2, 0.1, -0.9, 0.4], [0.0, 0.0, 0.0, 0.0]], dtype=torch.float64)
LIPSCHITZ = A.abs() @ torch.arange(1.0, 5.0, dtype=torch.float64)


def value(t: Tensor, run: Tensor) -> Tensor:
    return (A[run] * torch.cos(t[:, None] * torch.arange(1, 5))).sum(1)


GRID = torch.linspace(-3.2, 3.2, 200_001, dtype=torch.float64)
TRUTH = torch.stack([value(GRID, torch.full((len(GRID),), r)).max() for r in range(3)])

MISSED = 20 * float(GRID[1] - GRID[0]) ** 2
"""The grid misses a maximum by at most ½ Σ k² |a_k| (step / 2)², and Σ k² |a_k| < 16."""


@dataclass(frozen=True, eq=False)
class Intervals(Bound):
    """Cells are intervals (left, right), of every run; the bound is the value in the middle plus L times half."""

    left: float = -3.2
    right: float = 3.2
    interrupt: int | None = None

    @property
    def batch(self) -> int:
        return 20

    def start(self) -> tuple[Open, Best]:
        run = torch.arange(3)
        ends = torch.tensor([[self.left, self.right]], dtype=torch.float64).expand(3, -1)
        root = Open((ends,), run, torch.full((3,), 100.0, dtype=torch.float64), run * 0 - 1)
        return root, Best(torch.full((3,), -torch.inf, dtype=torch.float64), (ends[:, 0],))

    def branch(self, parents: Open, threshold: Tensor) -> tuple[Open, Cells, Tensor]:
        if self.interrupt is not None and int(parents.depth.max()) >= self.interrupt:
            raise KeyboardInterrupt
        whole, halves = parents[parents.depth < 0], parents[parents.depth >= 0]
        (ends,) = halves.cells
        middle = ends.mean(1)
        cut = torch.cat([torch.stack([ends[:, 0], middle], 1), torch.stack([middle, ends[:, 1]], 1)])
        both = replace(halves + halves, cells=(cut,)) + whole
        (ends,) = both.cells
        t, half = ends.mean(1), (ends[:, 1] - ends[:, 0]) / 2
        bound = torch.minimum(value(t, both.run) + LIPSCHITZ[both.run] * half, both.bound)
        return replace(both, bound=bound, depth=both.depth + 1), (t,), both.run

    def improve(self, best: Best, lower: Tensor, points: Cells, run: Tensor) -> Best:
        return first_best(points, run, value(points[0], run), best, lower)


def started(*bounds: Bound) -> Search:
    return begin(bounds or (Intervals(),), torch.full((3,), -torch.inf, dtype=torch.float64))


def holds(search: Search) -> bool:
    return bool((search.lower <= TRUTH + MISSED).all() and (search.upper >= TRUTH).all())


def test_closes_to_the_tolerance_in_every_run():
    search = refine(started(), Effort(tolerance=1e-4))
    assert holds(search)
    assert bool((search.upper <= search.lower * (1 + 1e-4) + 1e-300)[:2].all())
    for run in range(2):
        _, (t,) = search.best(run)
        assert float(value(t, torch.tensor([run]))) == float(search.lower[run])
    assert search.widest >= len(search.covers[0].open)


def test_bounds_hold_and_narrow_at_any_effort():
    ends = [refine(started(), Effort(nodes=nodes)) for nodes in (0, 1, 3, 10, 100, 1000)]
    assert all(holds(search) for search in ends)
    assert all(bool((b.upper <= a.upper).all()) for a, b in itertools.pairwise(ends))
    assert all(n <= search.made <= n + 1 for search, n in zip(ends, (0, 1, 3, 10, 100, 1000), strict=True))


def test_resumed_searches_end_where_one_search_does():
    whole, parts = refine(started(), Effort(nodes=900)), started()
    for _ in range(9):
        parts = refine(parts, Effort(nodes=100))
    assert holds(parts)
    assert parts.made == pytest.approx(whole.made, abs=20)
    finer = refine(refine(started(), Effort(tolerance=0.5)), Effort(tolerance=1e-4))
    once = refine(started(), Effort(tolerance=1e-4))
    for search in (finer, once):
        assert bool((search.upper <= search.lower * (1 + 1e-4) + 1e-300)[:2].all()), "what was coarse can be refined"
    made = [mark.made for mark in finer.history]
    assert made == sorted(made)


def test_a_target_ends_the_search_where_the_upper_bound_reaches_it():
    target = float(TRUTH.max()) * 1.2
    search = refine(started(), Effort(target=target))
    assert float(search.upper.max()) <= target
    assert search.made < refine(started(), Effort(tolerance=1e-4)).made
    low = refine(started(), Effort(target=0.5 * float(TRUTH.min()), tolerance=1e-3, nodes=10_000))
    assert bool((low.upper <= low.lower * (1 + 1e-3) + 1e-300)[:2].all()), "a target out of reach ends nothing"


def test_several_covers_bound_the_whole():
    parts = started(Intervals(-3.2, 0.4), Intervals(0.4, 3.2))
    search = refine(parts, Effort(tolerance=1e-4))
    assert holds(search)
    assert bool((search.upper <= search.lower * (1 + 1e-4) + 1e-300)[:2].all())
    for run in range(2):
        found, (t,) = search.best(run)
        assert isinstance(found, Intervals)
        assert found.left <= float(t) <= found.right
    half = refine(started(Intervals(-3.2, 0.4)), Effort(tolerance=1e-4))
    assert float(half.upper[1]) == pytest.approx(float(search.upper[1]), rel=2e-4), "cos is even"


def test_known_values_are_not_searched_below():
    known = torch.full((3,), 50.0, dtype=torch.float64)
    search = refine(begin([Intervals()], known), Effort())
    assert torch.equal(search.lower, known)
    assert torch.equal(search.upper, known)
    assert search.made <= 3


def test_an_interrupt_returns_bounds_that_hold(monkeypatch):
    monkeypatch.setattr(module, "_last_interrupt", -np.inf)  # no interrupt of a test before this one
    search = refine(started(Intervals(interrupt=4)), Effort(tolerance=1e-4))
    assert holds(search)
    assert 5 < search.made < refine(started(), Effort(tolerance=1e-4)).made


def test_time_ends_the_search(monkeypatch):
    now = itertools.count(0.0, 0.01)
    monkeypatch.setattr(module.time, "monotonic", lambda: next(now))
    short, long = (refine(started(), Effort(seconds=s, tolerance=1e-9)) for s in (1.0, 4.0))
    assert holds(short)
    assert 0 < short.made < long.made
    assert refine(started(), Effort(seconds=0.0)).made == 0


def test_little_time_makes_small_rounds():
    assert best_first.affordable(1000, 2.0, 1.0) == best_first.SHARE * 500
    assert best_first.affordable(1000, 2.0, 1e-9) == best_first.FEWEST
    assert best_first.affordable(0, 0.0, 5.0) == best_first.FEWEST
    assert best_first.affordable(10, 1.0, np.inf) == np.inf


def test_a_long_search_says_how_far_it_is(monkeypatch):
    monkeypatch.setattr(progress, "PATIENCE", 0.0)
    said = []
    with progress_to(said.append):
        refine(started(), Effort(nodes=500))
    assert "cells, between" in said[0]
    assert said[-1] == ""


def test_of_equal_points_the_first_counts():
    lower = torch.tensor([-1.0, 2.0])
    best = Best(torch.full((2,), -torch.inf), (torch.zeros(2),))
    points, run = torch.tensor([5.0, 6.0, 7.0, 8.0]), torch.tensor([0, 0, 1, 0])
    found = first_best((points,), run, torch.tensor([1.0, 1.0, 2.0, 0.0]), best, lower)
    assert found.value.tolist() == [1.0, -torch.inf], "a value must exceed what is known"
    assert found.point[0].tolist() == [5.0, 0.0]
