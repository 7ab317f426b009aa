"""Limits of memory as laws: arrays are no larger than foreseen, in parts where they would be."""

import os
import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

import global_optimality as go
from cases import randn
from global_optimality import effort
from global_optimality.data import hide, low_rank
from global_optimality.effort import Effort
from global_optimality.losses.arrays import COPIES, ArrayLoss, chunk
from global_optimality.polar import great_circles
from global_optimality.polar.directions import directions
from global_optimality.polar.relu_enclosure import min_norm
from global_optimality.polar.relu_enclosure.row_signs import fits_in
from global_optimality.sliding_frank_wolfe.budget import HELD
from global_optimality.sliding_frank_wolfe.local import Descending, OnFaces
from global_optimality.sliding_frank_wolfe.newton import held
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


@pytest.mark.slow
@pytest.mark.parametrize("name", ["squared", "labels"])
def test_newtons_method_takes_whatever_memory_its_arrays_leave(name, monkeypatch):
    """As few bytes as one step on so many units needs bring f as low as all of them do, and are not exceeded."""
    problem = relu(150, 4, 3, lam=3.0) if name == "squared" else cross_entropy(150, 4, 3)
    W, stop = problem.random(1, 9), lambda: False
    (N, d), c = problem.mapping.S.shape, problem.mapping.outputs
    square, linear = held(N, d, c)
    least = 8.0 * (9 * (9 * square + linear) + COPIES * N * c)
    monkeypatch.setattr(Descending, "descend", None)  # L-BFGS would end at kinks: it is not asked
    ends = []
    for memory in (least, 2.0**31):
        with Effort(memory=memory).started().running():
            tracemalloc.start()
            ends.append(float(problem(*OnFaces(problem, memory).descend(W, stop, steps=6))))
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
        assert peak <= 1.1 * memory
    assert ends[0] == pytest.approx(ends[1], rel=1e-8)
    assert not OnFaces(problem, least - 8).affordable(9)


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


@pytest.mark.slow
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


@pytest.mark.skipif(not os.access("/proc/self/clear_refs", os.W_OK), reason="the system does not say how much was held")
def test_what_is_done_in_parts_leaves_memory_in_one_piece():
    """All that the process holds at its fullest, not only its tensors: holes between small results count."""

    def held(what: str) -> int:
        (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(what))
        return 1024 * int(line.split()[1])

    S, Q = randn("limits S", 20_000, 3), randn("limits Q", 20_000, 3)
    torch.zeros(31 * MB // 8, dtype=torch.float64)  # given back at once: from now on arrays of some MB share one heap
    Path("/proc/self/clear_refs").write_text("5")
    before = held("VmRSS")
    with Effort(memory=64 * MB).started().running():
        great_circles._looked_at(S, Q, directions(3)[:3000])  # every ascent of the polar ends here
    assert held("VmHWM") - before <= 1.1 * 64 * MB


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


def test_a_gram_matrix_of_many_rows_is_the_same_in_parts(monkeypatch):
    monkeypatch.setattr(effort, "LEAST", 0)
    S, weights = randn("limits S", 300, 7), randn("limits w", 5, 300)
    with Effort(memory=1.0).started().running():
        parts = min_norm.gram(S, weights)
    assert torch.allclose(parts, min_norm.gram(S, weights), rtol=1e-12, atol=1e-12)
    assert torch.allclose(parts, torch.einsum("bn,ni,nj->bij", weights, S, S), rtol=1e-12, atol=1e-12)


@pytest.mark.slow
def test_cells_that_do_not_fit_are_not_cut(monkeypatch):
    monkeypatch.setattr(effort, "LEAST", 0)
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


@pytest.mark.parametrize(("rows", "columns"), [(4, 120), (120, 4), (600, 3)])
def test_wide_completion_within_any_memory(rows, columns):
    Z = low_rank(rows, columns, 2, seed=0)
    mask = hide(Z, 0.4, seed=0)
    problem = go.Problem(go.MaskedSquaredLoss(Z, mask), go.MatrixProduct(rows, columns), go.SumOfSquares(), 1.0)
    problem = replace(problem, lam=0.1 * go.lambda_max(problem))
    solution = go.solve(problem, memory_limit=1.0)
    assert solution.status is go.Status.GLOBAL
    if rows * columns < 1000:
        assert solution.objective == pytest.approx(go.solve(problem).objective, rel=1e-7)
