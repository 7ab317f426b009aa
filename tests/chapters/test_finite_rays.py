"""Pairs with finitely many rays: the sharp example by hand, and the enumeration of traps against brute force."""

from fractions import Fraction
from itertools import combinations, pairwise

import numpy as np
import pytest
import torch
from scipy.optimize import nnls

from book.shared import relu_problems as relu
from book.shared.paths import largest_rise
from book.theorems import experiment as theorems
from book.theorems import figures
from book.theorems import finite_rays as rays
from book.theorems import trap_search as search
from global_optimality import GradientDescent, Verdict, certify, generator, meta_algorithm
from global_optimality.factors import append, scale
from global_optimality.streams import normal, uniform

SHARP = [rays.Sharp(1, 1.6), rays.Sharp(2), rays.Sharp(3), rays.Sharp(5), rays.Sharp(4, 0.3)]


def by_hand(example):
    """The three rays of the issue, written out: value at the trap, optimum, least rise (for card(X) = 2 only)."""
    trap = 0.5 * ((2 - 1) ** 2 + (2 - 1) ** 2) + 1 + 1
    length = (0.8 * 2 + 0.8 * 2 - 1) / (0.8**2 + 0.8**2)
    optimum = 0.5 * 2 * (2 - 0.8 * length) ** 2 + length
    one_axis = 0.5 * (2**2 + 1**2) + 1
    return trap, optimum, one_axis - trap


def test_three_rays_by_hand():
    example = rays.Sharp(2)
    assert example.levels == pytest.approx(by_hand(example), abs=1e-14)
    assert example.levels[1] == pytest.approx(2.109375, abs=1e-14)


@pytest.mark.parametrize("example", SHARP, ids=lambda e: f"{e.card}-{e.diagonal}")
def test_the_sharp_example(example):
    problem, polar = example.problem, rays.RaysPolar(example.A)
    trap, best, rise = example.levels
    certificates = [certify(problem, W, polar) for W in (example.trap, example.split, example.optimum)]
    assert [float(c.objective) for c in certificates] == pytest.approx([trap, trap, best], rel=1e-14)
    assert [c.verdict(1e-12)[0] for c in certificates] == [Verdict.REFUTED, Verdict.REFUTED, Verdict.CERTIFIED]
    found = search.minima(example.A.numpy()[None], example.Y.numpy()[None], np.ones(1))
    axes = tuple(range(example.card))
    assert found.of_size(example.card)[0] == pytest.approx(best, rel=1e-14)
    assert found.barrier(axes)[0] == pytest.approx(rise, rel=1e-13)
    assert found.traps(example.card).any()


def test_no_small_step_leaves_the_trap_and_none_of_size_three_has_to_climb():
    example = rays.Sharp(2)
    stream = generator(0, "steps")
    for length in (1e-3, 0.1, 0.9):
        step = 1 + length * (2 * uniform(stream, 200, 2) - 1)
        near = scale(tuple(w.expand(200, -1, -1) for w in example.trap), step)
        assert (example.problem(*near) >= example.levels[0]).all()
    table = theorems.path(example.problem, example.split, example.optimum, [0.0, 0.5, 1.0])
    assert largest_rise(table) <= 1e-14
    assert table["objective"].iloc[-1] == pytest.approx(example.levels[1], rel=1e-14)


def test_the_exchange_of_the_sharp_example_is_an_edge():
    example = rays.Sharp(2)
    table = theorems.path(example.problem, example.split, example.optimum, [0.0, 0.5, 1.0])
    exchange = table[table["piece"] == "exchange"]
    assert exchange["objective"].tolist() == pytest.approx([3.0, 2.625, 2.25], abs=1e-14)
    assert exchange["units"].tolist() == [2, 3, 1]


def exact_rank(A):
    """Rank of a matrix of floats by elimination in rational numbers: nearly dependent columns are independent."""
    rows, rank = [[Fraction(x) for x in row] for row in A.tolist()], 0
    for j in range(A.shape[1]):
        if (pivot := next((i for i in range(rank, len(rows)) if rows[i][j] != 0), None)) is not None:
            rows[rank], rows[pivot] = rows[pivot], rows[rank]
            for i in range(rank + 1, len(rows)):
                share = rows[i][j] / rows[rank][j]
                rows[i] = [x - share * y for x, y in zip(rows[i], rows[rank], strict=True)]
            rank += 1
    return rank


@pytest.mark.parametrize(("N", "seed"), [(4, 1), (6, 0), (6, 2), (8, 0)])
def test_the_exchange_goes_along_edges_to_a_cheapest_vertex(N, seed):
    problem = relu.line_problem(N, 0.02, seed=seed)
    W, V = (problem.random(1, N + 1, seed=s) for s in (seed, seed + 100))
    own, both = theorems.Dictionary(problem, W), theorems.Dictionary(problem, append(W, V))
    c = np.concatenate([own.start, np.zeros(N + 1)])
    first = np.concatenate([own.cheapest(own.start), np.zeros(N + 1)])
    corners = list(theorems.vertices(both.A, c, first))
    assert corners[0] == pytest.approx(first, rel=1e-14)
    assert len(corners) > 1
    X = both.A @ c
    for a, b in pairwise(corners):
        assert b.sum() < a.sum()
        assert np.linalg.norm(both.A @ b - X) <= 1e-10 * np.linalg.norm(X)
        joined = np.flatnonzero((a > 0) | (b > 0))
        assert exact_rank(both.A[:, joined]) == len(joined) - 1  # an edge: one degree of freedom
        assert len(joined) <= N + 1
    assert corners[-1].sum() == pytest.approx(both.cheapest(c).sum(), rel=1e-14)


def walk(A, Y, lam, S, r):
    """Independent of the enumeration: descend on a face by NNLS, grow any free unit that helps, until nothing does."""
    m = A.shape[1]
    while True:
        S = list(S)
        # min ½‖Y − Ac‖² + λ Σc over c ≥ 0, as least squares with Gram AᵀA and right side AᵀY − λ
        gram, b = A[:, S].T @ A[:, S], A[:, S].T @ Y - lam
        root = np.linalg.cholesky(gram + 1e-13 * np.eye(len(S)))
        c = nnls(root.T, np.linalg.solve(root, b))[0]
        kept = [j for j, length in zip(S, c, strict=True) if length > 1e-7]
        rest = Y - A[:, S] @ c
        value = 0.5 * rest @ rest + lam * c.sum()
        helpful = [j for j in range(m) if j not in kept and rest @ A[:, j] > lam * (1 + 1e-7)]
        if len(kept) == r or not helpful:
            return value
        S = [*kept, helpful[0]]


@pytest.mark.parametrize("family", list(search.Family))
def test_traps_are_where_walks_end_and_only_there(family):
    A, Y, lam = search.instances(family, 3, 6, 12, 0.1, seed=1)
    found = search.minima(A, Y, lam)
    trapped = 0
    for r in (1, 2, 3):
        traps, level = found.traps(r), found.of_size(r)
        sets = [S for S in found.own if len(S) == r]
        for b in range(len(Y)):
            for S, is_trap in zip(sets, traps[:, b], strict=True):
                end = walk(A[b], Y[b], lam[b], S, r)
                assert end >= level[b] * (1 - 1e-9)
                if is_trap:
                    trapped += 1
                    assert end == pytest.approx(found.own[S][b], rel=1e-9)
                    assert found.barrier(S)[b] > 0
                    assert found.polar[S][b] > 1
    assert trapped > 0


def test_one_unit_more_than_card_opens_every_trap():
    A, Y, lam = search.instances(search.Family.SPHERE, 3, 9, 30, 0.1, seed=2)
    found = search.minima(A, Y, lam)
    opened = 0
    for S in combinations(range(9), 3):
        for b in np.flatnonzero(found.own[S] > found.of_size(3) * (1 + search.LOWER)):
            if np.isfinite(found.own[S][b]):
                opened += 1
                assert walk(A[b], Y[b], lam[b], S, 4) == pytest.approx(found.of_size(3)[b], rel=1e-8)
    assert opened >= 10


def test_the_meta_algorithm_leaves_the_trap_with_a_third_unit():
    example = rays.Sharp(2)
    path = meta_algorithm(example.problem, example.split, polar=rays.RaysPolar(example.A), method=GradientDescent())
    assert path.largest_rise <= 1e-12
    assert float(path.objective[-1]) == pytest.approx(example.levels[1], rel=1e-8)


def test_polar_attains_its_lower_end_and_never_falls_below_any_ray():
    A = normal(generator(3, "rays"), 4, 7)
    Q = normal(generator(4, "rays"), 20, 4)
    bound = rays.RaysPolar(A)(Q)
    problem = rays.problem(A, torch.ones(4, dtype=torch.float64), 0.1)
    assert torch.allclose(problem.mapping.inner(Q, *bound.atom)[:, 0], bound.lower, atol=1e-14)
    assert (problem.regularizer.theta(*bound.atom) <= 1).all()
    assert (bound.upper[:, None] >= Q @ A).all()
    assert bool((rays.RaysPolar(A)(-A.sum(1)[None] * 0).lower == 0).all())


def test_the_search_table_and_its_figure():
    table = search.search([2, 3], [1, 2], 40, 0.1, seed=0)
    assert set(table["card"]) == {2, 3}
    assert (table["r"] <= table["card"]).all()
    assert (table.loc[table["trapped"] > 0, "polar"] > 1).all()
    assert (table.loc[table["r"] == table["card"]].groupby("card")["trapped"].sum() > 0).all()
    assert len(figures.traps(table).axes) == 2


def test_a_diagonal_too_short_is_an_error():
    with pytest.raises(ValueError, match="must exceed 1"):
        rays.Sharp(2, 0.5)
