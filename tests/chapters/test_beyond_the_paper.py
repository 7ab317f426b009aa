"""The chapter Beyond the paper: enumeration against closed forms and descents, the face's table, widths, the bound."""

import itertools
import math

import matplotlib
import numpy as np
import pandas as pd
import pytest
import torch

from book.beyond_the_paper import attention, figures, fixed_width, needed_width, optima, unseen
from book.shared.outcomes import intervals
from claimbook import recorded
from global_optimality import minimise, solve
from global_optimality.arrangement import cells

matplotlib.use("Agg")


def test_sectors_are_the_cells_of_the_plane():
    problem = optima.Setting("teacher, d = 2", 7, 0.1).problem(3)
    found = fixed_width.sectors(problem.mapping.S)
    assert len(found.active) == 14
    patterns = {tuple(row) for row in cells(problem.mapping.S).active.tolist()}
    assert {tuple(row) for row in found.active.tolist()} == patterns


@pytest.mark.parametrize(("width", "value"), [(1, 1.25), (2, 1.125), (3, 1.125)])
def test_three_points_at_fixed_width(width, value):
    found = fixed_width.train(optima.symmetric_problem(3, 0.5), width)
    assert found.value == pytest.approx(value, rel=1e-6)
    assert found.lower_bound <= value <= found.value + 1e-12
    assert found.programs == math.comb(12, width)


def test_no_descent_of_two_units_ends_below_the_enumerated_minimum():
    problem = optima.Setting("teacher, d = 2", 8, 0.05).problem(1)
    found = fixed_width.train(problem, 2)
    best = float(minimise(problem, problem.random(40, 2, seed=1)).objective.min())
    assert found.lower_bound <= best
    assert best == pytest.approx(found.value, rel=1e-3)


def test_facts_of_the_symmetric_problem():
    found = optima.facts(optima.symmetric_problem(5, 0.5))
    assert (found["tight"], found["unique_weights"], found["unique_function"]) == (10, False, False)
    assert found["smallest"] < 5


def test_counted_faces_are_the_faces_of_every_draw():
    setting = optima.Setting("teacher, d = 2", 10, 0.3)
    counted, single = optima.counted_faces(setting, range(4, 10)), optima.faces([setting], range(4, 10))
    assert counted["problems"].sum() == len(single)
    for row in counted.itertuples():
        same = single[(single["smallest"] == row.smallest) & (single["unique_weights"] == row.unique_weights)]
        assert (len(same), same["draw"].min()) == (row.problems, row.first)
    means = optima.block_means(counted.assign(block=0))
    assert means["smallest"].tolist() == [pytest.approx(single["smallest"].mean(), abs=1e-12)]
    assert means["untold"].tolist() == [0]


def test_the_law_of_blocks_is_fitted_on_every_block():
    table = pd.DataFrame({"N": [10, 40] * 2, "draw": [0, 0, 1, 1], "smallest": [2.0, 4.0, 1.0, 4.0]})
    fitted = optima.law_of_blocks(table)
    assert fitted["mean"] == pytest.approx(0.75, abs=1e-12)
    assert fitted["low"] < 0.5 < 1 < fitted["high"]


def test_the_face_around_the_circle_holds_every_solution():
    solution = solve(optima.symmetric_problem(3, 0.5), tol=optima.GAP)
    table = optima.circle_table(solution, [0], count=24)
    assert (table["low"] <= table["one"] + 1e-9).all()
    assert (table["one"] <= table["high"] + 1e-9).all()
    assert (table["high"] - table["low"])[[0, 8, 16]].max() < 1e-9


def test_the_needed_width_is_the_least_from_which_on_all_succeed():
    rows = [(0, "usual", r, 1, e) for r, e in ((1, 1.0), (2, 0.0), (4, 1.0), (8, 0.0), (16, 0.0))]
    rows += [(1, "usual", r, 1, 1.0) for r in (1, 2)] + [(2, "usual", r, 1, 0.0) for r in (1, 2)]
    table = pd.DataFrame(rows, columns=["draw", "scale", "size", "smallest", "excess"])
    width = needed_width.needed(table)["width"].tolist()
    assert width[0] == 8
    assert math.isnan(width[1])
    assert width[2] == 1


def test_descents_name_runs_that_still_fall():
    setting = optima.Setting("teacher, d = 2", 10, 0.2)
    table = needed_width.descents(setting, (1, 4), draws=(0,), runs=2, steps=20)
    assert len(table) == 3 * 2 * 2
    assert (table.loc[table["size"] == 1, "excess"] >= table["one_unit"].iloc[0] - 1e-9).all()
    assert (table["falls"] > needed_width.SETTLED).any()


def test_complexity_is_the_mean_polar_of_random_signs():
    problem = optima.Setting("teacher, d = 2", 5, 0.5).problem(0)
    angle = np.linspace(0, 2 * math.pi, 3601)
    S = problem.mapping.S.numpy()
    heights = np.clip(np.stack([np.cos(angle), np.sin(angle)], 1) @ S.T, 0, None)
    every = [np.abs(heights @ np.array(signs)).max() / 5 for signs in itertools.product((-1, 1), repeat=5)]
    mean, allowance = unseen.complexity(problem, draws=200, seed=0)
    assert abs(mean - np.mean(every)) < 4 * np.std(every) / 200**0.5 < 0.2 * mean
    assert allowance == pytest.approx(math.sqrt(2 * math.log(80) / 1000))


def test_the_bound_grows_with_theta_and_falls_with_samples():
    assert unseen.bound(0.1, 1.0, 100, 0.1) < unseen.bound(0.1, 1.5, 100, 0.1)
    assert unseen.bound(0.1, 1.0, 400, 0.1) < unseen.bound(0.1, 1.0, 100, 0.1)
    assert unseen.bound(0.1, 1.0, 10**9, 0.0) == pytest.approx(0.1, abs=1e-3)


@pytest.mark.parametrize("seed", [0, 1])
def test_the_polar_of_attention_is_enclosed(seed):
    head, Y = attention.problem(4, 3, seed=seed)
    found = attention.polar(head, Y, tolerance=0.05)
    assert found.lower <= attention.highest_found(head, Y, 30_000, seed=seed) * 1.05
    assert attention.highest_found(head, Y, 30_000, seed=seed) <= found.upper
    assert float(head.pull(Y, found.at[None]).norm()) == pytest.approx(found.lower, rel=1e-12)
    centre, reach = found.at[None], torch.tensor([0.55]).double()
    _, above = head.above(Y, centre, reach)
    near = centre + 0.1 * torch.randn(2000, 3, generator=torch.Generator().manual_seed(seed)).double().clamp(-1, 1)
    assert float(head.pull(Y, near).norm(dim=1).max()) <= float(above) + 1e-12


def test_one_token_is_a_linear_network_with_a_known_optimum():
    head, Y = attention.problem(5, 1, seed=0)
    S = head.tokens[:, 0]
    found = attention.polar(head, Y, tolerance=1e-9)
    assert found.upper == pytest.approx(float((Y @ S).norm()), rel=1e-8)
    table = attention.train(head, Y, 2 * found.upper, tolerance=1e-9)
    assert table["objective"].iloc[-1] == pytest.approx(0.5 * float(Y @ Y))
    assert table["relative_gap"].iloc[-1] < 1e-8
    trained = attention.train(head, Y, 0.3 * found.upper, rounds=15, tolerance=1e-9)
    assert trained["relative_gap"].iloc[-1] < 0.05
    assert (trained["lower_bound"] <= trained["objective"].min()).all()


def test_figures_of_recorded_tables():
    faces, _ = recorded("optimal_faces", beside=figures)
    sizes = intervals(faces[faces["noise"] == optima.NOISE], ["family", "share", "N"], "smallest").reset_index()
    timed, _ = recorded("fixed_width", beside=figures)
    runs, _ = recorded("needed_width", beside=figures)
    shares = intervals(needed_width.success(runs), ["scale", "size"], "success").reset_index()
    drawn = [
        figures.smallest_size(sizes, faces),
        figures.cost_of_width(fixed_width.means(timed)),
        figures.success(shares),
        figures.unseen(recorded("unseen", beside=figures)[0], unseen.CLIP),
    ]
    assert all(figure.axes for figure in drawn)
    assert optima.pairs(faces)["size_error"].max() <= 0
    assert set(optima.pairs(faces)["dimension_error"]) == {0}
