"""The chapter One hidden layer: the census, Theorem 1's table, the path, the digits, the figures."""

import matplotlib
import numpy as np
import pandas as pd
import pytest
import torch

from book.benchmarks import grids
from book.certified_training import digits_plane as digits
from book.certified_training import plane_figures
from book.one_hidden_layer import experiment, figures, relu_omega
from book.shared import path_figures
from book.shared import relu_problems as planted
from book.shared import two_points as toy
from book.shared.paths import largest_rise
from claimbook import show
from global_optimality import Problem, ReluUnit, SquaredLoss, SumOfSquares, certify, solve


@pytest.fixture(scope="module")
def plane():
    problem = planted.plane_problem(12, 1.0, seed=0)
    return problem, solve(problem)


@pytest.fixture(scope="module")
def census(plane):
    problem, solution = plane
    return experiment.census(problem, [2, 4], runs=4, optimum=solution.objective, seed=0)


def test_kinks_and_fit_agree_with_the_weights(plane):
    problem, solution = plane
    S, (U, V) = planted.inputs(problem).numpy(), (w[0].numpy() for w in solution.weights)
    kinks = (np.abs(U @ S.T) <= 1e-8).sum(1)
    np.testing.assert_array_equal(planted.units(solution)["kinks"], kinks)
    grid = experiment.fitted(solution, -2, 2, 5)
    x = np.column_stack([grid[["x1", "x2"]].to_numpy(), np.ones(len(grid))])
    np.testing.assert_allclose(grid["y"], (np.maximum(x @ U.T, 0) @ V)[:, 0], atol=1e-12)


def test_omega_is_attained_by_the_optimum_and_unchanged_by_a_split(plane):
    ratio = experiment.omega_at(plane[1])["ratio"]
    np.testing.assert_allclose(ratio.iloc[:2], 1, atol=1e-7)
    assert ratio.iloc[2] == pytest.approx(2.125, rel=1e-6)  # balanced: ½(4 + ¼)


def test_another_lambda_is_not_certified(plane):
    table = experiment.wrong_lambda(plane[1], [0.99, 1, 1.01])
    assert table["verdict"].tolist().count("CERTIFIED") == 1
    assert table["verdict"][1] == "CERTIFIED"


def test_the_census_keeps_weak_duality_and_theorem_1(plane, census):
    assert census["excess"].min() >= -1e-9
    assert (census["relative_gap"] >= census["excess"] - 1e-9).all()
    assert (census["active"] <= census["size"]).all()
    escaped = census[census["stage"] == "escaped"]
    assert not (escaped["zero_unit"] & ~escaped["global"]).any()
    pairs = census.pivot(index=["size", "run"], columns="stage", values="objective")
    assert (pairs["escaped"] <= pairs["descent"] * (1 + 1e-12)).all()
    assert experiment.contingency(census).to_numpy().sum() == len(census)
    sizes = experiment.sizes_side_by_side(*plane, census)["r"].tolist()
    assert sizes == [13, 12, 12, 13, plane[1].size, 4]


@pytest.mark.slow
def test_a_recorded_census_counts_every_run_once():
    recorded = pd.concat(grids.census_of_size({"draw": 0, "size": r, "starts": 3}, [{}]) for r in (2, 5))
    assert recorded.groupby("stage")["runs"].sum().tolist() == [6, 6]
    assert experiment.contingency(recorded).to_numpy().sum() == 12
    assert recorded["least_excess"].min() >= -1e-9


def test_unequal_degrees_are_refused(plane):
    assert "φ has degree 2 but θ has degree 3" in experiment.refusal_of_degrees(plane[0])


@pytest.fixture(scope="module")
def path():
    problem = planted.line_problem(8, 0.05, seed=0)
    start = experiment.copies_of_one_unit(problem)
    return problem, start, experiment.path(problem, start)


def test_the_start_of_the_path_is_split_and_stationary_for_descent(path):
    problem, start, table = path
    assert start[0].shape[1] == problem.card + 1
    assert float(problem.regularizer.theta(*start).min()) > 0, "no unit is zero"
    assert float(problem(*planted.descend(problem, start))) == pytest.approx(float(problem(*start)), rel=1e-12)
    assert float(certify(problem, start).relative_gap) > 1e-2
    slides = table.loc[table["step"] == "SLIDE", "objective"]
    assert slides.iloc[0] == pytest.approx(table["objective"][0], rel=1e-12)


def test_the_path_never_rises_and_ends_at_the_optimum(path):
    problem, _, table = path
    assert largest_rise(table) <= 1e-12
    assert table["objective"].iloc[-1] == pytest.approx(solve(problem).objective, rel=1e-8)
    assert {"SLIDE", "ESCAPE", "DESCEND"} <= set(table["step"])


def test_a_rise_would_be_seen(path):
    table = path[2].copy()
    table.loc[table.index[-1], "objective"] = table["objective"][0] * 1.5
    assert largest_rise(table) >= 0.5


@pytest.fixture(scope="module")
def split():
    split = digits.at_least_five(60, 0.1, seed=0)
    return split, solve(split.problem)


def test_the_digits_split_has_no_sample_twice_and_whitened_training_inputs(split):
    S = planted.inputs(split[0].problem)
    assert len(S) + len(split[0].inputs) == 1797
    np.testing.assert_allclose(S[:, :2].mean(0), 0, atol=1e-12)
    np.testing.assert_allclose(S[:, :2].std(0), 1, atol=1e-12)


def test_adam_is_never_better_than_the_certified_optimum(split):
    table = digits.widths(*split, [3, 20], runs=2, steps=150, seed=0)
    assert split[1].relative_gap <= 1e-8
    assert table["excess"].min() > 0
    assert (table["relative_gap"] >= table["excess"] - 1e-9).all()
    predicted = split[1].predict(split[0].inputs) > 0
    right = (predicted == (split[0].labels > 0)).double().mean()
    assert float(split[0].accuracy(split[1].weights)) == pytest.approx(float(right))


def test_solve_against_the_hand_solution_of_the_exercise():
    S, Y = torch.tensor([[1.0], [-1.0], [2.0]]).double(), torch.tensor([[2.0], [3.0], [4.0]]).double()
    assert solve(Problem(SquaredLoss(Y), ReluUnit(S), SumOfSquares(), 0.5)).objective == pytest.approx(2.35, abs=1e-10)


@pytest.fixture(scope="module")
def drawings(plane, census, path, split):
    problem, solution = plane
    line, fit = path[0], solve(path[0])
    regions = digits.regions(split[0], split[1], points=15)
    success = toy.success([1, 2], runs=20, seed=0)
    adam = digits.widths(*split, [3], runs=2, steps=5, seed=0)
    return {
        "fig-toy": lambda: figures.success(success),
        "fig-line": lambda: figures.line(planted.samples(line), experiment.fitted(fit, -1, 1, 9), planted.units(fit)),
        "fig-plane": lambda: figures.plane(
            planted.samples(problem), experiment.fitted(solution, -2, 2, 9), planted.units(solution)
        ),
        "fig-relu-census": lambda: figures.census(census, experiment.shares(census)),
        "fig-relu-path": lambda: path_figures.path({"copies": path[2]}, fit.objective),
        "fig-digits-plane": lambda: plane_figures.digits_plane(
            planted.samples(split[0].problem), regions, planted.units(split[1])
        ),
        "fig-widths": lambda: plane_figures.widths(adam, 0.8),
    }


NAMES = ["fig-toy", "fig-line", "fig-plane", "fig-relu-census", "fig-relu-path", "fig-digits-plane", "fig-widths"]


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_figures_have_the_same_bytes_whatever_the_readers_settings(drawings, name):
    first = show(drawings[name](), name).svg
    with matplotlib.rc_context({"font.size": 30, "lines.linewidth": 9}):
        assert show(drawings[name](), name).svg == first


def test_omega_of_the_two_point_toy_is_the_sum_of_the_sides():
    S = torch.tensor([[1.0], [-1.0]], dtype=torch.float64)
    for x in ([1.0, 2.0], [-1.5, 0.25], [3.0, -1.0]):
        lower, upper, units = relu_omega.enclosure(S, torch.tensor(x, dtype=torch.float64)[:, None])
        exact = abs(x[0]) + abs(x[1])
        assert exact * (1 - 1e-3) <= lower <= exact * (1 + 1e-9)
        assert exact * (1 - 1e-9) <= upper <= exact * (1 + 1e-3)
        assert units == 2


def test_the_items_of_proposition_1_on_a_line():
    items = relu_omega.proposition_1(N=5, trials=1, seed=3)
    assert items["width"].max() <= 1e-2
    assert items["triangle"].max() <= 1
    assert items["size"].max() <= 5
    S = relu_omega.line_inputs(5)
    table = relu_omega.segment(S, *relu_omega.outputs(S, 2, seed=3), [0.0, 0.5, 1.0])
    assert table["lower"][1] <= table["chord"][1]
    assert show(figures.segment(table), "fig-omega").svg
