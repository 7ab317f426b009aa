"""The toy of two points: its levels and success rates by hand, its traps at every width, with noise and shaken."""

import itertools

import numpy as np
import pytest
import torch

from book.one_hidden_layer import noise, shaken
from book.shared import relu_problems as planted
from book.shared import two_points as toy
from global_optimality import solve


def test_the_levels_of_the_toy_against_a_grid():
    grid = np.linspace(0, 4, 40001)
    sides = {y: (0.5 * (y - grid) ** 2 + 0.5 * grid).min() for y in (2.0, 3.0)}
    for row in toy.levels().itertuples():
        expected = (sides[2.0] if row.fits_y_2 else 2.0) + (sides[3.0] if row.fits_y_3 else 4.5)
        assert row.objective == pytest.approx(expected, abs=1e-7)
    assert toy.levels()["objective"].min() == toy.OPTIMUM == pytest.approx(solve(toy.toy()).objective, abs=1e-12)


@pytest.mark.parametrize("r", [1, 2, 3])
def test_the_closed_form_counts_the_sign_patterns(r):
    kinds = list(itertools.product([(1, 1), (1, -1), (-1, 1), (-1, -1)], repeat=r))
    good = sum((1, 1) in units and (-1, 1) in units for units in kinds)
    assert toy.success_probability(r) == pytest.approx(good / len(kinds))


def test_every_run_succeeds_exactly_when_its_signs_say_so():
    start = toy.balanced_starts(40, 3, seed=1)
    useful = [((start[0] * s > 0) & (start[1] > 0)).any(1)[:, 0] for s in (1, -1)]
    (W,) = toy.flows([3], runs=40, seed=1)
    table = toy.judged(W)
    np.testing.assert_array_equal(table["global"], (useful[0] & useful[1]).numpy())
    assert bool((W[0] * start[0] >= 0).all())
    assert table["gradient_norm"].max() < 1e-5


def test_saddles_and_local_minima_are_told_apart_and_all_repaired():
    failed = toy.failures([2], runs=25, seed=0, repairs=3)
    dead = failed["zero_units"] > 0
    assert 0 < dead.sum() < len(failed)
    assert failed.loc[~dead, "neighbour_drop"].max() <= 0
    assert failed.loc[dead, "neighbour_drop"].min() > 1e-6
    assert failed["repaired"].count() == 6
    assert failed["repaired"].min() == 1
    assert failed["largest_rise"].max() <= 1e-12


def test_a_bad_local_minimum_at_every_width():
    for r in (1, 50):
        assert toy.one_sided_minimum(r) == pytest.approx(5.375 / 2.25 - 1)


@pytest.mark.slow
def test_noise_empties_the_saddles_and_leaves_the_local_minima():
    table = noise.kicked([3], [0.05], rounds=4, runs=60, seed=0).set_index("round")
    first = toy.judged(*toy.flows([3], runs=60, seed=0))
    stuck = first[~first["global"]]
    assert table.loc[0, "zero_unit_above"] == (stuck["zero_units"] > 0).sum()
    assert table.loc[0, "no_zero_unit_above"] == (stuck["zero_units"] == 0).sum()
    total = table["zero_unit_above"] + table["no_zero_unit_above"]
    assert (total.diff().dropna() <= 0).all()
    assert table.loc[4, "zero_unit_above"] < table.loc[0, "zero_unit_above"] / 2
    assert (table["least_excess"] >= -1e-9).all()


def test_one_need_not_climb_out_of_fifty_units_but_out_of_one():
    rise, end = toy.way_out(50)
    assert rise <= 1e-12
    assert end == pytest.approx(toy.OPTIMUM, abs=1e-7)
    assert toy.least_rise_of_one_unit() == pytest.approx(6.5 - 5.375, abs=1e-14)


def test_shakes_lower_nothing_at_the_optimum_and_everything_at_zero():
    problem = planted.plane_problem(8, 1.0, seed=0)
    best = solve(problem, tol=1e-10)
    flat = shaken.flat_problem(problem)
    W = tuple(torch.cat([w, torch.zeros_like(w[:, :1])], 1)[..., None] for w in best.weights)
    assert float(flat(*W)) == pytest.approx(best.objective, rel=1e-12), "the same φ and θ"
    for start, falls in ((W, False), (tuple(torch.zeros_like(w) for w in W), True)):
        batch = shaken.ParallelRuns([shaken.Group(flat, best.size + 1, 1)])
        random = shaken.generator(0, "test")
        state = shaken._Shaken(problem, batch, batch.columns([start]), random)  # one kick, of a start of our choice
        assert bool(state.shake_all(shaken.Shakes(noises=2, steps=20)).any()) is falls


def test_shaken_runs_are_judged_afterwards():
    table = shaken.shaken((0,), (1, 3), runs=2, shakes=shaken.Shakes(noises=2, steps=20, passes=2), N=6)
    assert len(table) == 4
    assert table["excess"].min() >= -1e-9
    assert (table["same"] | (table["polar"] > 1)).all()
    assert not table.loc[table["same"], "appended"].any()
    assert shaken.survivors(table)["runs"].sum() == 4
    needs = shaken.smallest([0], N=6)
    assert 1 < needs[0] <= solve(planted.plane_problem(6, 1.0, seed=0)).size
    assert not table.loc[table["size"] < needs[0], "same"].any(), "fewer units than any optimum has"
