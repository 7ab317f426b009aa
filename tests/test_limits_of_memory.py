"""Limits of memory as laws: arrays are no larger than foreseen, in parts where they would be."""

import tracemalloc

import numpy as np
import pytest
import torch
from torch import Tensor

import global_optimality as go
from cases import randn
from global_optimality.effort import Effort
from global_optimality.losses.arrays import COPIES, ArrayLoss, chunk
from global_optimality.polar.relu_enclosure import min_norm
from global_optimality.polar.relu_enclosure.row_signs import fits_in
from global_optimality.sliding_frank_wolfe.budget import HELD
from limited import MB, biased, chain, completion, cross_entropy, deep, relu


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
