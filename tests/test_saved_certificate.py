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
from global_optimality.exact import check

N = 10


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=go.generator(seed, "verify", *shape), dtype=torch.float64)


def relu_problem(loss, d: int = 2, lam: float = 0.4) -> go.Problem:
    S = torch.cat([normal(N, d - 1), torch.ones(N, 1, dtype=torch.float64)], 1) if d > 1 else normal(N, 1)
    return go.Problem(loss, go.ReluUnit(S, loss.Y.shape[1]), go.SumOfSquares(), lam)


Y = torch.sin(2 * normal(N, 2, seed=1)) + 0.5
SIGNS = torch.where(Y > 0.6, 1.0, -1.0).double()
LABELS = (Y[:, 0] > 0).long() + (Y[:, 1] > 0.8).long()
WEIGHTS = torch.linspace(0.5, 2, N, dtype=torch.float64)
MASK = normal(N, 2, seed=2) > -0.7
PROBLEMS = {
    "squared": relu_problem(go.SquaredLoss(Y)),
    "squared d=1": relu_problem(go.SquaredLoss(Y[:, :1]), d=1),
    "squared d=3": relu_problem(go.SquaredLoss(Y[:, :1]), d=3),
    "squared free bias": relu_problem(go.SquaredLoss(Y[:, :1], output_bias=0.0)),
    "squared weighted": relu_problem(go.SquaredLoss(Y, weights=WEIGHTS, output_bias=0.3)),
    "masked relu": relu_problem(go.MaskedSquaredLoss(Y, MASK)),
    "logistic": relu_problem(go.LogisticLoss(SIGNS[:, :1], weights=WEIGHTS)),
    "logistic free bias": relu_problem(go.LogisticLoss(SIGNS[:, :1], output_bias=0.0)),
    "logistic decayed bias": relu_problem(go.LogisticLoss(SIGNS[:, :1], output_bias=0.5)),
    "cross entropy": relu_problem(go.CrossEntropyLoss(LABELS), lam=0.8),
    "cross entropy free bias": relu_problem(go.CrossEntropyLoss(LABELS, weights=WEIGHTS, output_bias=0.0), lam=0.8),
    "hidden biases": go.Problem(
        go.SquaredLoss(Y[:, :1], output_bias=0.0),
        go.BiasedReluUnit(normal(N, 2, seed=3)),
        go.OnLayers(go.SumOfSquares(), (0, 2)),
        0.4,
    ),
    "hidden biases of classes": go.Problem(
        go.CrossEntropyLoss(LABELS, output_bias=0.0),
        go.BiasedReluUnit(normal(N, 1, seed=4), 3),
        go.OnLayers(go.ProductOfNorms((go.Norm.TWO, go.Norm.TWO)), (0, 2)),
        0.5,
    ),
    "factorization": go.Problem(go.SquaredLoss(Y), go.MatrixProduct(N, 2), go.SumOfSquares(), 1.0),
    "completion": go.Problem(go.MaskedSquaredLoss(Y, MASK), go.MatrixProduct(N, 2), go.ProductOfNorms(), 0.5),
}
FILES: dict[str, tuple[go.Problem, tuple, object]] = {}


def solved(name: str):
    if name not in FILES:
        solution = go.solve(PROBLEMS[name], tol=1e-7)
        FILES[name] = solution.problem, solution.weights, solution.certificate
    return FILES[name]


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
    for trial in range(40):
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
    assert confirmed == 40


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


def test_an_infeasible_dual_is_named(file):
    problem, W, certificate = solved("squared")
    go.save_certificate(file, problem, W, certificate)
    saved = json.loads(file.read_text())
    saved["G"] = (2 * np.array(saved["G"])).tolist()
    file.write_text(json.dumps(saved))
    found = go.verify_certificate(file)
    assert found.lower_bound == -math.inf
    assert any("not feasible" in reason for reason in found.reasons)


def damaged(**changes):
    return lambda text: json.dumps(json.loads(text) | changes)


DAMAGES = {
    "another format": (damaged(format="another"), "not a saved certificate"),
    "a list": (lambda text: "[1, 2]", "not a saved certificate"),
    "an unknown key": (damaged(more=1), "'more' is unknown"),
    "a missing key": (lambda text: text.replace('"lam"', '"mal"'), "'lam' is missing"),
    "a negative λ": (damaged(lam=-1.0), "must be positive"),
    "no λ": (damaged(lam=None), "lam holds 'None', which is not a number"),
    "λ as text": (damaged(lam="0.4"), "lam holds '0.4', which is not a number"),
    "λ true": (damaged(lam=True), "lam holds 'True', which is not a number"),
    "another loss": (damaged(loss="hinge"), "the loss 'hinge' is none of"),
    "a loss as a list": (damaged(loss=["squared"]), "is none of"),
    "negative weights": (damaged(weights=[-1.0] * N), "must be positive"),
    "a weight too few": (damaged(weights=[1.0]), "weights has length 1"),
    "a bias as text": (damaged(output_bias="free"), "output_bias holds 'free'"),
    "a bias as a list": (damaged(output_bias=[0.0]), "not a number"),
    "a bias as an object": (damaged(output_bias={}), "not a number"),
    "NaN": (damaged(objective=math.nan), "NaN is not finite"),
    "infinite": (damaged(lower_bound=-math.inf), "-Infinity is not finite"),
    "too large": (lambda text: text.replace('"lam": 0.4', '"lam": 1e400'), "lam holds a number that is not finite"),
    "a huge integer": (damaged(objective=10**400), "objective holds a number that is not finite"),
    "twice": (lambda text: text.replace('"lam": 0.4', '"lam": 0.3, "lam": 0.4'), "'lam' stands there twice"),
    "deep brackets": (lambda text: "[" * 100_000, "brackets within brackets"),
    "cut short": (lambda text: text[: len(text) // 2], "damaged|Expecting|Unterminated|Invalid"),
    "ragged": (damaged(Y=[[1.0, 2.0]] * (N - 1) + [[1.0]]), "rows of Y differ in length"),
    "one number in text": (damaged(U=[["1"]]), "U holds '1', which is not a number"),
    "a wrong shape": (damaged(U=[[1.0]]), "U has shape (1, 1), expected (1, 2)"),
    "no rows": (damaged(Y=[]), "at least one row"),
    "a vector": (damaged(Y=[1.0] * N), "Y is no matrix"),
    "other labels": (damaged(loss="logistic"), "labels of the logistic"),
    "half a mask": (damaged(mask=[[0.5, 1]] * N), "mask must hold 0 and 1"),
    "hidden biases without a free output bias": (damaged(a=[0.0] * 3), "a free output bias"),
    "a proof not needed": (damaged(proof={}), "more than three columns"),
    "a proof as text": (damaged(proof="yes"), "'proof' is neither"),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_damaged_files_are_refused_by_name(name, file):
    damage, message = DAMAGES[name]
    problem, W, certificate = solved("squared")
    go.save_certificate(file, problem, W, certificate)
    file.write_text(damage(file.read_text()))
    for reader in (go.verify_certificate, go.load_certificate):
        with pytest.raises(ValueError, match=message.replace("(", r"\(").replace(")", r"\)")) as caught:
            reader(file)
        assert file.name in str(caught.value)


def test_bytes_that_are_no_text_are_refused_by_name(file):
    file.write_bytes(b"\xff\xfe{}")
    with pytest.raises(ValueError, match="it is not UTF-8 text"):
        go.verify_certificate(file)


def test_what_cannot_be_saved_is_refused_and_leaves_the_old_file(file):
    problem, W, certificate = solved("squared")
    go.save_certificate(file, problem, W, certificate)
    before = file.read_bytes()
    infinite = go.certify(problem, tuple(w * torch.inf for w in W))
    with pytest.raises(ValueError, match="no finite lower bound"):
        go.save_certificate(file, problem, W, infinite)
    other = go.Problem(go.SquaredLoss(Y), go.MatrixProduct(N, 2), go.ProductOfNorms((go.Norm.ONE, go.Norm.TWO)), 1.0)
    with pytest.raises(ValueError, match="SumOfSquares"):
        go.save_certificate(file, other, other.random(1, 2), go.certify(other, other.random(1, 2)))
    low = go.Problem(go.SquaredLoss(Y.float()), go.MatrixProduct(N, 2), go.SumOfSquares(), 1.0)
    with pytest.raises(ValueError, match="float32"):
        go.save_certificate(file, low, low.random(1, 2), go.certify(low, low.random(1, 2)))
    assert file.read_bytes() == before
    assert list(file.parent.iterdir()) == [file]


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
