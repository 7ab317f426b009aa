"""Networks of several sizes and data sets in one program: against ``Problem``; descents; settling; intervals."""

import pandas as pd
import pytest
import torch

from book.deep_networks.experiment import curve
from book.shared.descents import METHODS, adam, gradient_descent, still_falls
from book.shared.outcomes import intervals, lead, outcomes
from book.shared.parallel_runs import Group, ParallelRuns
from global_optimality import DeepRelu, Problem, SquaredLoss, SumOfPowers


def groups(K, sizes=(1, 3), width=2):
    return [Group(curve(5, (width,) * (K - 1) + (1,), 0.1, seed=d), r, 2) for d in (0, 1) for r in sizes]


@pytest.mark.parametrize(("K", "width"), [(2, 1), (2, 3), (3, 2), (5, 1), (4, 2)])
def test_value_gradient_and_outputs_are_those_of_the_problems(K, width):
    runs = ParallelRuns(groups(K, width=width))
    W = [g.problem.random(g.runs, g.size, seed=i) for i, g in enumerate(runs.groups)]
    x = runs.columns(W)
    for V, back in zip(W, runs.factors(x), strict=True):
        assert all(torch.equal(a, b) for a, b in zip(V, back, strict=True))
    value, gradient = runs.value_and_gradient(x)
    separate = [g.problem.gradient(*V) for g, V in zip(runs.groups, W, strict=True)]
    torch.testing.assert_close(value, torch.cat([f for f, _ in separate]), rtol=1e-13, atol=0)
    torch.testing.assert_close(gradient, runs.columns([g for _, g in separate]), rtol=1e-11, atol=1e-12)
    phi = [g.problem.mapping.phi(*V)[..., 0].flatten(0, 1).T for g, V in zip(runs.groups, W, strict=True)]
    torch.testing.assert_close(runs.outputs(x), torch.cat(phi, 1), rtol=1e-13, atol=1e-13)


def test_other_problems_are_refused():
    one = curve(5, (2, 1), 0.1, seed=0)
    with pytest.raises(ValueError, match="must share inputs"):
        ParallelRuns([Group(one, 1, 1), Group(curve(5, (2, 1), 0.2, seed=0), 1, 1)])
    assert isinstance(one.mapping, DeepRelu)
    other = Problem(SquaredLoss(one.loss.Y), one.mapping, SumOfPowers(2), 0.1)
    with pytest.raises(ValueError, match="BalancedWeightDecay"):
        ParallelRuns([Group(other, 1, 1)])


@pytest.fixture(scope="module")
def started():
    runs = ParallelRuns(groups(3))
    return runs, runs.columns([g.problem.random(g.runs, g.size, seed=3, deviation=0.7) for g in runs.groups])


@pytest.mark.slow
@pytest.mark.parametrize("name", METHODS)
def test_every_method_lowers_every_run(started, name):
    runs, x = started
    before = runs.value_and_gradient(x)[0]
    assert bool((runs.value_and_gradient(METHODS[name](runs, x, 60))[0] < before).all())


def test_gradient_steps_never_rise_and_leave_what_may_not_move(started):
    runs, x = started
    free = torch.arange(len(runs.owner)) % 2 == 0
    value = runs.value_and_gradient(x)[0]
    for _ in range(5):
        moved = gradient_descent(runs, x, 3, free)
        assert torch.equal(moved[:, ~free], x[:, ~free])
        new = runs.value_and_gradient(moved)[0]
        assert bool((new <= value).all())
        x, value = moved, new


@pytest.mark.slow
def test_a_run_that_was_stopped_early_still_falls_and_a_finished_one_does_not(started):
    runs, x = started
    early, late = adam(runs, x, 5)[0], adam(runs, x, 1500)[0]
    assert float(still_falls(runs, early, window=200).max()) > 1e-2
    assert float(still_falls(runs, late, window=200).median()) < 1e-3
    torch.testing.assert_close(still_falls(runs, torch.zeros_like(x), window=5), torch.zeros(len(runs.Y[0])).double())


def test_intervals_are_over_draws_and_not_over_runs():
    table = pd.DataFrame({"draw": [0, 0, 0, 1], "value": [1.0, 1.0, 1.0, 0.0], "kind": "a"})
    row = intervals(table, ["kind"], "value").loc["a"]
    assert row["mean"] == 0.5
    assert row["draws"] == 2
    assert row["high"] - row["mean"] == pytest.approx(12.706 * 0.5, rel=1e-3), "Student, one degree of freedom"
    ahead = lead(table, table.assign(value=[0.0, 0.0, 0.0, 0.5]), "value")
    assert ahead["mean"] == 0.25
    assert ahead["high"] - 0.25 == pytest.approx(12.706 * 0.75, rel=1e-3), "differences of the draws: 1 and -1/2"
    runs = table.assign(excess=[0.0, 0.02, 0.02, 0.0], falls=[0.0, 0.0, 0.1, 0.1], live=1)
    ended = outcomes(runs, ["kind"]).iloc[0]
    assert ended[["close", "trapped", "falling", "settled"]].tolist() == [0.5, 0.25, 0.25, 0.5]
