"""The chapter Theorems: the path of the proof, vertices of the convex hull, networks with biases, levels."""

from fractions import Fraction

import numpy as np
import pytest
from scipy.optimize import linprog

from book.shared import two_points
from book.shared.paths import largest_rise
from book.theorems import biases, figures
from book.theorems import experiment as theorems
from cases import EPS, randn
from global_optimality import (
    MatrixProduct,
    Problem,
    RankOneTensor,
    SquaredLoss,
    SumOfPowers,
    SumOfSquares,
    minimise,
    solve,
)

TIMES = [j / 7 for j in range(8)]


def toy():
    problem = two_points.toy()
    return problem, two_points.one_sided(3), solve(problem).weights


def factorization():
    problem = Problem(SquaredLoss(randn("Y", 3, 2)), MatrixProduct(3, 2), SumOfSquares(), 0.3)
    return problem, problem.random(1, 7, seed=1), solve(problem).weights


def tensor():
    """The end need not be the optimum: g is convex, and falls as long as its slope at the end is not positive."""
    problem = Problem(SquaredLoss(randn("T", 2, 2, 2)), RankOneTensor((2, 2, 2)), SumOfPowers(3), 0.2)
    ends = minimise(problem, problem.random(20, 8, seed=2), tol=1e-11)
    best = int(ends.objective.argmin())
    return problem, problem.random(1, 9, seed=3), tuple(w[best : best + 1] for w in ends.weights)


def biased():
    """Weighted homogeneity: a bias of layer 2 scales with the square."""
    problem = biases.curve(3, 0.3)
    return problem, problem.random(1, 6, seed=1), solve(problem, tol=1e-3).weights


@pytest.mark.slow
@pytest.mark.parametrize("case", [toy, factorization, tensor, biased])
def test_the_path_of_the_proof(case):
    problem, W, optimum = case()
    table = theorems.path(problem, W, optimum, TIMES)
    assert table["objective"][0] == pytest.approx(float(problem(*W)), rel=1e-13)
    assert largest_rise(table) <= 1e-12
    assert table["objective"].iloc[-1] <= float(problem(*optimum)) * (1 + 1e-10)
    assert (table.loc[table["piece"] == "exchange", "units"] <= problem.card + 1).all()
    assert (table.loc[table["piece"] == "cross", "units"] <= problem.card).all()
    assert (table["units"] <= W[0].shape[1]).all()


@pytest.mark.parametrize("case", [toy, factorization])
def test_f_is_convex_along_the_crossing(case):
    table = theorems.path(*case(), TIMES)
    crossing = table.loc[table["piece"] == "cross", "objective"].to_numpy()
    assert (np.diff(crossing, 2) >= -1e-12 * crossing[0]).all()


def test_the_straight_line_ends_at_both_networks_and_climbs():
    problem, W, optimum = toy()
    line = theorems.straight_line(problem, W, optimum, TIMES)["objective"]
    assert line.iloc[0] == pytest.approx(5.375)
    assert line.iloc[-1] == pytest.approx(2.25)
    assert line.max() > 5.4


def test_too_few_units_are_refused():
    problem, _, optimum = toy()
    with pytest.raises(ValueError, match="more than card"):
        theorems.path(problem, two_points.one_sided(2), optimum, TIMES)


def units(name: str, m: int, n: int, spread: float) -> np.ndarray:
    """n columns that differ from one another by about ``spread``, relative to their length."""
    return randn(name, m, 1).numpy() + spread * randn(f"{name} apart", m, n).numpy()


@pytest.mark.parametrize("spread", [1.0, 1e-4, 1e-8, 1e-12, 1e-16, 0.0])
@pytest.mark.parametrize(("m", "n"), [(1, 3), (3, 2), (4, 9), (6, 13)])
def test_a_vertex_gives_the_output_however_near_to_collinear_the_units_are(m, n, spread):
    """Every coefficient is rounded once, so the residual is at most ½ eps Σ |A| c: ``Fraction`` measures it."""
    for draw in range(5):
        A = units(f"{m} {n} {draw}", m, n, spread)
        c = np.abs(randn(f"coefficients {draw}", n).numpy()) * 10.0 ** (-draw)
        b = theorems.cheapest_vertex(A, c)
        assert (b >= 0).all()
        assert np.count_nonzero(b) <= m
        for row in A:
            terms = [(Fraction(a) * Fraction(y), Fraction(a) * Fraction(x)) for a, x, y in zip(row, c, b, strict=True)]
            off, size = abs(sum(y - x for y, x in terms)), sum(abs(y) for y, _ in terms)
            assert off <= size * Fraction(EPS) / 2


@pytest.mark.parametrize("draw", range(20))
def test_a_vertex_is_as_cheap_as_a_peer_finds(draw):
    A, c = randn(f"A{draw}", 6, 14).numpy(), np.abs(randn(f"c{draw}", 14).numpy())
    peer = linprog(np.ones(14), A_eq=A, b_eq=A @ c, method="highs")
    assert theorems.cheapest_vertex(A, c).sum() == pytest.approx(peer.fun, rel=1e-7)


def test_a_vertex_of_dependent_rows_and_of_the_zero_output():
    A = np.array([[1.0, 2.0, -1.0], [2.0, 4.0, -2.0], [0.0, 0.0, 0.0]])
    assert theorems.cheapest_vertex(A, np.array([1.0, 1.0, 0.0])).tolist() == [0.0, 1.5, 0.0]
    assert theorems.cheapest_vertex(A, np.array([1.0, 0.0, 1.0])).tolist() == [0.0, 0.0, 0.0]


def test_the_figure_draws():
    problem, W, optimum = toy()
    tables = theorems.path(problem, W, optimum, TIMES), theorems.straight_line(problem, W, optimum, TIMES)
    assert len(figures.paths({"toy": tables}).axes) == 1


@pytest.mark.slow
def test_the_chapter_certifies_a_network_with_biases():
    problem = biases.curve(3, 0.3)
    solution = solve(problem, tol=1e-3)
    with_bias, without = biases.with_and_without(problem, solution)
    assert solution.relative_gap <= 1e-3
    assert with_bias <= without * (1 + 1e-3)
    uniform, weighted = biases.residuals(problem)
    assert uniform > 1e-3
    assert weighted < 1e-12


def test_the_sharp_levels_of_every_size():
    table = theorems.sharp_levels([2, 3, 4])
    assert (table["error"] <= 1e-12).all()
    assert table["barrier"].to_numpy() == pytest.approx(0.5, abs=1e-12)
