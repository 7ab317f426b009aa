"""Limits of time and memory as laws: looks at the clock for each part of the work, arrays no larger than foreseen."""

import dataclasses
import tracemalloc

import numpy as np
import pytest
import torch
from torch import Tensor

import global_optimality as go
from cases import randn
from global_optimality.effort import Clock, Effort, OutOfTimeError, look, numbers, over, room, seconds_left
from global_optimality.losses.arrays import COPIES, IN_CACHE, ArrayLoss, chunk
from global_optimality.polar import biased_chain, signs, spectral
from global_optimality.polar.matrix import matrix_polar
from global_optimality.polar.relu_enclosure import min_norm
from global_optimality.polar.relu_enclosure.row_signs import fits_in
from global_optimality.polar.spectral import LARGE, leading, proved_norm
from global_optimality.regularizers import Norm, NormProduct, WeightedPowers, euclidean
from global_optimality.sliding_frank_wolfe.budget import HELD
from global_optimality.sliding_frank_wolfe.merge import drop
from global_optimality.sliding_frank_wolfe.objective import OutputObjective
from global_optimality.sliding_frank_wolfe.units import Rows, units_of

MB = 2**20


def relu(N: int, d: int, c: int, lam: float = 1.0) -> go.Problem:
    S = randn("limits S", N, d)
    return go.Problem(go.SquaredLoss(randn("limits Y", N, c)), go.ReluUnit(S, c), go.SumOfSquares(), lam)


def cross_entropy(N: int = 60, d: int = 4, c: int = 4) -> go.Problem:
    loss = go.CrossEntropyLoss(torch.arange(N) % c, output_bias=0.0)
    return go.Problem(loss, go.ReluUnit(randn("limits S", N, d), c), go.SumOfSquares(), 0.1)


def completion(m: int, n: int) -> go.Problem:
    Y, mask = randn("limits Y", m, n), randn("limits mask", m, n) > 0
    return go.Problem(go.MaskedSquaredLoss(Y, mask), go.MatrixProduct(m, n), go.SumOfSquares(), 1.0)


def biased(N: int) -> go.Problem:
    S, decay = randn("limits S", N, 2), go.OnLayers(go.SumOfSquares(), (0, 2))
    return go.Problem(go.SquaredLoss(S[:, :1].sin(), output_bias=0.0), go.BiasedReluUnit(S), decay, 0.5)


def deep(N: int) -> go.Problem:
    S = randn("limits S", N, 3)
    return go.Problem(go.SquaredLoss(S[:, :1].sin()), go.DeepRelu(S, (3, 2, 1)), go.BalancedWeightDecay(3), 0.1)


def chain(N: int) -> go.Problem:
    S = randn("limits S", N, 2)
    mapping = go.DeepBiasedRelu(S, (1, 1, 1))
    return go.Problem(go.SquaredLoss(S[:, :1].sin()), mapping, WeightedPowers(mapping.exponents, 3), 0.1)


PROBLEMS = {
    "relu": relu(60, 6, 3),
    "labels": cross_entropy(),
    "matrix": completion(30, 20),
    "biased": biased(40),
    "chain": chain(30),
}


def test_limits_are_known_however_deep_they_are_asked_for():
    assert not over()
    assert seconds_left() == np.inf
    with Effort(seconds=0.0, memory=800.0).started().running(), Effort(memory=8000.0).started().running():
        assert over()
        assert room() == 800.0
        assert numbers(1000, 2) == 50
        assert numbers(10, 2) == 10
        assert numbers(1000, 10**6) == 1
        with pytest.raises(OutOfTimeError):
            look()
    look()
    assert room() == 2**31


def test_a_block_whose_time_is_up_ends_and_one_inside_another_ends_with_it():
    reached = []
    with Effort(seconds=0.0).started().interruptible():
        with Effort().started().interruptible():
            look()
        reached.append("after the inner block")
    assert not reached
    with Effort().started().interruptible():
        with Effort(seconds=0.0).started().interruptible():
            look()
        reached.append("after the inner block")
    assert reached


@pytest.mark.parametrize("name", PROBLEMS)
@pytest.mark.parametrize("looks", [5, 60, 400])
def test_a_solve_ends_soon_after_the_look_that_finds_the_time_over(name, looks, monkeypatch):
    """What it returns is certified, and no worse than the zero network, wherever that is."""
    problem, asked, left_after = PROBLEMS[name], [0], 200

    def left(clock: Clock) -> float:
        asked[0] += 1
        return np.inf if clock.effort.seconds is None else 1e3 if asked[0] <= looks else 0.0

    monkeypatch.setattr(Clock, "left", property(left))
    solution = go.solve(problem, time_limit=1e3)
    zero = float(problem.loss(torch.zeros(1, *problem.mapping.shape, dtype=torch.float64)))
    assert solution.objective <= zero * (1 + 1e-12)
    assert bool(torch.isfinite(solution.certificate.lower_bound).all())
    if solution.status is go.Status.TIME:
        assert asked[0] < looks + left_after


METHODS = {"lbfgs": go.LBFGS(), "newton": go.NewtonCG(), "gradient": go.GradientDescent()}


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("looks", [1, 5, 60])
def test_a_descent_ends_soon_after_the_look_that_finds_the_time_over(name, looks, monkeypatch):
    """Also in the middle of a step; what it returns is no worse than its start."""
    problem, asked, left_after = PROBLEMS["matrix"], [0], 20

    def left(clock: Clock) -> float:
        asked[0] += 1
        return np.inf if clock.effort.seconds is None else 1e3 if asked[0] <= looks else 0.0

    monkeypatch.setattr(Clock, "left", property(left))
    W = problem.random(3, 4)
    found = go.minimise(problem, W, METHODS[name], time_limit=1e3)
    assert found.status == (go.Status.TIME,) * 3
    assert asked[0] < looks + left_after
    assert (found.objective <= problem(*W) * (1 + 1e-12)).all()
    assert torch.allclose(found.objective, problem(*found.weights), rtol=1e-13, atol=0)


def test_a_descent_without_time_returns_its_start():
    problem = PROBLEMS["relu"]
    W = problem.random(2, 3)
    alone = go.minimise(problem, W, time_limit=0.0)
    with Effort(seconds=0.0).started().running():
        inside = go.minimise(problem, W)
    for found in (alone, inside):
        assert found.status == (go.Status.TIME,) * 2
        assert not found.steps.any()
        assert all(torch.equal(a, b) for a, b in zip(found.weights, W, strict=True))


@pytest.mark.parametrize("bits", [22, 24, 27])
def test_products_with_the_hessian_take_the_foreseen_arrays(bits):
    """Traced by numpy and Python alone, so half of what the estimate allows for both."""
    loss, X = ArrayLoss(cross_entropy(400, 4, 5).loss), randn("limits X", 400, 5).numpy()
    T = randn("limits T", 300, 400, 5).numpy()
    with Effort(memory=2.0**bits).started().running():
        most = chunk()
        assert 8 * COPIES * most <= 2**bits
        tracemalloc.start()
        product = loss.hessian_product(X, T)
        peak = tracemalloc.get_traced_memory()[1] - 2 * product.nbytes
        tracemalloc.stop()
        assert peak <= max(2**bits, 8 * COPIES * X.size)
    assert np.allclose(product, loss.hessian_product(X, T))


def test_units_are_left_out_a_cacheful_of_outputs_at_a_time(monkeypatch):
    """Each part is looked at: a loss with an output bias is a Newton search for each of its runs."""
    problem, sizes = cross_entropy(IN_CACHE // 40, 4, 20), []
    f, rows = OutputObjective.of(problem), Rows.of(problem.mapping.gates)
    units = units_of(rows, problem.random(1, 6))
    each = ArrayLoss.each
    monkeypatch.setattr(ArrayLoss, "each", lambda loss, X: sizes.append(X.size) or each(loss, X))
    kept, value = drop(f, units)
    assert value == pytest.approx(f(kept.X, kept.Theta), rel=1e-12)
    assert max(sizes) <= IN_CACHE
    assert len(sizes) >= 3
    with Effort(seconds=0.0).started().running(), pytest.raises(OutOfTimeError):
        drop(f, units)


@pytest.mark.parametrize("share", [0.01, 0.5, 1.5, np.inf])
def test_the_best_scale_of_a_dual_point_beats_a_grid_and_takes_few_conjugates(share, monkeypatch):
    """At the end of the interval a glance at both sides of it decides."""
    problem, asked = cross_entropy(60, 4, 3), []
    loss = problem.loss
    G = loss.project(loss.gradient(problem.mapping.Phi(*problem.random(1, 5))))
    best = float(loss.dual_scale(G, torch.tensor([np.inf]).double()))
    cap = torch.tensor([share * best]).double()
    at = type(loss)._at
    monkeypatch.setattr(type(loss), "_at", lambda loss, s, G: asked.append(s) or at(loss, s, G))
    s = loss.dual_scale(G, cap)
    grid = torch.linspace(0, min(share, 1.5) * best, 400)[:, None, None].double()
    assert float(loss.conjugate(s * G)) <= float(loss.conjugate(grid * G).min()) + 1e-13
    assert len(asked) <= (2 if share < 1 else 60)


def test_a_polar_knows_the_time_of_the_call_around_it(monkeypatch):
    """One that has no limit of its own then gives a bound from no arc at all."""
    problem, looked = chain(40), []
    Q, largest = randn("limits Q", 1, 40, 1), biased_chain._largest
    monkeypatch.setattr(biased_chain, "_largest", lambda *a: looked.append(a) or largest(*a))
    whole = go.polar_of(problem, Effort(nodes=128))(Q)
    assert looked
    looked.clear()
    with Effort(seconds=0.0).started().running():
        crude = go.polar_of(problem)(Q)
    assert not looked
    assert float(crude.upper) >= float(whole.upper)


def torch_peak(call) -> int:
    """Bytes of the tensors that a call holds at its fullest."""
    now, peak = 0, 0
    with torch.profiler.profile(profile_memory=True, activities=[torch.profiler.ProfilerActivity.CPU]) as profiler:
        call()
    for event in sorted(profiler.profiler.kineto_results.events(), key=lambda e: e.start_ns()):
        if event.name() == "[memory]":
            now += event.nbytes()
            peak = max(peak, now)
    return peak


@pytest.mark.parametrize("memory", [24])
@pytest.mark.parametrize("name", ["cones", "signs", "plane", "line", "starts", "deep", "chain"])
def test_polars_hold_no_more_than_they_may(name, memory):
    """The arrays of a bound and of ascents, with a tenth more for what is too small to be foreseen."""
    problem = {
        "cones": relu(500, 5, 3),
        "signs": relu(120, 8, 1),
        "plane": relu(120, 3, 2),
        "line": biased(300),
        "starts": relu(2000, 8, 2),
        "deep": deep(2000),
        "chain": chain(2000),
    }[name]
    Q = randn("limits Q", 1, *problem.mapping.shape)
    limits = Effort(memory=memory * MB, seconds=0.15, nodes=100)
    polar = go.polar_of(problem, limits)
    none = tuple(Q.new_zeros(1, 0, *shape) for shape in problem.mapping.factor_shapes)

    def call() -> None:
        with limits.started().running():
            polar.ascend(Q, none, 24, 0.0)
        polar(Q)

    call()  # what is computed once for a polar is not counted
    assert torch_peak(call) <= 1.1 * memory * MB


def test_a_start_larger_than_memory_is_gone_through_in_parts():
    problem = relu(400, 6, 2)
    W, G = problem.random(1, 3000), randn("limits G", 1, 400, 2)

    def values() -> tuple[Tensor, ...]:
        X, pull = problem.mapping.pullback(*W)
        return problem.mapping.Phi(*W), X, *pull(G), problem.mapping.inner(G, *W)

    whole = values()
    with Effort(memory=4 * MB).started().running():
        parts = values()
        assert torch_peak(values) <= 1.1 * 4 * MB
    for a, b in zip(whole, parts, strict=True):
        assert torch.allclose(a, b, rtol=1e-10, atol=1e-10 * float(a.abs().max()))


def test_a_gram_matrix_of_many_rows_is_the_same_in_parts():
    S, weights = randn("limits S", 300, 7), randn("limits w", 5, 300)
    with Effort(memory=1.0).started().running():
        parts = min_norm.gram(S, weights)
    assert torch.allclose(parts, min_norm.gram(S, weights), rtol=1e-12, atol=1e-12)
    assert torch.allclose(parts, torch.einsum("bn,ni,nj->bij", weights, S, S), rtol=1e-12, atol=1e-12)


def test_cells_that_do_not_fit_are_not_cut():
    S = randn("limits S", 200, 12)
    with Effort(memory=0.1 * MB).started().running():
        assert not fits_in(S)
    assert fits_in(S)
    Q = randn("limits Q", 200)
    bound, tight = (go.max_relu_sum(S, Q, effort=Effort(nodes=20, memory=m * MB)) for m in (0.1, 100))
    assert tight.upper < bound.upper
    assert bound.lower <= tight.upper


def test_less_memory_than_one_evaluation_takes_is_refused():
    problem = completion(1100, 1000)
    with pytest.raises(ValueError, match=r"alone take about 7.9e\+07 bytes.*pass at least"):
        go.solve(problem, memory_limit=HELD * 8 * problem.card - 1)


@pytest.mark.parametrize("shape", [(LARGE + 1, LARGE + 30), (LARGE + 60, LARGE + 1)])
@pytest.mark.parametrize("factor", [1.0, 0.9, 1e-3])
def test_the_norm_of_a_large_matrix_is_bounded_close_by(shape, factor):
    """Also where the value to prove is wrong: then the bound is looser, never below the norm."""
    Q = randn("limits Q", *shape)
    Q = Q + 3 * Q[:, :1] @ Q[:1] / Q.norm()
    s = torch.linalg.svdvals(Q)
    U, found, V = leading(Q, 3)
    assert torch.allclose(found, s[:3], rtol=1e-10)
    assert torch.allclose(Q.mT @ U, V * found, rtol=0, atol=1e-7 * float(s[0]))
    bound = float(proved_norm(Q, factor * float(found[0])))
    assert bound >= float(s[0])
    if factor == 1:
        assert bound <= float(s[0]) * (1 + 1e-8)


@pytest.mark.parametrize("norms", [(Norm.INFINITY, Norm.TWO), (Norm.INFINITY, Norm.INFINITY), None])
def test_polars_of_other_norms_bound_large_matrices_as_small_ones(norms, monkeypatch):
    """What the leading singular pairs alone prove is as close as what all of them prove, and a crude bound is above."""
    Q = randn("limits Q", 1, 45, 40)
    form = NormProduct(norms) if norms else dataclasses.replace(euclidean(2), non_negative=True)
    polar = matrix_polar(form)
    assert polar is not None
    small = polar(Q)
    monkeypatch.setattr(spectral, "LARGE", 30)
    monkeypatch.setattr(signs, "LARGE", 30)
    large = polar(Q)
    assert float(large.lower) <= float(small.upper) * (1 + 1e-12)
    assert float(small.lower) <= float(large.upper) * (1 + 1e-12)
    assert float(large.upper) <= 1.02 * float(small.upper)
    with Effort(seconds=0.0).started().running():
        crude = polar(Q)
    assert float(crude.upper) >= float(large.lower)


def test_the_norm_of_zero_is_zero():
    Q = torch.zeros(LARGE + 1, LARGE + 1, dtype=torch.float64)
    assert float(proved_norm(Q, float(leading(Q, 2)[1][0]))) == 0
    problem = dataclasses.replace(completion(LARGE + 1, LARGE + 1), lam=1e6)
    assert float(go.polar_of(problem)(Q[None]).upper[0]) == 0
