"""Effort, its clock, interruption and progress."""

import math
from collections.abc import Callable

import pytest
from torch import nn

import global_optimality as go
from cases import randn
from global_optimality import Effort, effort, progress
from global_optimality.arrangement import circles
from global_optimality.polar.free_bias import sweep
from global_optimality.polar.relu_enclosure.few_rows import FewRows
from global_optimality.progress import Reporter, progress_to


@pytest.mark.parametrize("limits", [
    {"nodes": -1}, {"nodes": 1.5}, {"seconds": -1.0}, {"seconds": math.nan}, {"tolerance": -1e-3},
    {"tolerance": math.nan}, {"target": math.nan}, {"enough": math.nan},
])  # fmt: skip
def test_limits_that_make_no_sense_are_refused(limits):
    with pytest.raises((TypeError, ValueError), match=next(iter(limits))):
        Effort(**limits)


def test_missing_limits_come_from_the_default():
    asked, default = Effort(nodes=3, target=-1.0), Effort(nodes=7, seconds=2.0, tolerance=1e-6)
    assert asked.otherwise(default) == Effort(3, 2.0, 1e-6, -1.0)
    assert Effort(seconds=0.0).otherwise(default).seconds == 0.0
    assert Effort().otherwise(default) == default


def test_seconds_run_down(monkeypatch):
    now = 100.0
    monkeypatch.setattr(effort.time, "monotonic", lambda: now)
    clock, endless = Effort(seconds=2.0, nodes=5).started(), Effort().started()
    now += 1.5
    assert clock.left == 0.5
    assert clock.spent == 1.5
    assert not clock.over
    assert clock.rest == Effort(nodes=5, seconds=0.5)
    assert endless.rest == Effort()
    now += 1.0
    assert clock.left == 0.0
    assert clock.over
    assert math.isinf(endless.left)


def test_an_interrupt_ends_the_block_and_a_second_one_the_program(monkeypatch):
    monkeypatch.setattr(effort, "_last_interrupt", -math.inf)  # no interrupt of a test before this one
    clock = Effort().started()
    with clock.interruptible():
        raise KeyboardInterrupt
    assert clock.interrupted
    assert clock.over
    with pytest.raises(KeyboardInterrupt), Effort().started().interruptible():
        raise KeyboardInterrupt


def test_an_interrupt_ends_the_time_of_all_that_wait_for_the_block(monkeypatch):
    monkeypatch.setattr(effort, "_last_interrupt", -math.inf)  # no interrupt of a test before this one
    solver, proof, other = (Effort().started() for _ in range(3))
    reached = False
    with solver.interruptible():
        with other.interruptible():
            pass
        with proof.interruptible():
            raise KeyboardInterrupt
        reached = True
    assert reached
    assert (solver.over, proof.over, other.over) == (True, True, False)


def test_other_errors_pass():
    clock = Effort().started()
    with pytest.raises(ZeroDivisionError), clock.interruptible():
        _ = 1 / 0
    assert not clock.interrupted


def test_progress_is_silent_at_first_then_speaks_through_the_hook(monkeypatch):
    said = []
    with progress_to(said.append):
        work = Reporter("counting")
        work.say(lambda: "1 of 2")
        assert said == []
        monkeypatch.setattr(progress, "PATIENCE", 0.0)
        work.say(lambda: "1 of 2")
        work.say(lambda: "too soon")
        work.end()
        work.end()
    assert said == ["counting, 0 s: 1 of 2", ""]


def test_progress_goes_to_stderr_unless_the_environment_is_quiet(monkeypatch, capsys):
    monkeypatch.setattr(progress, "PATIENCE", 0.0)
    monkeypatch.delenv(progress.QUIET, raising=False)
    Reporter("counting").say(lambda: "1 of 2")
    assert "counting, 0 s: 1 of 2" in capsys.readouterr().err
    monkeypatch.setenv(progress.QUIET, "1")
    Reporter("counting").say(lambda: "1 of 2")
    with progress_to(None):
        Reporter("counting").say(lambda: "1 of 2")
    said = capsys.readouterr()
    assert said.err == said.out == ""


S, Y = randn("effort S", 10, 4), randn("effort Y", 10, 1)
PROBLEM = go.Problem(go.SquaredLoss(Y), go.ReluUnit(S), go.SumOfSquares(), 0.3)
MODEL = nn.Sequential(nn.Linear(4, 3, bias=False), nn.ReLU(), nn.Linear(3, 1, bias=False)).double()

SEARCHES: dict[str, Callable[[Effort], float]] = {
    "polar_of": lambda e: -float(go.polar_of(PROBLEM, e)(Y[None]).upper),
    "lambda_max": lambda e: -go.lambda_max(PROBLEM, effort=e),
    "certify": lambda e: float(go.certify(PROBLEM, PROBLEM.random(1, 3), effort=e).lower_bound),
    "solve": lambda e: go.solve(PROBLEM, effort=e, max_rounds=1).history[-1].best_bound,
    "meta_algorithm": lambda e: float(
        go.meta_algorithm(PROBLEM, method=go.LBFGS(), effort=e, max_rounds=1).certificate.lower_bound
    ),
    "certify_network": lambda e: (
        go.certify_network(MODEL, S, Y, loss=nn.MSELoss(reduction="sum"), weight_decay=0.3, effort=e).best_possible
    ),
}
"""What each proves with an effort: the larger, the more."""


@pytest.mark.slow
@pytest.mark.parametrize("name", SEARCHES)
def test_whatever_searches_spends_the_effort_asked_for_and_says_how_far_it_is(name, monkeypatch):
    monkeypatch.setattr(progress, "PATIENCE", 0.0)
    said = []
    with progress_to(said.append):
        few, more = (SEARCHES[name](Effort(nodes=nodes)) for nodes in (1, 60))
    assert more > few
    assert any("cells" in line for line in said)
    assert said[-1] == "", "the line is cleared"


def test_an_interrupted_proof_ends_the_solver_too(monkeypatch):
    branch, calls = FewRows.branch, 0

    def once(*arguments, **options):
        nonlocal calls
        calls += 1
        if calls == 1:
            raise KeyboardInterrupt
        return branch(*arguments, **options)

    monkeypatch.setattr(effort, "_last_interrupt", -math.inf)  # no interrupt of a test before this one
    monkeypatch.setattr(FewRows, "branch", once)
    solution = go.solve(PROBLEM)
    assert solution.status is go.Status.INTERRUPTED
    assert 0 < solution.certificate.lower_bound < solution.objective


@pytest.mark.parametrize("seconds", [1, 5, 40, 10_000])
def test_an_enumeration_that_would_last_too_long_gives_way_to_cones(seconds, monkeypatch):
    """On a clock that goes on by a second whenever it is looked at: all ends then, and the bounds hold."""
    S, Q = randn("effort plane", 40, 3), randn("effort q", 1, 40, 1)
    mapping = go.ReluUnit(S)
    exact = go.polar_of(go.Problem(go.SquaredLoss(Q[0]), mapping, go.SumOfSquares(), 1.0))(Q)
    monkeypatch.setattr(circles, "CHUNK", 300)
    looks = 0

    def now() -> float:
        nonlocal looks
        looks += 1
        return float(looks)

    monkeypatch.setattr(effort.time, "monotonic", now)
    polar = go.polar_of(go.Problem(go.SquaredLoss(Q[0]), mapping, go.SumOfSquares(), 1.0), Effort(seconds=seconds))
    bound = polar(Q)
    assert looks <= seconds + 12
    assert bound.lower <= exact.upper
    assert exact.lower <= bound.upper
    off = abs(float(bound.upper / exact.upper) - 1)
    assert (seconds == 10_000) == (off < 1e-13), "other chunks, other last digits; cones stop further off"


def test_an_enumeration_that_would_take_too_much_memory_gives_way_to_cones():
    S, Q = randn("effort plane", 40, 3), randn("effort q", 1, 40, 1)
    problem = go.Problem(go.SquaredLoss(Q[0]), go.ReluUnit(S), go.SumOfSquares(), 1.0)
    exact, cones = go.polar_of(problem)(Q), go.polar_of(problem, Effort(memory=13 * 40**2 - 1))(Q)
    assert exact.lower <= cones.upper <= exact.upper * (1 + 1e-8)
    assert abs(float(cones.upper / exact.upper) - 1) > 1e-13, "another way to it"


@pytest.mark.parametrize("d", [2, 3])
@pytest.mark.parametrize("limit", [{"seconds": 3}, {"memory": 1000}])
def test_units_with_a_free_bias_keep_to_their_limits(d, limit, monkeypatch):
    S, Q = randn("effort biased", 12, d), randn("effort biased q", 1, 12, 1)
    problem = go.Problem(
        go.SquaredLoss(Q[0], output_bias=0.0), go.BiasedReluUnit(S), go.OnLayers(go.SumOfSquares(), (0, 2)), 1.0
    )
    exact, polar = go.polar_of(problem)(Q), go.polar_of(problem, Effort(**limit))
    looks = iter(range(1000))
    for module in (circles, sweep):
        monkeypatch.setattr(module, "CHUNK", 60)
    monkeypatch.setattr(effort.time, "monotonic", lambda: float(next(looks)))
    bound = polar(Q)
    assert bound.lower <= exact.upper
    assert exact.lower <= bound.upper
    if "seconds" in limit:
        assert next(looks) <= 20
        assert bound.upper > exact.upper, "there was no time for all"
