"""The chapter Weight decay and the degree mismatch: closed forms against brute force, and what must fail."""

import matplotlib
import numpy as np
import pytest
import torch

import laws
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
from global_optimality.streams import generator, normal

PAIRS = [(K, q) for q in (1, 2) for K in (2, 3, 4, 5) if q < K]
each_pair = pytest.mark.parametrize(("K", "q"), PAIRS)
GRID = np.linspace(0, 1, 200001)[1:]


def on_grid(K, q, lam):
    """f of one chain with equal weights, as a function of its product."""
    return 0.5 * (1 - GRID) ** 2 + lam * GRID ** (q / K)


def test_the_thresholds_of_three_weights():
    assert chains.tie(3, 2) == pytest.approx(0.75 * 2 ** (-1 / 3), rel=1e-14)
    assert chains.vanishing(3, 2) == pytest.approx(9 / 8 * 4 ** (-1 / 3), rel=1e-14)
    assert (round(chains.tie(3, 2), 4), round(chains.vanishing(3, 2), 4)) == (0.5953, 0.7087)
    assert chains.tie(2, 2) == chains.vanishing(2, 2) == 1


@each_pair
def test_thresholds_against_a_grid(K, q):
    tie, gone = chains.tie(K, q), chains.vanishing(K, q)
    assert on_grid(K, q, tie).min() == pytest.approx(0.5, abs=1e-8)
    assert on_grid(K, q, 0.99 * tie).min() < 0.5 < on_grid(K, q, 1.01 * tie).min()
    assert (np.diff(on_grid(K, q, 0.99 * gone)) < 0).any()
    assert not (np.diff(on_grid(K, q, 1.01 * gone)) < 0).any()


def test_measured_thresholds():
    table = basin.thresholds([(3, 2), (2, 1)], points=201, steps=800)
    assert table[["tie_error", "vanishing_error"]].max().max() <= 0.02


@pytest.mark.parametrize(
    ("q", "lam", "kinds"),
    [
        (2, 0.3, ["local minimum", "saddle", "global minimum"]),
        (2, 0.65, ["global minimum", "saddle", "local minimum"]),
        (2, 0.8, ["global minimum"]),
        (3, 0.3, ["saddle", "global minimum"]),
        (3, 1.2, ["global minimum"]),
        (4, 3.0, ["saddle", "global minimum"]),
    ],
)
def test_every_critical_point(q, lam, kinds):
    table = chains.critical_points(3, q, lam)
    assert table["kind"].tolist() == kinds
    assert table["gradient_norm"].max() <= 1e-12
    found, distance = chains.missed(3, q, lam, starts=15, seed=1)
    assert found >= 8
    assert distance <= 1e-5


def test_a_missing_critical_point_would_be_seen(monkeypatch):
    whole = chains.critical_points(3, 2, 0.3)
    monkeypatch.setattr(chains, "critical_points", lambda *_: whole.iloc[:1])
    assert chains.missed(3, 2, 0.3, starts=10, seed=1)[1] > 0.1


@pytest.mark.parametrize(("K", "q"), [(3, 2), (4, 2), (3, 3), (5, 2)])
def test_the_flow_is_that_of_the_problem(K, q):
    w = normal(generator(0, "flow", K, q), 5, 4, K)
    lam = torch.full((5,), 0.3, dtype=torch.float64)
    problem = chains.chain(K, q, 0.3)
    W = tuple(w[..., k, None, None] for k in range(K))
    laws.same(basin.objective(w, lam, q), problem(*W))
    gradient = torch.stack([g[..., 0, 0] for g in problem.gradient(*W)[1]], 2)
    step = w - basin.euler(w, lam, q)
    ratio = (step / gradient).flatten(1)
    assert bool((ratio > 0).all())
    np.testing.assert_allclose(ratio, ratio[:, :1].expand_as(ratio), rtol=1e-9)


@pytest.mark.parametrize(("K", "q"), [(3, 2), (3, 1), (3, 3), (5, 2)])
def test_f_never_rises_along_the_flow(K, q):
    w = 0.6 * normal(generator(1, "flow", K, q), 200, 4, K)
    lam = torch.linspace(0.1, 1, 200, dtype=torch.float64)
    f = basin.objective(w, lam, q)
    for _ in range(100):
        w = basin.euler(w, lam, q)
        new = basin.objective(w, lam, q)
        assert bool((new <= f * (1 + 1e-12)).all())
        f = new


def test_fates_do_not_depend_on_the_step(monkeypatch):
    coarse = basin.phases(3, 2, 4, [0.5], [0.2, 0.4], runs=300, seed=0)
    monkeypatch.setattr(basin, "STEP", 0.05)
    monkeypatch.setattr(basin, "MARGIN", 0.1)
    fine = basin.phases(3, 2, 4, [0.5], [0.2, 0.4], runs=300, seed=0)
    assert (coarse["captured"] - fine["captured"]).abs().max() <= 0.01
    assert 0.02 < coarse["captured"].iloc[1] < 0.5 < coarse["captured"].iloc[0]


def test_the_proved_radius_of_collapse():
    table = basin.by_norm(3, 2, 0.3, [1, 16], [0.3, 0.34, 0.5], runs=60, seed=0)
    assert table["inside"].sum() > 150
    assert table["inside_not_captured"].sum() == 0
    assert table["captured"].min() < 0.05, "beyond the radius most starts of 16 chains leave"


def test_no_start_is_captured_when_balanced_and_all_are_beyond_the_threshold():
    assert basin.phases(3, 3, 4, [0.4], [0.2], runs=50, seed=0)["escaped"].min() == 1
    for K, q in ((3, 2), (4, 2), (3, 1)):
        share = 1.05 * chains.vanishing(K, q) / chains.tie(K, q)
        assert basin.phases(K, q, 4, [share], [0.3, 1.0], runs=40, seed=0)["captured"].min() == 1


@pytest.mark.parametrize(("K", "q"), [(3, 2), (4, 2), (2, 1)])
def test_the_radius_bounds_and_the_root_predicts(K, q):
    table = chains.better_than_zero(K, q, 0.3, [1, 5], starts=6, seed=0, points=241)
    assert (table["measured"] >= table["bound"]).all()
    np.testing.assert_allclose(table["measured"], table["predicted"], rtol=0.01)
    assert table["measured"].nunique() == 1
    better = GRID[on_grid(K, q, 0.3) < 0.5][0]
    assert chains.onset(K, q, 0.3) == pytest.approx(np.sqrt(K) * better ** (1 / K), rel=1e-4)


def test_size_and_splitting():
    table = chains.spread_out([1, 4], 0.3, runs=6, seed=0)
    np.testing.assert_allclose(table["objective"], [0.3 / 1.6, 0.3 / 4.6], rtol=1e-9)
    np.testing.assert_allclose(table["least_unit"], table["largest_unit"], rtol=1e-6)
    copies = chains.splitting([(3, 2), (2, 4)], [1, 3, 9], seed=0)
    slopes = chains.exponents(copies, "copies", "ratio", ["p", "q"]).set_index("p")["exponent"]
    assert slopes[3] == pytest.approx(1 / 3)
    assert slopes[2] == pytest.approx(-1)
    assert copies["moved"].max() <= 1e-14


@pytest.fixture(scope="module")
def matrix():
    return networks.planted((4, 3, 2.2), 4, seed=0)


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


@pytest.mark.parametrize("name", NAMES)
def test_figures_have_the_same_bytes_whatever_the_readers_settings(drawings, name):
    first = show(drawings[name](), name).svg
    with matplotlib.rc_context({"font.size": 30, "lines.linewidth": 9}):
        assert show(drawings[name](), name).svg == first
