"""The mathematics does not depend on units, nor do ``certify`` and ``solve``; and their limits of time and memory."""

import math
from functools import cache

import pytest
import torch
from torch import Tensor

import global_optimality as go
import laws
from cases import randn
from global_optimality import effort
from global_optimality.data import hide, low_rank
from global_optimality.losses.units import exponent
from global_optimality.sliding_frank_wolfe.local import OnFaces
from global_optimality.sliding_frank_wolfe.merge import singular_pairs
from global_optimality.twin import twin

N = 12
S = torch.cat([randn("invariance S", N, 1), torch.ones(N, 1, dtype=torch.float64)], 1)
Y = torch.sin(3 * S[:, :1]) + 0.1 * randn("invariance y", N, 1)
LABELS = torch.arange(N) % 3
SIGNS = (Y + 0.3 * randn("invariance signs", N, 1)).sign()
WEIGHTS = 1.0 + torch.arange(N).double()
FACTORS = [1e-12, 1e-5, 3.0, 2.0**20, 1e7, 1e12]
every_factor = pytest.mark.parametrize("c", FACTORS)
TOL = 1e-9


def relu(loss, lam: float = 0.1, S: Tensor = S) -> go.Problem:
    return go.Problem(loss, go.ReluUnit(S, outputs=loss.shape[1]), go.SumOfSquares(), lam)


LOSSES = {
    "squared": lambda: go.SquaredLoss(Y),
    "weighted": lambda: go.SquaredLoss(Y, weights=WEIGHTS, output_bias=0.5),
    "free bias": lambda: go.SquaredLoss(Y, output_bias=0.0),
    "logistic": lambda: go.LogisticLoss(SIGNS, output_bias=0.0),
    "cross-entropy": lambda: go.CrossEntropyLoss(LABELS),
}
every_loss = pytest.mark.parametrize("name", LOSSES)


@cache
def solved(name: str) -> go.Solution:
    """In the units that the others are compared with."""
    return go.solve(relu(LOSSES[name]()), tol=TOL)


def same(one, other, unit: float = 1.0) -> None:
    """Both solved, with one optimum in two units of the objective."""
    assert one.status is other.status is go.Status.GLOBAL
    assert other.objective == pytest.approx(unit * one.objective, rel=3 * TOL)


@every_factor
@every_loss
def test_the_unit_of_the_inputs_is_that_of_lambda(name, c):
    same(solved(name), go.solve(relu(LOSSES[name](), lam=0.1 * c, S=c * S), tol=TOL))


@every_factor
def test_the_unit_of_the_targets_is_that_of_lambda(c):
    same(solved("squared"), go.solve(relu(go.SquaredLoss(c * Y), lam=0.1 * c), tol=TOL), c * c)


@every_factor
def test_the_unit_of_the_sample_weights_is_that_of_lambda_and_of_the_decay(c):
    other = go.SquaredLoss(Y, weights=c * WEIGHTS, output_bias=0.5 * c)
    same(solved("weighted"), go.solve(relu(other, lam=0.1 * c), tol=TOL), c)


@every_factor
def test_the_unit_of_a_matrix_is_that_of_lambda(c):
    Z = low_rank(6, 9, 2, seed=0)
    mask = hide(Z, 0.3, seed=0)

    def problem(c: float) -> go.Problem:
        return go.Problem(go.MaskedSquaredLoss(c * Z, mask), go.MatrixProduct(6, 9), go.SumOfSquares(), c * 0.5)

    same(go.solve(problem(1.0), tol=TOL), go.solve(problem(c), tol=TOL), c * c)


@pytest.mark.parametrize("offset", [1.0, -1e4, 1e8, 1e12])
def test_a_free_output_bias_takes_up_any_offset(offset):
    shifted = 2.0 ** round(math.log2(abs(offset))) * math.copysign(1, offset)
    targets = (Y * 2**10).round() / 2**10  # exact beside the offset
    one, other = (go.solve(relu(go.SquaredLoss(targets + m, output_bias=0.0)), tol=TOL) for m in (0.0, shifted))
    same(one, other)
    expected = shifted + float(one.output_bias()[0])
    assert float(other.output_bias()[0]) == pytest.approx(expected, abs=1e-6 * abs(shifted))


@pytest.mark.parametrize("k", [-300, -40, 40, 300])
def test_powers_of_two_change_no_bit(k):
    """S and λ times 2^k, k even: the weights times 2^{−k/2}, all else the same to the last bit."""
    problem, other = relu(go.SquaredLoss(Y)), relu(go.SquaredLoss(Y), lam=0.1 * 2.0**k, S=S * 2.0**k)
    W = problem.random(2, 3, seed=1)
    a, b = go.certify(problem, W), go.certify(other, tuple(w * 2.0 ** (-k // 2) for w in W))
    for name in ("objective", "lower_bound", "gap", "polar", "polar_lower", "alignment", "dual", "escape_objective"):
        assert torch.equal(getattr(a, name), getattr(b, name)), name
    assert torch.equal(a.gradient_norm, b.gradient_norm * 2.0 ** (-k // 2))
    one, two = go.solve(problem), go.solve(other)
    assert one.objective == two.objective
    assert all(torch.equal(v, w * 2.0 ** (k // 2)) for v, w in zip(one.weights, two.weights, strict=True))


@pytest.mark.parametrize("k", [-100, 60])
def test_images_in_other_units(k):
    """Images times 2^k with λ times 2^k and weights over 2^(k/2), as rows of S: the same bits."""
    images, Y2 = randn("invariance images", 5, 1, 4, 4), randn("invariance image targets", 5, 2)
    one, two = (
        go.Problem(go.SquaredLoss(Y2), go.ConvPool(images * s, 1, 3, 2, 2), go.SumOfSquares(), 0.3 * s)
        for s in (1.0, 2.0**k)
    )
    W = one.random(2, 3, seed=4)
    a, b = go.certify(one, W), go.certify(two, tuple(w * 2.0 ** (-k // 2) for w in W))
    assert torch.equal(a.objective, b.objective)
    assert torch.equal(a.lower_bound, b.lower_bound)
    assert torch.equal(a.escape_objective, b.escape_objective)


@pytest.mark.parametrize("unit", [2.0**-500, 2.0**40])
def test_targets_near_the_ends_of_float64(unit):
    problem = relu(go.SquaredLoss(Y * unit), lam=0.1 * unit)
    solution = go.solve(problem)
    assert solution.status is go.Status.GLOBAL
    assert solution.objective == go.solve(relu(go.SquaredLoss(Y))).objective * unit**2


def test_a_polar_of_the_callers_own_is_asked_in_the_callers_units():
    problem = relu(go.SquaredLoss(1e3 * Y), lam=1e-4, S=1e-6 * S)
    known = go.polar_of(problem)
    asked: list[Tensor] = []

    def own(Q: Tensor) -> go.PolarBound:
        asked.append(Q)
        return known(Q)

    W = problem.random(1, 2, seed=0)
    mine, theirs = go.certify(problem, W), go.certify(problem, W, own)
    gradient = problem.loss.gradient(problem.mapping.Phi(*W))
    assert torch.allclose(asked[0], -gradient, rtol=1e-12)
    assert torch.allclose(mine.lower_bound, theirs.lower_bound, rtol=1e-12)
    assert go.solve(problem, polar=own).objective == pytest.approx(go.solve(problem).objective, rel=1e-7)


@pytest.mark.parametrize("name", ["product", "powers", "deep"])
def test_twins_are_the_same_problem(name):
    data = 1e5 * randn("twin", 7, 3)
    loss = go.SquaredLoss(1e-3 * randn("twin y", 7, 2), weights=WEIGHTS[:7], output_bias=2.0)
    problem = {
        "product": lambda: relu(loss, 3e4, data),
        "powers": lambda: go.Problem(go.SquaredLoss(data), go.MatrixProduct(7, 3), go.ProductOfNorms(), 2.0),
        "deep": lambda: go.Problem(go.SquaredLoss(data), go.DeepLinear(3, (2, 2, 3), S=data), go.SumOfPowers(3), 2.0),
    }[name]()
    other = twin(problem)
    W = problem.random(4, 5, seed=0)
    assert torch.allclose(problem(*W), other.value * other.problem(*other.inside(W)), rtol=1e-13)
    assert all(torch.equal(v, w) for v, w in zip(other.outside(other.inside(W)), W, strict=True))
    assert exponent(other.problem.loss.Y, problem.mapping.degree) == 0
    assert twin(other.problem).value == 1.0


def test_numbers_beyond_float64_are_refused_by_name():
    with pytest.raises(ValueError, match=r"λ = 1e-305 is 2\^.* in units of the data"):
        go.certify(relu(go.SquaredLoss(Y), lam=1e-305), relu(go.SquaredLoss(Y)).random(1, 1))
    with pytest.raises(ValueError, match="beyond float64"):
        go.solve(relu(go.SquaredLoss(Y * 1e-145, weights=WEIGHTS * 1e-20), lam=1e-165))


@pytest.mark.parametrize("start", [None, 0])
def test_an_optimum_of_zero_is_certified(start):
    constant = go.SquaredLoss(torch.full((N, 1), 0.1, dtype=torch.float64), output_bias=0.0)
    problem = relu(constant)
    solution = go.solve(problem, start=None if start is None else problem.random(1, 2, seed=start))
    assert solution.status is go.Status.GLOBAL
    assert solution.objective == solution.relative_gap == 0.0


@pytest.mark.slow
@pytest.mark.parametrize("scale", [1e-30, 1.0, 1e30])
@pytest.mark.parametrize("rounds", [1, 3])
def test_never_worse_than_the_start(scale, rounds):
    data = torch.stack([S[:, 0], scale * randn("units", N)], 1)
    problem = relu(go.SquaredLoss(Y), lam=1e-3, S=data)
    starts = problem.random(2, 6, seed=2)
    for i in range(2):
        start = go.minimise(problem, tuple(w[i : i + 1] for w in starts), max_steps=20).weights
        solution = go.solve(problem, start=start, max_rounds=rounds)
        assert solution.objective <= float(problem(*start)[0]) * (1 + 1e-13)
        laws.never_rises([row.objective for row in solution.history], 1e-13)


def test_no_time_is_a_status_of_every_descent():
    problem = relu(go.SquaredLoss(Y))
    start = problem.random(2, 3, seed=0)
    descent = go.minimise(problem, start, stop=lambda: True)
    assert descent.status == (go.Status.TIME, go.Status.TIME)
    assert int(descent.steps.max()) == 0
    solution = go.solve(problem, time_limit=0.0, start=tuple(w[:1] for w in start))
    assert solution.status is go.Status.TIME
    assert solution.objective <= float(problem(*start)[0])


@pytest.mark.slow
def test_steps_too_large_for_the_memory_are_not_made(monkeypatch):
    monkeypatch.setattr(effort, "LEAST", 0)
    problem = relu(go.SquaredLoss(Y))
    units = OnFaces(problem).rows
    assert units.S.shape == S.shape
    solution = go.solve(problem, memory_limit=1.0, tol=1e-3, max_rounds=2)
    first, *_, last = (row.objective for row in solution.history)
    assert go.solve(problem).objective * (1 - 1e-9) <= last < 0.95 * first


def test_singular_pairs_keep_the_product_and_cost_least():
    problem = go.Problem(go.SquaredLoss(randn("pairs", 5, 6)), go.MatrixProduct(5, 6), go.SumOfSquares(), 1.0)
    W = problem.random(1, 9, seed=0)
    pairs = singular_pairs(W)
    X = problem.mapping.Phi(*W)
    assert torch.allclose(problem.mapping.Phi(*pairs), X, atol=1e-13)
    assert float(problem.regularizer.Theta(*pairs)) == pytest.approx(float(torch.linalg.svdvals(X).sum()), rel=1e-13)
    assert pairs[0].shape[1] == 5


@pytest.mark.parametrize("spread", [1e-6, 1.0, 30.0, 1e3, 1e6])
@pytest.mark.parametrize("decay", [0.0, 1e-6, 1.0])
@pytest.mark.parametrize("name", ["logistic", "cross-entropy"])
def test_the_output_bias_is_stationary_whatever_the_spread(name, decay, spread):
    loss = (
        go.LogisticLoss(SIGNS, output_bias=decay)
        if name == "logistic"
        else go.CrossEntropyLoss(LABELS, output_bias=decay)
    )
    X = spread * randn("bias X", 3, *loss.shape)
    b, G = loss.bias(X), loss.gradient(X)
    terms = G.abs().sum(1) + decay * b.abs()
    assert bool(((G.sum(1) + decay * b).abs() <= 1e-8 * terms + 1e-300).all())
