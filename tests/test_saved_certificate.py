"""A saved certificate is checked exactly, by code that shares nothing with the solver, and a forged one is rejected."""

import json
import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import global_optimality as go
from cases import randn
from global_optimality.exact import check
from saved_problems import PROBLEMS, N, Y, solved
from tests.node import NODE, check_with_node


@pytest.fixture
def file(tmp_path) -> Path:
    return tmp_path / "certificate.json"


@pytest.mark.parametrize("name", PROBLEMS)
def test_solved_problems_are_confirmed_to_rounding(name, file):
    problem, W, certificate = solved(name)
    assert certificate.verdict(1e-6) == (go.Verdict.CERTIFIED,)
    go.save_certificate(file, problem, W, certificate)
    found = go.verify_certificate(file)
    assert found.confirmed, found.reasons
    saved = json.loads(file.read_text())
    assert (found.objective, found.lower_bound) == (saved["objective"], saved["lower_bound"])
    assert found.objective == pytest.approx(float(certificate.objective[0]), rel=1e-12)
    assert found.lower_bound == pytest.approx(float(certificate.lower_bound[0]), rel=1e-10)
    assert found.gap <= 1e-6 * found.objective


@pytest.mark.parametrize("name", ["squared d=3", "logistic free bias", "cross entropy", "completion"])
def test_certificates_far_from_the_optimum_are_confirmed_too(name, file):
    problem = PROBLEMS[name]
    W = problem.random(2, 3, seed=4)
    certificate = go.certify(problem, W)
    go.save_certificate(file, problem, W, certificate, run=1)
    found = go.verify_certificate(file)
    assert found.confirmed, found.reasons
    assert found.lower_bound == pytest.approx(float(certificate.lower_bound[1]), rel=1e-9)
    assert found.gap > 0


@pytest.mark.parametrize(
    "name", ["squared weighted", "cross entropy free bias", "completion", "masked relu", "hidden biases"]
)
def test_a_loaded_certificate_is_the_saved_one(name, file):
    problem, W, certificate = solved(name)
    go.save_certificate(file, problem, W, certificate)
    again = go.load_certificate(file)
    assert float(again.problem(*again.weights)) == pytest.approx(float(certificate.objective), rel=1e-13)
    assert float(again.certificate.lower_bound) == pytest.approx(float(certificate.lower_bound), rel=1e-10)


def raised_bound(saved):
    saved["lower_bound"] = math.nextafter(saved["lower_bound"], math.inf)


def lowered_objective(saved):
    saved["objective"] = math.nextafter(saved["objective"], 0)


def scaled_dual(saved):
    saved["G"] = (np.array(saved["G"]) * (1 + 1e-9)).tolist()


def foreign_dual(saved):
    G = np.array(saved["G"])
    G[0, 0] += 0.01 * np.abs(G).max()
    saved["G"] = G.tolist()


def changed_weights(saved):
    saved["V"][0][0] += 1e-2


def smaller_lam(saved):
    saved["lam"] *= 1 - 1e-9


def changed_data(saved):
    Y = saved["Y"]
    other = next(i for i, y in enumerate(Y) if y != Y[0])
    Y[0], Y[other] = Y[other], Y[0]


FORGERIES = [raised_bound, lowered_objective, scaled_dual, foreign_dual, changed_weights, smaller_lam, changed_data]


@pytest.mark.parametrize("forge", FORGERIES)
@pytest.mark.parametrize("name", ["squared free bias", "logistic", "cross entropy", "completion"])
def test_the_slightest_forgery_is_rejected_and_the_bound_still_holds(name, forge, file):
    problem, W, certificate = solved(name)
    go.save_certificate(file, problem, W, certificate)
    saved = json.loads(file.read_text())
    forge(saved)
    file.write_text(json.dumps(saved))
    found = go.verify_certificate(file)
    assert not found.confirmed
    assert all(isinstance(reason, str) and reason for reason in found.reasons)
    assert not math.isnan(found.lower_bound)
    if forge not in (smaller_lam, changed_data):  # they change the problem, and with it the optimum
        assert found.lower_bound <= float(certificate.objective) * (1 + 1e-12)


SLOW = {"logistic free bias", "cross entropy free bias", "hidden biases of classes"}
"""Huge weights under a free output bias: finding it takes the loss many steps."""


@pytest.mark.parametrize("name", sorted(set(PROBLEMS) - SLOW))
def test_no_blow_up_of_the_weights_hides_a_raised_bound(name, file):
    """The objective of inflated weights is huge, and so was a slack relative to it: F* is not moved by weights."""
    problem, W, certificate = solved(name)
    optimum, bound = float(certificate.objective), float(certificate.lower_bound)
    random = np.random.default_rng(7)
    confirmed = 0
    for trial in range(16):
        factor, raised = 10 ** random.uniform(0, 12, 2)
        V = tuple(w * factor for w in W)
        objective = problem(*V)
        go.save_certificate(file, problem, V, replace(certificate, objective=objective))
        confirmed += go.verify_certificate(file).confirmed
        saved = json.loads(file.read_text())
        claim = optimum * (1 + 1e-9 * raised) if trial % 2 else random.uniform(optimum, float(objective))
        saved["lower_bound"] = max(claim, bound + 1e-9 * abs(bound))
        file.write_text(json.dumps(saved))
        found = go.verify_certificate(file)
        assert not found.confirmed
        assert found.lower_bound <= optimum * (1 + 1e-12)
    assert confirmed == 16


@pytest.mark.parametrize("scale", [1e-150, 1e-100, 1e-30, 1e-6, 1e-3, 1e6, 1e100])
@pytest.mark.parametrize("name", ["squared", "squared d=3", "squared free bias", "factorization", "completion"])
def test_valid_certificates_are_confirmed_in_every_unit(name, scale, file):
    """f(cU, cV) with Y and λ in units c², S in units 1: all numbers of the certificate scale."""
    problem, W, certificate = solved(name)
    go.save_certificate(file, problem, W, certificate)
    saved = json.loads(file.read_text())
    root = 2.0 ** round(math.log2(scale) / 2)
    unit = root * root
    powers = {"Y": unit, "G": unit, "U": root, "V": root, "b": unit, "lam": unit}
    powers |= {"objective": unit * unit, "lower_bound": unit * unit}
    for key, power in powers.items():
        saved[key] = (np.array(saved[key]) * power).tolist()
    file.write_text(json.dumps(saved))
    found = go.verify_certificate(file)
    assert found.confirmed, found.reasons
    assert found.lower_bound == saved["lower_bound"]
    saved["lower_bound"] *= 1 + 1e-15
    file.write_text(json.dumps(saved))
    assert not go.verify_certificate(file).confirmed


@pytest.mark.parametrize("unit", [1e-250, 1e250])
def test_proofs_by_cones_are_found_in_every_unit(unit, file):
    S, y = randn("cones in units", 9, 4), randn("cones in units, targets", 9, 1)
    loss = go.SquaredLoss(y, weights=torch.full((9,), unit, dtype=torch.float64))
    problem = go.Problem(loss, go.ReluUnit(S), go.SumOfSquares(), 2 * unit)
    solution = go.solve(problem, tol=1e-4)
    go.save_certificate(file, problem, solution.weights, solution.certificate)
    found = go.verify_certificate(file)
    assert found.confirmed, found.reasons
    assert 0 <= found.gap <= 1e-3 * found.objective
    assert NODE is None or check_with_node([file.read_text()])[0]["confirmed"]


def test_an_infeasible_dual_is_named(file):
    problem, W, certificate = solved("squared")
    go.save_certificate(file, problem, W, certificate)
    saved = json.loads(file.read_text())
    saved["G"] = (2 * np.array(saved["G"])).tolist()
    file.write_text(json.dumps(saved))
    found = go.verify_certificate(file)
    assert found.lower_bound == -math.inf
    assert any("not feasible" in reason for reason in found.reasons)


def test_a_closed_form_factorization_is_confirmed(file):
    """F* = ½‖Y‖² less what singular value thresholding gains (eq. 8), known without any solver."""
    problem = go.Problem(go.SquaredLoss(Y), go.MatrixProduct(N, 2), go.SumOfSquares(), 1.0)
    U, s, Vh = torch.linalg.svd(Y, full_matrices=False)
    root = (s - 1).clamp(min=0).sqrt()
    W = (U.mT * root[:, None])[None], (Vh * root[:, None])[None]
    go.save_certificate(file, problem, W, go.certify(problem, W))
    found = go.verify_certificate(file)
    exact = sum(0.5 * x * x if x <= 1 else x - 0.5 for x in s.tolist())
    assert found.confirmed
    assert found.objective == pytest.approx(exact, rel=1e-12)
    assert found.lower_bound == pytest.approx(exact, rel=1e-10)


@pytest.mark.parametrize(
    ("change", "status", "said"),
    [({}, 0, "confirmed"), ({"objective": 0.5}, 1, "REJECTED"), ({"lam": 0}, 2, "must be")],
)
def test_the_checker_runs_alone_with_nothing_installed(change, status, said, file):
    """-I -S: no site-packages, no environment, only the folder of the checker and the standard library."""
    go.save_certificate(file, *solved("squared"))
    file.write_text(json.dumps(json.loads(file.read_text()) | change))
    folder = Path(check.__file__).parents[1]
    code = "import sys; sys.path.insert(0, sys.argv[1]); from exact.__main__ import main; sys.exit(main(sys.argv[2:]))"
    command = [sys.executable, "-I", "-S", "-X", "utf8", "-c", code, str(folder), str(file)]
    run = subprocess.run(command, capture_output=True, text=True, check=False, encoding="utf-8")
    assert run.returncode == status, run.stderr
    assert said in run.stdout + run.stderr
