"""The chapter Implications: the comparison on digits, sums of subnetworks, open questions, figures."""

import matplotlib
import numpy as np
import pandas as pd
import pytest
import torch

from book.implications import compatibility, depth, ensembles, figures, open_questions
from book.implications import four_digits as subnetworks
from book.shared import data
from book.shared import relu_problems as shallow
from book.shared.outcomes import outcomes
from claimbook import show
from global_optimality import MatrixProduct, Problem, SquaredLoss, SumOfSquares, solve
from global_optimality.descent import minimise, refit


@pytest.fixture(scope="module")
def split():
    return subnetworks.digits(30, seed=0)


@pytest.fixture(scope="module")
def compared(split):
    lams = dict.fromkeys(subnetworks.METHODS, 1.0)
    return subnetworks.compare(split, lams, [1, 3], runs=3, steps=15, seed=0)


def test_the_digits_are_split_without_overlap(split):
    images = torch.cat([part[0] for part in (split.train, split.validation, split.test)])
    assert len(images) == sum(int((data.digits().target == k).sum()) for k in subnetworks.CLASSES)
    assert len(split.train[0]) == 30
    assert len(split.validation[0]) == subnetworks.VALIDATION
    assert float(split.train[0].mean(0).abs().max()) <= 1e-12
    assert float(split.train[0].std()) == pytest.approx(1)
    assert set(split.train[1].tolist()) == {0, 1, 2, 3}


@pytest.mark.parametrize("method", subnetworks.METHODS)
def test_training_lowers_the_objective_and_ends_inside(split, method):
    problem, W = subnetworks.train(split, method, 1.0, 2, runs=2, steps=15, seed=0)
    start = problem.regularizer.project(*problem.random(2, 2, seed=0, deviation=subnetworks.DEVIATION))
    assert bool((problem(*W) < problem(*start)).all())
    assert bool(torch.isfinite(problem(*W)).all())
    balanced = ("weight decay", "path norm", "batch norm")
    assert problem.balanced == (method in balanced)
    on_train = subnetworks.accuracy(problem.mapping, split.train, W)
    right = problem.mapping.Phi(*W).argmax(2) == split.train[1]
    assert torch.equal(on_train, right.double().mean(1)), "training images are judged by their own statistics"


def test_unknown_methods_are_refused(split):
    with pytest.raises(ValueError, match="choose from weight decay"):
        subnetworks.build(split, "label smoothing", 1.0)


def test_the_summary_has_students_intervals(compared):
    table = subnetworks.summary(compared).set_index(["method", "size"])
    part = compared[(compared["method"] == "dropout") & (compared["size"] == 3)]
    row = table.loc[("dropout", 3)]
    assert row["accuracy"] == pytest.approx(part["accuracy"].mean())
    assert row["accuracy_ci"] == pytest.approx(4.302652729911275 * part["accuracy"].std() / 3**0.5)
    assert row["spread"] == pytest.approx(part["objective"].max() / part["objective"].min() - 1)
    assert (compared["active"] <= compared["size"]).all()
    assert (compared["effective"] <= compared["size"] + 1e-9).all()
    halves = pd.DataFrame({"size": [1, 1, 2, 2], "objective": [4.0, 16.0, 2.0, 8.0]})
    low, high = subnetworks.fall(halves, 1, 2)
    assert low * high == pytest.approx(0.25), "the geometric mean falls by a half"
    assert high / low == pytest.approx(np.exp(2 * 4.3027 * np.log(2) * 2**0.5), rel=1e-3), "two degrees of freedom"
    effects = subnetworks.effects(compared, 3)
    assert ((effects["low"] <= effects["difference"]) & (effects["difference"] <= effects["high"])).all()


def test_the_largest_lambda_within_a_point_is_chosen(monkeypatch):
    validation = {0.1: 0.95, 0.3: 0.945, 1.0: 0.93}
    monkeypatch.setattr(subnetworks, "LAMBDAS", {m: tuple(validation) for m in subnetworks.METHODS})

    def compare(_, lams, *__, **___):
        return pd.DataFrame([{"method": m, "lam": lam, "validation": validation[lam]} for m, lam in lams.items()])

    monkeypatch.setattr(subnetworks, "compare", compare)
    tuned = subnetworks.tuning(None, r=1, runs=1, steps=1, seed=0)
    assert subnetworks.chosen(tuned) == dict.fromkeys(subnetworks.METHODS, 0.3)


@pytest.fixture(scope="module")
def plane():
    problem = shallow.plane_problem(12, 0.5, seed=0)
    return problem, solve(problem)


def test_the_lasso_on_its_own_units_is_the_optimum(plane):
    table = ensembles.dictionaries(plane[1], [5, 50], seed=0)
    assert (table["gap"].between(-1e-12, 1e-3)).all()
    assert table["excess"].iloc[-1] == pytest.approx(0, abs=1e-8)
    assert table["excess"].iloc[0] > table["excess"].iloc[1] > 0


def test_an_answer_of_the_lasso_that_has_not_converged_says_so_in_its_gap_and_warns_nobody(plane):
    problem, solution = plane
    U = torch.cat([solution.weights[0][0], solution.weights[0][0] * (1 + 1e-15)])
    value, gap = ensembles.lasso(problem, U, tol=1e-30)
    assert -1e-12 <= value / solution.objective - 1 <= gap / solution.objective + 1e-12


def test_refitted_scales_are_those_of_the_lasso(plane):
    """The best scales of units of both signs are the Lasso's: an outside reference for ``refit``."""
    problem = plane[0]
    U = torch.randn(1, 9, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    U = U / U.norm(dim=2, keepdim=True)
    both = torch.cat([U, U], 1), torch.cat([torch.ones(1, 9, 1), -torch.ones(1, 9, 1)], 1).double()
    found = float(problem(*refit(problem, both))[0])
    assert found == pytest.approx(ensembles.lasso(problem, U[0], tol=1e-12)[0], rel=1e-9)


@pytest.fixture(scope="module")
def built(plane):
    problem, best = plane
    rounds, boosted = ensembles.boosting(problem, best.objective, rounds=12)
    weak = ensembles.random_learner(problem, best.objective, rounds=30, tries=5, seed=0)
    return rounds, weak, ensembles.ways(problem, best, boosted, r=4, runs=3, seed=0)


def test_boosting_never_rises_and_random_learners_stop_early(built):
    rounds, weak, ways = built
    assert (rounds["objective"].diff().dropna() <= 1e-12 * rounds["objective"].iloc[0]).all()
    assert (rounds["relative_gap"] >= rounds["excess"] / (1 + rounds["excess"]) - 1e-9).all()
    assert weak["polar"].iloc[-1] > 1.01
    assert (ways["excess"] >= -1e-9).all()
    assert ways.loc["… its scales refitted", "excess"] <= ways.loc["average of the outputs", "excess"]
    assert ways.loc["average of the outputs", "excess"] <= ways.loc["the mean network", "excess"]
    assert ways.loc["boosting, then descent", "excess"] <= ways.loc["boosting", "excess"] + 1e-12


def test_an_average_has_the_mean_output_and_the_mean_price(plane):
    problem = plane[0]
    W = problem.random(4, 3, seed=1)
    one = ensembles.average(W, 2)
    torch.testing.assert_close(problem.mapping.Phi(*one)[0], problem.mapping.Phi(*W).mean(0))
    torch.testing.assert_close(problem.regularizer.Theta(*one)[0], problem.regularizer.Theta(*W).mean())


def test_sizes_are_below_the_bound():
    matrices = open_questions.matrix_sizes([(6, 5)], [0.2], seed=0)
    s = torch.linalg.svdvals(data.low_rank(6, 5, 5, noise=0.3, seed=0))
    Y = data.low_rank(6, 5, 5, noise=0.3, seed=0)
    best = solve(Problem(SquaredLoss(Y), MatrixProduct(6, 5), SumOfSquares(), 0.2 * float(s[0])))
    assert matrices["size"].item() == best.size
    relu = open_questions.relu_sizes([8], 1, [0.1], 2, draws=(0, 1))
    assert (relu["size"] <= relu["card"]).all()
    assert relu["relative_gap"].max() <= 1e-6
    assert relu["draw"].tolist() == [0, 1]
    root = pd.DataFrame({"family": "a", "share": 0.1, "draw": [0, 0, 1, 1], "N": [4, 16, 4, 16], "size": [2, 4, 4, 8]})
    assert open_questions.growth(root)["exponent"].tolist() == pytest.approx([0.5])
    assert open_questions.without_one(10, 0.1, seed=0)["excess"].min() > 0


@pytest.mark.slow
def test_all_depths_share_one_minimum():
    """A balanced network of every depth at the optimum's output costs the same: so do the minima."""
    problems = [*depth.chains([2, 4], seed=0).values(), *(depth.linear(K, seed=0) for K in (2, 4))]
    for known in problems:
        start = known.problem.random(4, 8, seed=0, deviation=0.5)
        start = (start[0], *(w.abs() for w in start[1:-1]), start[-1])
        end = minimise(known.problem, start, max_steps=80)
        assert float(end.objective.min()) >= known.optimum * (1 - 1e-9)
        assert float(end.objective.min()) <= known.optimum * 1.1


@pytest.fixture(scope="module")
def descents():
    methods = ("Adam", "gradient descent")
    tables = [depth.chain_sweep(m, [2, 4], draws=(0, 1), runs=3, steps=60, window=20).assign(method=m) for m in methods]
    return pd.concat(tables, ignore_index=True)


def test_chains_start_as_they_are_called(descents):
    assert set(descents.query("K == 2")["start"]) == {"8 chains"}
    deep = descents.query("K == 4").groupby("start")
    assert deep["size"].agg(["min", "max"]).loc["8 live on average"].tolist() == [32, 32]
    assert (deep.get_group("8 live")["live"] == 8).all()
    assert (deep.get_group("8 dead")["live"] == 0).all()
    assert depth.dead_chains(descents)["expected"].tolist() == [0.75]
    assert depth.dead_chains(descents)["deviations"].max() <= 4


def test_gradient_steps_do_not_revive_a_dead_chain_and_overshooting_ones_can(descents):
    dead = descents.query("K == 4 and start == '8 dead' and method == 'gradient descent'")
    assert (dead["excess"] >= dead["zero"] - 1e-9).all()
    long = depth.chain_sweep("Adam", [3], draws=(0,), runs=8, steps=600, window=5).query("start == '8 dead'")
    assert (long["excess"] < 0.5 * long["zero"]).any()


def test_ends_are_counted_once(descents):
    ended = outcomes(descents, ["method", "K", "start"])
    np.testing.assert_allclose(ended[["close", "trapped", "falling"]].to_numpy().sum(1), 1)
    assert ((ended["low"] <= ended["close"] + 1e-12) & (ended["close"] <= ended["high"] + 1e-12)).all()
    assert (ended["runs"] == 6).all()
    assert (ended["draws"] == 2).all()


def test_deep_linear_networks_are_solved():
    assert depth.linear_sweep([3], draws=(0,), runs=2, steps=200)["excess"].abs().max() <= 1e-6


NAMES = ["size_limits", "side_by_side", "recorded_sizes", "boosting", "sizes", "depth"]


@pytest.fixture(scope="module")
def drawings(compared, built, descents):
    matrices = compatibility.dropout_on_matrices(data.low_rank(4, 3, 1, seed=0), keep=0.5, sizes=[3], runs=1, seed=0)
    balls = compatibility.max_norm_sizes(lam=0.2, radii=[0.5, 1.0], sizes=[1, 2])
    families = {"matrices": open_questions.matrix_sizes([(5, 5), (6, 5)], [0.1, 0.3], seed=0)}
    return {
        "size_limits": lambda: figures.size_limits(matrices, balls),
        "side_by_side": lambda: figures.side_by_side(subnetworks.summary(compared)),
        "recorded_sizes": lambda: figures.recorded_sizes(subnetworks.summary(compared)),
        "boosting": lambda: figures.boosting(*built[:2]),
        "ways": lambda: figures.ways(built[2]),
        "sizes": lambda: figures.sizes(families),
        "depth": lambda: figures.depth(outcomes(descents, ["method", "K", "start"])),
    }


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_figures_have_the_same_bytes_whatever_the_readers_settings(drawings, name):
    first = show(drawings[name](), "fig-test").svg
    with matplotlib.rc_context({"font.size": 30, "lines.linewidth": 9}):
        assert show(drawings[name](), "fig-test").svg == first
