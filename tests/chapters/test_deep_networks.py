"""The chapter Deep parallel networks: the toy by hand, the path, depth, the digits, the figures."""

import matplotlib
import numpy as np
import pandas as pd
import pytest
import torch

from book.deep_networks import depth, experiment, figures, limits
from book.deep_networks import ten_digits as digits
from book.shared.outcomes import outcomes
from book.shared.paths import largest_rise
from book.shared.tables import path_table
from claimbook import show
from global_optimality import DeepRelu, Verdict, certify

# --- the toy ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("depth", [2, 3, 5])
def test_the_toy_by_hand(depth):
    problem = experiment.two_points(depth)
    W = experiment.one_sided(depth)
    assert float(problem(*W)) == pytest.approx(5.375, abs=1e-12)
    assert experiment.largest_fall_nearby(problem, W, seed=0) <= 1e-12
    assert float(certify(problem, W).escape_objective) == pytest.approx(2.25, abs=1e-6)
    worse = tuple(1.1 * w for w in W)
    assert experiment.largest_fall_nearby(problem, worse, seed=0) > 1e-4, "and elsewhere the test sees a fall"


def test_single_chains_end_on_the_levels_of_the_toy():
    levels = experiment.toy_levels([3], runs=20, seed=1)
    assert levels["runs"].sum() == 20
    for _, level in levels.index:
        assert min(abs(level - value) for value in (3.375, 5.375, 6.5)) <= 1e-5


# --- Theorem 2 --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def small():
    return experiment.curve(3, (2, 2, 1), 0.3, seed=0)


@pytest.fixture(scope="module")
def paths(small):
    return experiment.walks(small, seeds=[0], tol=1e-2)


def test_the_paths_never_rise_and_end_certified(small, paths):
    table = experiment.summary(paths)
    assert list(table["r"]) == [4, 4, 1]
    assert set(table["status"]) == {"GLOBAL"}
    assert table["rise"].max() <= 1e-12
    assert table.loc["4 equal subnetworks", "slides"] >= 1
    assert table.loc["one random subnetwork, seed 0", "appended"] >= 1
    bound = experiment.best_bound(paths)
    for path in paths.values():
        assert path.certificate.verdict(1e-2) == (Verdict.CERTIFIED,)
        assert bound <= float(path.objective[-1]) <= bound * (1 + 2e-2)
        again = certify(small, path.weights, experiment.polar(small))
        assert torch.equal(again.lower_bound, path.certificate.lower_bound)
    assert largest_rise(path_table(paths["4 equal subnetworks"])) <= 1e-12


def test_the_copies_are_one_subnetwork_and_slides_along_other_vectors_are_seen(small):
    W = experiment.copies(small, seed=0)
    single = tuple(4 ** (1 / 3) * w[:, :1] for w in W)
    assert float(small(*W)) == pytest.approx(float(small(*single)), rel=1e-13)
    assert experiment.wrong_slides(small, W, seed=0) >= 1e-6


# --- Figure 3 ---------------------------------------------------------------------------------------------------------


def test_the_drawing_has_every_node_and_every_weight_once():
    mapping = DeepRelu(experiment.curve(4, (3, 2, 1), 0.1, seed=0).mapping.S, (3, 2, 1))
    problem = experiment.curve(4, (3, 2, 1), 0.1, seed=0)
    W = problem.random(1, 3, seed=2)
    nodes, edges = experiment.drawn(W)
    assert len(nodes) == 2 + 3 * (3 + 2) + 1
    assert len(edges) == 3 * sum(a * b for a, b in mapping.factor_shapes)
    assert not nodes.duplicated(["x", "y"]).any()
    places = set(zip(nodes["x"], nodes["y"], strict=True))
    for ends in (("x0", "y0"), ("x1", "y1")):
        assert set(zip(edges[ends[0]], edges[ends[1]], strict=True)) <= places
    owner = nodes.set_index(["x", "y"])["subnetwork"]
    for edge in edges.itertuples():
        assert {owner[edge.x0, edge.y0], owner[edge.x1, edge.y1]} <= {-1, edge.subnetwork}, "no line joins two colours"
    for k, w in enumerate(W):
        layer = edges[edges["layer"] == k]
        np.testing.assert_allclose(layer["share"], (w[0].abs() / w[0].abs().max()).flatten(), rtol=1e-14)
        np.testing.assert_array_equal(layer["negative"], (w[0] < 0).flatten())


# --- depth ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def swept():
    design = depth.Design((1, 3), (0, 1), 3, 30)
    tables = {name: depth.sweep(name, [2, 3, 4], design, window=20) for name in depth.METHODS}
    return depth.excesses(tables)


def test_the_sweep_counts_every_run_once_from_the_same_starts(swept):
    cells = swept.groupby(["method", "layers", "size", "draw", "run"]).size()
    assert len(cells) == len(swept) == 3 * 3 * 2 * 2 * 3
    live = swept.pivot(index=["layers", "size", "draw", "run"], columns="method", values="live")
    assert (live.nunique(axis=1) == 1).all()
    assert (swept["carrying"] <= swept["size"]).all()
    assert (swept["live"] <= swept["size"]).all()
    assert swept["falls"].min() >= 0


def test_depths_from_three_on_share_a_best_and_it_is_proved_from_below(swept):
    best = swept.assign(deep=swept["layers"] > 2).groupby(["draw", "deep"])["excess"].min()
    assert best.abs().max() <= 1e-12
    known = depth.known([2, 3], depth.Design((3,), (0,), 3, 30), cones=500)
    runs = swept[swept["draw"] == 0]
    assert (runs["objective"] >= runs["layers"].clip(upper=3).map(known["bound"]) * (1 - 1e-12)).all()
    one = depth.depth_runs(2, depth.Design((1,), (0,), 1, 1))[0].groups[0].problem
    zero = float(one(*(torch.zeros_like(w) for w in one.random(1, 1))))
    assert known["zero_network"].tolist() == pytest.approx([zero, zero])


def test_agreement_is_the_spread_of_the_lowest_values():
    table = pd.DataFrame({"layers": [2, 3, 3, 4], "draw": 0, "objective": [0.5, 2.0, 1.0, 1.5]})
    assert depth.agreement(table) == pytest.approx(0.5)


# --- digits, figures --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def trained_digits():
    split = digits.digits(40, 0.01, held_out=50, seed=0)
    return split, digits.against_size(split, [1, 2], runs=2, steps=5, seed=0)


def test_digits_are_split_and_scored(trained_digits):
    split, table = trained_digits
    train, test = split.problem.mapping.images, split.inputs
    assert not (train[:, None] == test[None]).flatten(2).all(2).any(), "no image twice"
    assert (table["objective"] > table["lower_bound"]).all()
    assert "CERTIFIED" not in set(table["verdict"])
    W = split.problem.random(2, 3, seed=1)
    scores = sum(
        torch.nn.functional.max_pool2d(torch.relu(torch.nn.functional.conv2d(test, W[0][0, i])), 2).flatten(1)
        @ W[1][0, i]
        for i in range(3)
    )
    assert float(split.accuracy(W)[0]) == pytest.approx(float((scores.argmax(1) == split.labels).double().mean()))
    summary = digits.summary(table)
    assert summary["least_excess"].min() == 0
    assert 0 <= digits.shuffled(split, 1, steps=3, seed=0) <= 0.5


@pytest.fixture(scope="module")
def drawings(trained_digits, swept):
    problem = experiment.curve(4, (2, 1), 0.1, seed=0)
    shown = experiment.drawn(problem.random(1, 2, seed=0))
    ended = outcomes(swept, ["method", "layers", "size"])
    return {
        "fig-subnetworks": lambda: figures.subnetworks(shown, shown),
        "fig-deep-endings": lambda: figures.endings(ended),
        "fig-deep-live": lambda: figures.live(ended[ended["method"] == "Adam"]),
        "fig-deep-sizes": lambda: figures.sizes(limits.sufficient([4, 8], 0.1, draws=(0, 1))),
        "fig-deep-digits": lambda: figures.digits(trained_digits[1]),
    }


NAMES = ["fig-subnetworks", "fig-deep-endings", "fig-deep-live", "fig-deep-sizes", "fig-deep-digits"]


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_figures_have_the_same_bytes_whatever_the_readers_settings(drawings, name):
    first = show(drawings[name](), name).svg
    with matplotlib.rc_context({"font.size": 30, "lines.linewidth": 9}):
        assert show(drawings[name](), name).svg == first


@pytest.mark.parametrize(("seed", "left"), [(0, [5, 4, 3]), (2, [5, 4, 3, 2, 1, 0])])
def test_sliding_as_long_as_possible_leaves_independent_outputs(seed, left):
    """With seed 2 no random subnetwork puts anything out: none is left, and f is that of the zero network."""
    problem = experiment.curve(3, (2, 2, 1), 0.3, seed=seed)
    table = experiment.slid(problem, problem.random(1, 5, seed=seed))
    assert table["subnetworks"].tolist() == left
    assert (table["objective"].diff().dropna() <= 1e-12).all()
    if not left[-1]:
        assert table["objective"].iloc[-1] == pytest.approx(float(problem.loss(torch.zeros(1, 3, 1).double())))
