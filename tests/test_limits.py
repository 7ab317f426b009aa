"""Limits of time as laws: soon after the time is over all ends, with what there is."""

import dataclasses
import itertools
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch

import global_optimality as go
from cases import randn
from global_optimality import effort
from global_optimality.effort import (
    LEAST,
    Clock,
    Effort,
    OutOfTimeError,
    beside,
    look,
    numbers,
    over,
    room,
    seconds_left,
)
from global_optimality.losses.arrays import IN_CACHE, ArrayLoss
from global_optimality.polar import biased_chain, deep_relu
from global_optimality.sliding_frank_wolfe.merge import drop
from global_optimality.sliding_frank_wolfe.objective import OutputObjective
from global_optimality.sliding_frank_wolfe.units import Rows, units_of
from limited import PROBLEMS, chain, cross_entropy

DEEP = go.DeepRelu(randn("deep limits S", 9, 2), (2, 2, 1))


def test_limits_are_known_however_deep_they_are_asked_for():
    assert not over()
    assert seconds_left() == np.inf
    with Effort(seconds=0.0, memory=8e6).started().running(), Effort(memory=8e7).started().running():
        assert over()
        assert room() == 8e6
        assert numbers(np.inf, 2) == 5e5
        assert numbers(10, 2) == 10
        assert numbers(1000, 10**7) == 1
        with pytest.raises(OutOfTimeError):
            look()
        with beside(2e6):
            assert room() == 6e6
        with Effort(memory=0.0).started().running():
            assert room() == LEAST
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


def test_a_first_gradient_loads_nothing(monkeypatch):
    """What PyTorch loads for gradients of arrays takes a second, which no limit of time foresees."""
    monkeypatch.setitem(sys.modules, "torch.fx.experimental.symbolic_shapes", None)
    problem = PROBLEMS["matrix"]
    W = tuple(w.abs() for w in problem.random(2, 3))
    value, gradient = dataclasses.replace(problem, regularizer=go.NonNegative(go.SumOfSquares())).gradient(*W)
    expected, slopes = problem.gradient(*W)
    assert torch.allclose(value, expected, rtol=1e-14, atol=0)
    for a, b in zip(gradient, slopes, strict=True):
        assert torch.allclose(a, b, rtol=1e-12, atol=1e-12)


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
    at = type(loss)._at  # each is a conjugate: counted
    monkeypatch.setattr(type(loss), "_at", lambda loss, s, G: asked.append(s) or at(loss, s, G))  # likewise
    s = loss.dual_scale(G, cap)
    grid = torch.linspace(0, min(share, 1.5) * best, 400)[:, None, None].double()
    assert float(loss.conjugate(s * G)) <= float(loss.conjugate(grid * G).min()) + 1e-13
    assert len(asked) <= (2 if share < 1 else 60)


def test_a_polar_knows_the_time_of_the_call_around_it(monkeypatch):
    """One that has no limit of its own then gives a bound from no arc at all."""
    problem, looked = chain(40), []
    Q, largest = randn("limits Q", 1, 40, 1), biased_chain.largest
    monkeypatch.setattr(biased_chain, "largest", lambda *a: looked.append(a) or largest(*a))
    whole = go.polar_of(problem, Effort(nodes=128))(Q)
    assert looked
    looked.clear()
    with Effort(seconds=0.0).started().running():
        crude = go.polar_of(problem)(Q)
    assert not looked
    assert float(crude.upper) >= float(whole.upper)


@pytest.mark.parametrize(("share", "searched"), [(deep_relu.CLIMBING, True), (1.0, False)])
def test_an_ascent_leaves_time_for_the_search_that_proves_something(share, searched, monkeypatch):
    """By a clock that goes on by a millisecond whenever it is looked at; an ascent looks once a step."""
    ticks, started, begin = itertools.count(), [], deep_relu.begin
    monkeypatch.setattr(effort, "time", SimpleNamespace(monotonic=lambda: 1e-3 * next(ticks)))
    monkeypatch.setattr(deep_relu, "begin", lambda *a: started.append(a) or begin(*a))
    monkeypatch.setattr(deep_relu, "CLIMBING", share)
    problem = go.Problem(go.SquaredLoss(randn("deep limits", 9, 1)), DEEP, go.BalancedWeightDecay(3), 0.1)
    bound = go.polar_of(problem, Effort(seconds=0.1))(randn("deep limits Q", 1, 9, 1))
    assert bool(started) == searched
    assert bool((bound.lower <= bound.upper).all())
