"""The experiments of the chapter Certified training on real data, their benchmarks, and unusual classification data."""

import math
import sys
from dataclasses import replace

import pandas as pd
import pytest
import torch

from book.benchmarks import __main__ as command
from book.benchmarks import dual_points, frontier, grids, relu
from book.benchmarks.leaves import RelaxedPolar
from book.certified_training import digits_plane as digits
from book.certified_training import experiment
from book.shared import relu_problems as planted
from book.shared.planted_relu import teacher_problem
from claimbook.checkout import DIRTY
from claimbook.sweeps import Sweep
from claimbook.tables import read_table
from global_optimality import (
    CrossEntropyLoss,
    LogisticLoss,
    Problem,
    ReluUnit,
    SquaredLoss,
    Status,
    SumOfSquares,
    solve,
)


def test_the_path_of_a_regression_is_certified_and_concave():
    task = experiment.diabetes_plane(60, seed=1)
    path, last = experiment.regression_path(task, [1.1, 1, 0.5, 0.2])
    assert path["relative_gap"].max() <= 1e-9
    assert list(path["units"])[:2] == [0, 0]
    assert experiment.concavity(path) <= 1e-9
    bent = path.assign(objective=path["objective"] + [0, 0, -5, 0])
    assert experiment.concavity(bent) > 1e-3
    stale = experiment.stale(task, last, [0.5, 0.2])
    assert list(stale["verdict"] == "CERTIFIED") == [False, True]


def test_held_out_patients_are_not_trained_on():
    task = experiment.diabetes_plane(300, seed=0)
    assert len(task.S) == len(task.y) == 142
    S = planted.inputs(task.problem)
    torch.testing.assert_close(S[:, :2].std(0), torch.ones(2, dtype=torch.float64))
    assert experiment.least_squares_error(task) < float(task.y.square().mean())


def test_dead_units_are_freed_until_none_is_left_or_the_network_is_certified():
    problem = planted.plane_problem(10, 1.0, seed=2)
    optimum = solve(problem)
    table, networks = experiment.widths_by_activation(
        problem, [2, 12], runs=2, steps=300, optimum=optimum.objective, seed=0
    )
    relu_rows = table[table["activation"] == "ReLU"]
    assert (relu_rows["objective"] >= 1 - 1e-9).all()
    assert set(networks["ReLU"]) == set(networks["sigmoid"]) == {2, 12}
    more = experiment.one_more_sigmoid(problem, networks["sigmoid"][12])
    assert (more > 0).all()
    W = networks["sigmoid"][12]
    a = (problem.loss.Y[:, 0] - (torch.sigmoid(planted.inputs(problem) @ W[0].mT) @ W[1])[..., 0]).sum(1) / 2
    v = a / (problem.lam + len(problem.loss.Y) / 4)
    unit = torch.zeros_like(W[0][:, :1]), v[:, None, None]
    wider = tuple(torch.cat([w, x], 1) for w, x in zip(W, unit, strict=True))
    before, after = (experiment.sigmoid_objective(problem, *x) for x in (W, wider))
    torch.testing.assert_close(1 - after / before, more, rtol=1e-6, atol=1e-12)
    freed = experiment.freed(problem, {12: networks["ReLU"][12]})
    assert (freed["gradient"] == 0).all()
    left = freed[freed["zero_units_left"] > 0]
    assert len(left)
    assert left["certified"].all()


def test_only_homogeneous_activations_are_judged():
    table = experiment.refusals(planted.plane_problem(8, 1.0, seed=0))
    assert table.loc["ReLU", "degree"] == 2
    assert table["answer"].str.contains("not positively homogeneous").tolist() == [False, True, True, True]


@pytest.mark.slow
def test_more_effort_proves_more():
    found = experiment.many_features(12, 1.0, [2], [1, 1000], seed=0)
    table = found.table.set_index(["components", "cones"])
    assert table.loc[(2, 1000), "lower_bound"] >= table.loc[(2, 1), "lower_bound"] - 1e-12
    assert (table["lower_bound"] <= table["objective"]).all()


def test_ten_classes_count_the_largest_output():
    split = digits.ten_classes(40, 0.3, seed=0)
    solution = solve(split.problem, tol=1e-3)
    named = solution.predict(split.inputs).argmax(1)
    share = float((named == split.labels).double().mean())
    assert float(split.accuracy(solution.weights)) == pytest.approx(share, abs=1e-12)
    assert share > 0.15
    shown = digits.held_out_digits(split, solution)
    assert list(shown["named"]) == named.tolist()


def test_teacher_has_unit_signal_and_the_noise_asked_for():
    clean = teacher_problem(400, 4, 1.0, noise=0.0, seed=3).loss.Y
    noisy = teacher_problem(400, 4, 1.0, noise=0.1, seed=3).loss.Y
    assert float(clean.std()) == pytest.approx(1, abs=1e-12)
    assert float((noisy - clean).std()) == pytest.approx(0.1, rel=0.15)


@pytest.mark.slow
def test_benchmarks_on_tiny_problems():
    assert relu.exact_polar(sizes=(10, 20), rounds=1)["width"].max() < 1e-10
    program = relu.convex_program(sizes=(8,), rounds=1)
    assert program["difference"].max() <= 1e-6
    row = relu.certified_row(planted.plane_problem(12, 0.5, seed=0), 1e-8)
    assert row["status"] == "GLOBAL"
    assert 0 <= row["certifying_cpu_seconds"] <= row["cpu_seconds"] + 1e-3
    assert row["gap_at_60_s"] <= 1e-8
    table = frontier.frontier(sizes=((3, 8),), time_limit=20)
    assert table["relative_gap"].max() <= frontier.TOL
    assert (table["megabytes"] >= 0).all()


@pytest.mark.parametrize("classes", [None, 3])
def test_pseudo_atoms_attain_the_bounds_and_old_multipliers_bound_other_dual_points(classes):
    S = planted.inputs(teacher_problem(24, 6, 1.0, seed=2))
    loss = (
        SquaredLoss(teacher_problem(24, 6, 1.0, seed=2).loss.Y)
        if classes is None
        else CrossEntropyLoss(torch.arange(24) % classes)
    )
    problem = Problem(loss, ReluUnit(S, loss.Y.shape[1]), SumOfSquares(), 0.5)
    W = dual_points.network(problem, 1)
    G = dual_points.residual(problem, W)
    relaxed = RelaxedPolar(problem, S, G)
    leaves, atoms = relaxed.bounded(relaxed.root, relaxed.weights(G, relaxed.root.V), 0.0, 1e-6, 1e-2)
    torch.testing.assert_close(-(atoms * G).sum((1, 2)) / problem.lam, leaves.bound, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(relaxed.again(leaves, leaves.q), leaves.bound, rtol=1e-5, atol=1e-5)
    other = loss.project(0.99 * G + 0.01 * loss.gradient(torch.zeros_like(G)))
    q = relaxed.weights(other, leaves.V)
    old, new = relaxed.again(leaves, q), relaxed.bounded(leaves, q, 0.0, 1e-6)[0].bound
    attained = problem.mapping.inner(-other, *W) / problem.regularizer.theta(*W) / problem.lam
    assert bool((old >= new - 1e-5).all())
    assert bool(new.max() >= attained.max())
    assert float(old.max()) <= 1.2 * float(new.max())


@pytest.mark.slow
def test_dual_points_of_the_master_problem_prove_more_than_the_scaled_residual_and_less_than_its_value():
    problem = teacher_problem(30, 8, 2.0, seed=1)
    W = dual_points.network(problem, 2)
    G, f = dual_points.residual(problem, W), float(problem(*W)[0])
    relaxed, master = RelaxedPolar(problem, planted.inputs(problem), G), dual_points.Master(problem, W)
    leaves, _ = relaxed.start(G)
    proved, values, point = [], [f], G
    for _ in range(6):
        leaves, atoms = dual_points.at(relaxed, leaves, G, 1e-3)
        value, dual = dual_points.bound(problem, G, float(leaves.bound.max()) + relaxed.slack(G))
        point = dual if not proved or value > max(proved) else point
        proved.append(value)
        least, target = master.enlarged(atoms)
        values.append(least)
        G = problem.loss.project(0.4 * target + 0.6 * point)
    assert max(proved) <= min(values) <= f
    assert f - max(proved) < 0.9 * (f - proved[0])


def test_a_missing_peer_is_left_out_with_the_way_to_install_it(monkeypatch, tmp_path, capsys):
    monkeypatch.setitem(sys.modules, "scnn.optimize", None)
    monkeypatch.setattr(command, "KEPT", tmp_path / "sweeps")
    monkeypatch.setattr(sys, "argv", ["benchmarks", "relu_pyscnn", "--into", str(tmp_path / "tables")])
    assert command.main() == 1
    assert "pip install --no-deps pyscnn" in capsys.readouterr().out
    assert not (tmp_path / "tables").exists()


@pytest.mark.slow
def test_all_tables_of_one_call_name_the_commit_it_began_at(monkeypatch, tmp_path):
    states = iter(["a" * 40, *["a" * 40 + DIRTY] * 9])  # the first table, once written, changes the tree
    monkeypatch.setattr(command, "commit_of", lambda root: next(states))
    monkeypatch.setattr(command, "KEPT", tmp_path / "sweeps")
    plan = Sweep(grids.census_of_size, {"draw": [0], "size": [2], "starts": [1]})
    for name, known in (("one", plan), ("two", lambda: plan)):
        monkeypatch.setitem(command.BENCHMARKS, name, ("landscape", known))
    monkeypatch.setattr(sys, "argv", ["benchmarks", "one", "two", "--into", str(tmp_path)])
    assert command.main() == 0
    assert {read_table(tmp_path / f"{name}.csv")[1].commit for name in ("one", "two")} == {"a" * 40}


def test_the_gap_at_a_time_is_that_of_the_rounds_before_it():
    solution = solve(planted.plane_problem(12, 0.5, seed=0))
    assert relu.gap_at(solution, -1.0) == math.inf
    assert relu.gap_at(solution, 1e9) == pytest.approx(solution.relative_gap, abs=1e-12)


SIDES = torch.where(torch.arange(6) % 2 == 0, 1.0, -1.0).double()[:, None]
LOSSES = {
    "logistic": LogisticLoss(SIDES),
    "logistic, one class": LogisticLoss(torch.ones_like(SIDES)),
    "logistic, free bias": LogisticLoss(SIDES, output_bias=0.0),
    "cross-entropy": CrossEntropyLoss(torch.arange(6) % 3),
    "squared, free bias": SquaredLoss(SIDES, output_bias=0.0),
}
ROWS = {
    "no inputs": torch.zeros(6, 3, dtype=torch.float64),
    "constant": torch.ones(6, 3, dtype=torch.float64),
    "collinear": torch.linspace(-1, 2, 6, dtype=torch.float64)[:, None] * torch.ones(1, 3, dtype=torch.float64),
    "one feature": torch.linspace(-1, 2, 6, dtype=torch.float64)[:, None],
    "five collinear": torch.linspace(-1, 2, 6, dtype=torch.float64)[:, None] * torch.ones(1, 5, dtype=torch.float64),
}


@pytest.mark.parametrize("rows", ROWS)
@pytest.mark.parametrize("name", LOSSES)
def test_degenerate_inputs_with_every_loss(name, rows):
    loss = LOSSES[name]
    solution = solve(Problem(loss, ReluUnit(ROWS[rows], loss.Y.shape[1]), SumOfSquares(), 0.5), tol=1e-5)
    assert solution.status is Status.GLOBAL
    assert solution.relative_gap <= 1e-5
    assert all(bool(torch.isfinite(w).all()) for w in solution.weights)


@pytest.mark.slow
def test_entries_near_the_largest_float_are_never_wrongly_certified():
    S = torch.tensor([[1.0, 2.0], [-1.0, 0.5], [0.3, -2.0]], dtype=torch.float64)
    huge = Problem(SquaredLoss(torch.ones(3, 1, dtype=torch.float64)), ReluUnit(1e150 * S), SumOfSquares(), 1.0)
    solution = solve(huge, time_limit=5.0)
    assert not math.isnan(solution.objective)
    assert not math.isnan(solution.relative_gap)


def test_lambda_path_keeps_the_order_asked_for():
    problem = planted.plane_problem(8, 1.0, seed=0)
    task = experiment.Regression(problem, planted.inputs(problem), problem.loss.Y[:, 0])
    table, last = experiment.regression_path(task, [0.5, 1.0])
    assert isinstance(table, pd.DataFrame)
    assert list(table["share"]) == [0.5, 1.0]
    assert last.problem.lam == replace(problem, lam=problem.lam).lam
