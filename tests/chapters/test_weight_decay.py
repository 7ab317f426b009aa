"""The chapter Weight decay and the degree mismatch: networks, the census, the construction, and what must fail."""

import matplotlib
import numpy as np
import pytest
import torch

from book.shared.paths import largest_rise
from book.weight_decay import basin_of_zero as basin
from book.weight_decay import decay_thresholds as onsets
from book.weight_decay import experiment, figures
from book.weight_decay import mismatched_networks as networks
from book.weight_decay import mismatched_theorems as theorems
from book.weight_decay import scalar_chains as chains
from claimbook import show
from global_optimality import (
    BalancedWeightDecay,
    DeepLinear,
    NewtonCG,
    PowerDecay,
    Problem,
    SquaredLoss,
    SumOfPowers,
    lambda_max,
    minimise,
)
from global_optimality.convex import nuclear_norm_approximation
from global_optimality.factors import slice_norms, take_runs


@pytest.fixture(scope="module")
def matrix():
    return networks.planted((4, 3, 2.2), 4, seed=0)


@pytest.mark.slow
def test_the_best_deep_linear_network(matrix):
    reference = nuclear_norm_approximation(matrix.numpy(), 1.0)
    assert networks.optimum(matrix, 1.0, 3) == pytest.approx(reference.objective, rel=1e-12)
    s = np.array([4, 3, 2.2])
    x = np.linspace(0, 1, 400001)[:, None] * s
    brute = (0.5 * (s - x) ** 2 + x ** (2 / 3)).min(0).sum()
    assert networks.optimum(matrix, 1.0, 2) == pytest.approx(brute, rel=1e-9)
    problem = networks.DeepLinearOn(matrix, 1.0)(PowerDecay(2))
    W = minimise(problem, problem.random(30, 4, seed=0, deviation=0.7)).objective
    assert float(W.min()) == pytest.approx(brute, rel=1e-9)
    for q in (1, 4):
        with pytest.raises(ValueError, match="closed form"):
            networks.optimum(matrix, 1.0, q)


@pytest.fixture(scope="module")
def census(matrix):
    build = networks.DeepLinearOn(matrix, 1.0)
    runs, weights = experiment.side_by_side(build, [2, 5], runs=8, steps=150, deviation=0.2, seed=0)
    return build, runs, weights, experiment.judged(runs, weights, build)


def test_the_forbidden_cell(census):
    _, runs, _, judged = census
    assert judged["excess"].min() >= -1e-9
    balanced = judged[judged["q"] == 3]
    assert not (balanced["stays"] & ~balanced["global"]).any()
    assert balanced["global"].any()
    assert not balanced["global"].all()
    decay = judged[judged["q"] == 2]
    assert decay["stays"].all()
    assert (decay["zero_unit"] & ~decay["global"]).any()
    assert experiment.contingency(judged).to_numpy().sum() == len(judged) == 0.75 * len(runs)
    assert (runs.loc[runs["q"] == 4, "active"] == runs.loc[runs["q"] == 4, "size"]).all()


def test_ends_of_weight_decay_are_local_minima_with_independent_outputs(census):
    build, _, weights, judged = census
    name = "weight decay, q = 2"
    own = judged[(judged["theta"] == name) & (judged["size"] == 5) & ~judged["global"]]["run"][:4]
    problem = build(networks.THETAS[name])
    ends = theorems.polished(problem, weights[name, 5], own)
    table = theorems.neighbours(problem, ends)
    assert table["least_eigenvalue"].min() >= -1e-9
    assert table["least_change"].min() >= -1e-13
    assert table["least_change_from_zero"].min() > 1e-10
    for run in range(len(own)):
        W = take_runs(ends, torch.tensor([run]))
        alive = slice_norms(W)[0] > 0
        outputs = problem.mapping.phi(*W)[0][alive].flatten(1)
        assert int(torch.linalg.matrix_rank(outputs, rtol=1e-6)) == int(alive.sum())


def test_a_saddle_is_told_from_a_minimum(matrix):
    problem = networks.DeepLinearOn(matrix, 1.0)(SumOfPowers(3))
    zero = tuple(torch.zeros_like(w) for w in problem.random(1, 2))
    assert theorems.neighbours(problem, zero, distance=1.0)["least_change"].min() < 0
    change = theorems.from_zero(problem, zero, [1e-4])["change"]
    assert float(change.iloc[0]) == pytest.approx(-1e-4 * (4 - 1), rel=1e-3)


def test_compression_keeps_the_output(census):
    build, _, weights, _ = census
    table = experiment.compressions(build, weights, 5).set_index("theta")
    assert table["ratio"]["repaired decay, q = 3"] == pytest.approx(1, abs=1e-7)
    assert table["ratio"]["fourth powers, q = 4"] > 1.05
    heavy = build(networks.THETAS["fourth powers, q = 4"])
    k, before, _ = experiment.compressed(heavy, take_runs(weights["fourth powers, q = 4", 5], torch.tensor([0])))
    assert k == 3
    assert before == pytest.approx(table["objective"]["fourth powers, q = 4"])


def test_a_certificate_of_a_mismatched_run_claims_nothing(census):
    verdicts = experiment.claims_nothing(census[0], census[2], 5)
    for name in ("weight decay, q = 2", "fourth powers, q = 4"):
        assert verdicts.loc[name].tolist() == [0, 0, 8]
    assert verdicts.loc["repaired decay, q = 3", "CERTIFIED"] > 0


@pytest.fixture(scope="module")
def walked():
    Y = networks.planted((3, 1.6), 3, seed=0)
    return Y, theorems.walks(Y, 0.9, 7, deviation=0.1, seed=0)


def test_the_construction_and_how_it_fails(walked):
    Y, tables = walked
    low, level = tables["weight decay, q = 2"]
    assert low["objective"].iloc[-1] == pytest.approx(0.5 * float(Y.square().sum()))
    assert low["objective"].iloc[-1] > 1.5 * level
    assert largest_rise(low) <= 1e-12
    equal, level = tables["repaired decay, q = 3"]
    assert equal["objective"].iloc[-1] == pytest.approx(level, rel=1e-9)
    assert largest_rise(equal) <= 1e-12
    high, _ = tables["fourth powers, q = 4"]
    slides = high[high["step"] == "SLIDE"]
    assert largest_rise(high) > 0.01
    assert len(slides) > 5


def test_without_null_vectors_too_high_a_degree_appends(walked):
    problem = networks.DeepLinearOn(walked[0], 0.9)(PowerDecay(4))
    table = theorems.walk(problem, problem.random(1, 1, seed=0), rounds=3)
    assert (table["step"] == "APPEND").sum() >= 2
    assert table["size"].max() >= 3


@pytest.mark.slow
def test_thresholds_on_data_are_enclosed(matrix):
    problems = onsets.both_decays(matrix, 6, [2, 3], seed=0)
    del problems["ReLU, ℓ2", 2]
    table = onsets.training_thresholds(problems, starts=2, seed=0).set_index(["network", "K"])
    assert (table["measured"] >= table["from_below"] * (1 - 1e-3)).all()
    assert (table["measured"] <= table["from_above"] * (1 + 1e-9)).all()
    assert table.loc[("products, ℓ2", 3), "measured"] == pytest.approx(chains.tie(3, 2) * 4 ** (4 / 3), rel=1e-3)
    balanced = Problem(SquaredLoss(matrix), DeepLinear(4, (1, 3)), BalancedWeightDecay(2), 1.0)
    both = table.loc[("products, ℓ2", 2), ["from_below", "from_above"]].to_numpy(dtype=float)
    np.testing.assert_allclose(both, lambda_max(balanced), rtol=1e-9)


def test_zero_wins_above_the_threshold_and_not_below(matrix):
    best = chains.tie(3, 2) * 4 ** (4 / 3)
    for share, wins in ((0.97, False), (1.03, True)):
        problem = onsets.deep_products(matrix, 3, PowerDecay(2))(share * best)
        end = minimise(problem, problem.random(20, 1, seed=0), NewtonCG(), max_steps=200).objective.min()
        assert bool(end >= 0.5 * matrix.square().sum() * (1 - 1e-9)) == wins


@pytest.fixture(scope="module")
def drawings(census, walked):
    points = chains.critical_points(3, 2, 0.3)
    limits = basin.thresholds([(3, 1), (3, 2)], points=101, steps=300)
    caught = basin.by_norm(3, 2, 0.3, [1, 2], [0.3, 0.6], runs=5, seed=0)
    grid = basin.diagram([(3, 2, 1), (3, 1, 2)], points=3, runs=2, seed=0, device="cpu")
    curved, _ = experiment.side_by_side(
        networks.DeepReluOn(6, 0.5, 0, width=2), [1, 2], runs=2, steps=5, deviation=0.3, seed=0
    )
    copies, shared = (
        chains.splitting([(2, 1), (3, 2), (3, 3), (3, 4), (2, 4)], [1, 2], seed=0),
        chains.spread_out([1, 2], 0.3, runs=2, seed=0),
    )
    along = theorems.rays(walked[0], 1.8, [0.1, 0.2, 0.5])
    summaries = {"deep linear": experiment.summary(census[1]), "ReLU": experiment.summary(curved)}
    return {
        "fig-degrees": lambda: figures.landscapes(chains.slices([2, 3], 0.3, points=11), points),
        "fig-decay-thresholds": lambda: figures.thresholds(chains.diagonal(3, 2, [0.3, 0.5], points=9), limits),
        "fig-basin": lambda: figures.basin(caught, {"a": 0.4, "b": 0.5}),
        "fig-phases": lambda: figures.phases(grid),
        "fig-from-zero": lambda: figures.from_zero(along),
        "fig-mismatched-walks": lambda: figures.walks(walked[1]),
        "fig-splitting": lambda: figures.splitting(copies, shared),
        "fig-mismatched-sizes": lambda: figures.sizes(summaries),
    }


NAMES = [
    "fig-degrees", "fig-decay-thresholds", "fig-basin", "fig-phases", "fig-from-zero", "fig-mismatched-walks",
    "fig-splitting", "fig-mismatched-sizes",
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_figures_have_the_same_bytes_whatever_the_readers_settings(drawings, name):
    first = show(drawings[name](), name).svg
    with matplotlib.rc_context({"font.size": 30, "lines.linewidth": 9}):
        assert show(drawings[name](), name).svg == first
