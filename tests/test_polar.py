"""Polars of matrices: enclosures that contain the truth, gauges, λ_max, and laws that can fail."""

import numpy as np
import pytest
import torch

import global_optimality as go
import laws
from cases import cones, every_theta, exact, factors, hard, inside, matrix, polar_truth, problem, randn

GROTHENDIECK = 1.7823
"""Krivine's bound of Grothendieck's constant: how far the best upper bound of this form can lie above the truth."""


def queries() -> torch.Tensor:
    """Generic, low-rank, sign, integer, sparse, negative, tiny and huge matrices."""
    Q = randn("Q", 16, 4, 3)
    Q[1] = randn("u", 4, 1) @ randn("v", 1, 3)
    Q[2] = Q[2].sign()
    Q[3] = (3 * Q[3]).round()
    Q[4] = Q[4] * (Q[4] > 0.8)
    Q[5] = -Q[5].abs()
    Q[6] = 1e-150 * Q[6]
    Q[7] = 1e150 * Q[7]
    Q[8] = torch.eye(4, 3)
    Q[9] = 0
    Q[10] = 0
    Q[10, 2, 1] = -5
    Q[11] = 1
    return Q


@every_theta
def test_encloses(theta):
    mapping = go.MatrixProduct(4, 3)
    W = inside(theta, factors(mapping, n=16, r=200))
    laws.polar_encloses(go.polar_of(problem(regularizer=theta)), mapping, theta, queries(), W)


@every_theta
def test_contains_the_truth(theta):
    Q = queries()
    laws.polar_contains(go.polar_of(problem(regularizer=theta))(Q), polar_truth(theta, Q))


@exact
def test_exact_up_to_rounding(theta):
    bound = go.polar_of(problem(regularizer=theta))(queries())
    assert bool((bound.upper <= bound.lower * (1 + 1e-13)).all())


@hard
def test_hard_polars_are_tight_enough(theta):
    bound, truth = go.polar_of(problem(regularizer=theta))(queries()), torch.tensor(polar_truth(theta, queries()))
    assert bool((bound.upper <= GROTHENDIECK * truth * (1 + 1e-12)).all())
    laws.same(bound.lower / truth.clamp(min=1e-300), (truth > 0).double(), 1e-12)  # 64 starts find the maximum here


@cones
def test_non_negative_lower_bound_is_attained_on_small_matrices(theta):
    bound, truth = go.polar_of(problem(regularizer=theta))(queries()), torch.tensor(polar_truth(theta, queries()))
    laws.same(bound.lower / truth.clamp(min=1e-300), (truth > 0).double(), 1e-9)
    positive = go.polar_of(problem(regularizer=theta))(queries().abs())
    assert bool((positive.upper <= positive.lower * (1 + 1e-9)).all()), "exact for non-negative matrices"


@every_theta
def test_gauge(theta):
    def enclosure(Q):
        bound = go.polar_of(problem(regularizer=theta))(Q)
        return bound.lower, bound.upper

    laws.gauge(enclosure, randn("A", 5, 4, 3), randn("B", 5, 4, 3))


@pytest.mark.slow
@every_theta
def test_batched(theta):
    polar = go.polar_of(problem(regularizer=theta))
    whole, single = polar(queries()), [polar(q[None]) for q in queries()]
    for name, tol in (("lower", 1e-12), ("upper", 1e-12)):
        size = whole.upper.clamp(min=1e-300)
        laws.same(torch.cat([getattr(b, name) for b in single]) / size, getattr(whole, name) / size, tol)


@every_theta
def test_float32_encloses(theta):
    problem_ = problem(go.SquaredLoss(matrix().float()), theta)
    Q = randn("Q", 6, 4, 3)
    Q[5] = 0
    bound = go.polar_of(problem_)(Q.float())
    assert bound.lower.dtype == bound.upper.dtype == torch.float32
    assert bool((bound.upper.double() >= torch.tensor(polar_truth(theta, Q.float().double()))).all())
    assert bool((bound.lower <= bound.upper).all())


@pytest.mark.parametrize("shape", [(1, 1), (1, 5), (5, 1), (7, 2)])
@every_theta
def test_shapes(theta, shape):
    f = problem(go.SquaredLoss(randn("Y", *shape)), theta)
    Q = randn("Q", 3, *shape)
    laws.polar_contains(go.polar_of(f)(Q), polar_truth(theta, Q))


@pytest.mark.parametrize(("rows", "columns"), [(30, 20), (200, 5)])
def test_spectral_upper_bound_exceeds_every_iterate_of_the_power_method(rows, columns):
    Q = randn("big", 4, rows, columns)
    bound = go.polar_of(problem(go.SquaredLoss(Q[0])))(Q)
    v = randn("v", 4, columns, 1)
    for _ in range(3000):
        v = Q.mT @ (Q @ v)
        v = v / v.norm(dim=1, keepdim=True)
    assert bool(((Q @ v).norm(dim=1)[:, 0] <= bound.upper).all())


def test_bad_queries_are_refused():
    polar = go.polar_of(problem())
    for bad in (torch.nan, torch.inf):
        Q = matrix()[None].clone()
        Q[0, 0, 0] = bad
        with pytest.raises(ValueError, match="diverged"):
            polar(Q)
    for Q in (matrix(), matrix().T[None], matrix()[None, None]):
        with pytest.raises(ValueError, match=r"expected \(n, 4, 3\)"):
            polar(Q)


def test_unknown_pairs_name_the_cure():
    with pytest.raises(LookupError, match="SumOfSquares"):
        go.polar_of(problem(regularizer=go.NonNegative(go.ProductOfNorms((1, 2)))))


# --- λ_max ------------------------------------------------------------------------------------------------------------


@exact
def test_zero_is_optimal_from_lambda_max_on(theta):
    top = go.lambda_max(problem(regularizer=theta))
    assert top == pytest.approx(float(polar_truth(theta, matrix()[None])[0]), rel=1e-12)
    zero = tuple(torch.zeros(1, 1, d, dtype=torch.float64) for d in (4, 3))
    above = go.certify(problem(regularizer=theta, lam=top * 1.000001), zero)
    below = go.certify(problem(regularizer=theta, lam=top * 0.999), zero)
    assert float(above.relative_gap) <= 1e-13
    assert float(below.escape_objective) < float(below.objective) * (1 - 1e-9)


# --- the laws can fail ------------------------------------------------------------------------------------------------


def _shrunk(polar, by):
    return lambda Q: go.PolarBound(polar(Q).lower, polar(Q).upper * by, polar(Q).atom)


@exact
def test_a_polar_shrunk_by_one_percent_is_caught(theta):
    f = problem(regularizer=theta)
    wrong, W = _shrunk(go.polar_of(f), 0.99), inside(theta, factors(f.mapping, n=16, r=200))
    with pytest.raises(AssertionError, match="lower > upper"):
        laws.polar_encloses(wrong, f.mapping, theta, queries(), W)
    with pytest.raises(AssertionError, match="below the truth"):
        laws.polar_contains(wrong(queries()), polar_truth(theta, queries()))


def test_an_infeasible_atom_is_caught():
    f = problem()
    polar = go.polar_of(f)

    def wrong(Q):
        bound = polar(Q)
        return go.PolarBound(bound.lower, bound.upper, (2 * bound.atom[0], 0.5 * bound.atom[1]))

    with pytest.raises(AssertionError, match="not feasible"):
        laws.polar_encloses(wrong, f.mapping, f.regularizer, queries(), factors(f.mapping, n=16))


def test_a_degree_two_function_is_no_gauge():
    def square(Q):
        value = Q.square().flatten(1).sum(1)
        return value, value

    with pytest.raises(AssertionError):
        laws.gauge(square, randn("A", 5, 4, 3), randn("B", 5, 4, 3))


def test_truth_agrees_with_scipy_for_non_negative_factors():
    """The enumeration of supports, against bounded maximisation from many starts."""
    from scipy import optimize

    Q = randn("brute", 4, 3).numpy()
    rng, best = np.random.default_rng(0), 0.0
    for _ in range(40):
        x0 = rng.random(7)

        def negative(x):
            u, v = x[:4], x[4:]
            return -(u @ Q @ v) / (np.linalg.norm(u) * np.linalg.norm(v) + 1e-12)

        best = max(best, -optimize.minimize(negative, x0, bounds=[(0, 1)] * 7).fun)
    assert best == pytest.approx(polar_truth(go.NonNegative(), torch.tensor(Q)[None])[0], rel=1e-5)


def test_registered_problem_is_what_is_certified():
    assert isinstance(
        go.polar_of(go.Problem(go.SquaredLoss(matrix()), go.MatrixProduct(4, 3), go.SumOfSquares(), 1.0))(
            matrix()[None]
        ),
        go.PolarBound,
    )
