"""A saved certificate is checked by code that shares nothing with the solver, and a forged one is rejected."""

import ast
import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import global_optimality.verify as verify
from global_optimality import (
    CrossEntropyLoss,
    LogisticLoss,
    MaskedSquaredLoss,
    MatrixProduct,
    Norm,
    Problem,
    ProductOfNorms,
    ReluUnit,
    SquaredLoss,
    SumOfSquares,
    Verdict,
    certify,
    generator,
    load_certificate,
    polar_of,
    save_certificate,
    solve,
    verify_certificate,
)

N = 10


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=generator(seed, "verify", *shape), dtype=torch.float64)


def relu_problem(loss, d: int = 2, lam: float = 0.4) -> Problem:
    S = torch.cat([normal(N, d - 1), torch.ones(N, 1, dtype=torch.float64)], 1) if d > 1 else normal(N, 1)
    return Problem(loss, ReluUnit(S, loss.Y.shape[1]), SumOfSquares(), lam)


Y = torch.sin(2 * normal(N, 2, seed=1)) + 0.5
SIGNS = torch.where(Y > 0.6, 1.0, -1.0).double()
LABELS = (Y[:, 0] > 0).long() + (Y[:, 1] > 0.8).long()
WEIGHTS = torch.linspace(0.5, 2, N, dtype=torch.float64)
MASK = normal(N, 2, seed=2) > -0.7
PROBLEMS = {
    "squared": relu_problem(SquaredLoss(Y)),
    "squared d=1": relu_problem(SquaredLoss(Y[:, :1]), d=1),
    "squared d=3": relu_problem(SquaredLoss(Y[:, :1]), d=3),
    "squared free bias": relu_problem(SquaredLoss(Y[:, :1], output_bias=0.0)),
    "squared weighted": relu_problem(SquaredLoss(Y, weights=WEIGHTS, output_bias=0.3)),
    "masked relu": relu_problem(MaskedSquaredLoss(Y, MASK)),
    "logistic": relu_problem(LogisticLoss(SIGNS[:, :1], weights=WEIGHTS)),
    "logistic free bias": relu_problem(LogisticLoss(SIGNS[:, :1], output_bias=0.0)),
    "logistic decayed bias": relu_problem(LogisticLoss(SIGNS[:, :1], output_bias=0.5)),
    "cross entropy": relu_problem(CrossEntropyLoss(LABELS), lam=0.8),
    "cross entropy free bias": relu_problem(CrossEntropyLoss(LABELS, weights=WEIGHTS, output_bias=0.0), lam=0.8),
    "factorization": Problem(SquaredLoss(Y), MatrixProduct(N, 2), SumOfSquares(), 1.0),
    "completion": Problem(MaskedSquaredLoss(Y, MASK), MatrixProduct(N, 2), ProductOfNorms(), 0.5),
}
FILES: dict[str, tuple[Problem, tuple, object]] = {}


def solved(name: str):
    if name not in FILES:
        solution = solve(PROBLEMS[name], tol=1e-7)
        FILES[name] = solution.problem, solution.weights, solution.certificate
    return FILES[name]


@pytest.fixture
def file(tmp_path) -> Path:
    return tmp_path / "certificate.json"


@pytest.mark.parametrize("name", PROBLEMS)
def test_solved_problems_are_confirmed_to_rounding(name, file):
    problem, W, certificate = solved(name)
    assert certificate.verdict(1e-6) == (Verdict.CERTIFIED,)
    save_certificate(file, problem, W, certificate)
    found = verify_certificate(file)
    assert found.confirmed, found.reasons
    assert found.objective == pytest.approx(float(certificate.objective[0]), rel=1e-12)
    assert found.lower_bound == pytest.approx(float(certificate.lower_bound[0]), rel=1e-10)
    assert found.gap <= 1e-6 * found.objective
    assert found.polar == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("name", ["squared d=3", "logistic free bias", "cross entropy", "completion"])
def test_certificates_far_from_the_optimum_are_confirmed_too(name, file):
    problem = PROBLEMS[name]
    W = problem.random(2, 3, seed=4)
    certificate = certify(problem, W)
    save_certificate(file, problem, W, certificate, run=1)
    found = verify_certificate(file)
    assert found.confirmed, found.reasons
    assert found.lower_bound == pytest.approx(float(certificate.lower_bound[1]), rel=1e-9)
    assert found.gap > 0


@pytest.mark.parametrize("name", ["squared weighted", "cross entropy free bias", "completion", "masked relu"])
def test_a_loaded_certificate_is_the_saved_one(name, file):
    problem, W, certificate = solved(name)
    save_certificate(file, problem, W, certificate)
    again, weights = load_certificate(file)
    assert float(again(*weights)) == pytest.approx(float(certificate.objective), rel=1e-13)
    repeated = certify(again, weights)
    assert float(repeated.lower_bound) == pytest.approx(float(certificate.lower_bound), rel=1e-10)


def raised_bound(saved):
    saved["lower_bound"] += 1e-6 * abs(saved["lower_bound"])


def lowered_objective(saved):
    saved["objective"] -= 1e-6 * saved["objective"]


def scaled_dual(saved):
    saved["G"] = (np.array(saved["G"]) * (1 + 1e-6)).tolist()


def foreign_dual(saved):
    G = np.array(saved["G"])
    G[0, 0] += 0.01 * np.abs(G).max()
    saved["G"] = G.tolist()


def changed_weights(saved):
    saved["V"][0][0] += 1e-2


def smaller_lam(saved):
    saved["lam"] *= 1 - 1e-6


def changed_data(saved):
    saved["Y"][0], saved["Y"][-1] = saved["Y"][-1], saved["Y"][0]


FORGERIES = [raised_bound, lowered_objective, scaled_dual, foreign_dual, changed_weights, smaller_lam, changed_data]


@pytest.mark.parametrize("forge", FORGERIES)
@pytest.mark.parametrize("name", ["squared free bias", "logistic", "cross entropy", "completion"])
def test_forgeries_are_rejected_and_the_bound_still_holds(name, forge, file):
    problem, W, certificate = solved(name)
    save_certificate(file, problem, W, certificate)
    saved = json.loads(file.read_text())
    if forge is changed_data and saved["Y"][0] == saved["Y"][-1]:
        saved["Y"].insert(0, saved["Y"].pop(next(i for i, y in enumerate(saved["Y"]) if y != saved["Y"][0])))
    else:
        forge(saved)
    file.write_text(json.dumps(saved))
    found = verify_certificate(file)
    assert not found.confirmed
    assert all(isinstance(reason, str) and reason for reason in found.reasons)
    assert not math.isnan(found.lower_bound)
    if forge not in (smaller_lam, changed_data):  # they change the problem, and with it the optimum
        assert found.lower_bound <= float(certificate.objective) * (1 + 1e-12)


@pytest.mark.parametrize("name", sorted(set(PROBLEMS) - {"logistic free bias", "cross entropy free bias"}))
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
        save_certificate(file, problem, V, replace(certificate, objective=objective))
        confirmed += verify_certificate(file).confirmed
        saved = json.loads(file.read_text())
        claim = optimum * (1 + 1e-9 * raised) if trial % 2 else random.uniform(optimum, float(objective))
        saved["lower_bound"] = max(claim, bound + 1e-9 * abs(bound))
        file.write_text(json.dumps(saved))
        found = verify_certificate(file)
        assert not found.confirmed
        assert found.lower_bound <= optimum * (1 + 1e-12)
    assert confirmed == 40


@pytest.mark.parametrize("scale", [1e-150, 1e-100, 1e-30, 1e-6, 1e-3, 1e6, 1e100])
@pytest.mark.parametrize("name", ["squared", "squared d=3", "squared free bias", "factorization", "completion"])
def test_valid_certificates_are_confirmed_in_every_unit(name, scale, file):
    """f(cU, cV) with Y and λ in units c², S in units 1: all numbers of the certificate scale."""
    problem, W, certificate = solved(name)
    save_certificate(file, problem, W, certificate)
    saved = json.loads(file.read_text())
    root = 2.0 ** round(math.log2(scale) / 2)
    unit = root * root
    powers = {"Y": unit, "G": unit, "U": root, "V": root, "b": unit, "lam": unit}
    powers |= {"objective": unit * unit, "lower_bound": unit * unit}
    for key, power in powers.items():
        saved[key] = (np.array(saved[key]) * power).tolist()
    file.write_text(json.dumps(saved))
    found = verify_certificate(file)
    assert found.confirmed, found.reasons
    assert found.lower_bound == pytest.approx(saved["lower_bound"], rel=1e-9)
    saved["lower_bound"] *= 1 + 1e-8
    file.write_text(json.dumps(saved))
    assert not verify_certificate(file).confirmed


def test_an_infeasible_dual_is_named(file):
    problem, W, certificate = solved("squared")
    save_certificate(file, problem, W, certificate)
    saved = json.loads(file.read_text())
    saved["G"] = (2 * np.array(saved["G"])).tolist()
    file.write_text(json.dumps(saved))
    found = verify_certificate(file)
    assert found.polar == pytest.approx(2, rel=1e-6)
    assert any("not feasible" in reason for reason in found.reasons)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": "another"}, "not a saved certificate"),
        ({"lam": -1.0}, "must be positive"),
        ({"lam": None}, "damaged"),
        ({"loss": "hinge"}, "damaged"),
        ({"weights": [-1.0] * N}, "must be positive"),
        ({"objective": float("nan")}, "not finite"),
        ({"U": [[1.0]]}, "expected"),
        ({"S": [[1.0] * 4] * N}, "at most 3 columns"),
        ({"loss": "logistic"}, "labels of the logistic"),
        ({"Y": [1.0] * N}, "must be matrices"),
    ],
)
def test_damaged_files_are_refused(change, message, file):
    problem, W, certificate = solved("squared")
    save_certificate(file, problem, W, certificate)
    saved = json.loads(file.read_text()) | change
    file.write_text(json.dumps(saved))
    with pytest.raises(ValueError, match=message):
        verify_certificate(file)


def test_what_cannot_be_saved_is_refused_and_leaves_the_old_file(file):
    problem, W, certificate = solved("squared")
    save_certificate(file, problem, W, certificate)
    before = file.read_bytes()
    infinite = certify(problem, tuple(w * torch.inf for w in W))
    with pytest.raises(ValueError, match="no finite lower bound"):
        save_certificate(file, problem, W, infinite)
    other = Problem(SquaredLoss(Y), MatrixProduct(N, 2), ProductOfNorms((Norm.ONE, Norm.TWO)), 1.0)
    with pytest.raises(ValueError, match="SumOfSquares"):
        save_certificate(file, other, other.random(1, 2), certify(other, other.random(1, 2)))
    low = Problem(SquaredLoss(Y.float()), MatrixProduct(N, 2), SumOfSquares(), 1.0)
    with pytest.raises(ValueError, match="float32"):
        save_certificate(file, low, low.random(1, 2), certify(low, low.random(1, 2)))
    assert file.read_bytes() == before
    assert list(file.parent.iterdir()) == [file]


DEGENERATE = {
    "generic": normal(8, 3, seed=5),
    "bias": torch.cat([normal(8, 2, seed=6), torch.ones(8, 1, dtype=torch.float64)], 1),
    "duplicates": normal(4, 3, seed=7).repeat(2, 1),
    "opposite": torch.cat([normal(4, 3, seed=8), -2 * normal(4, 3, seed=8)]),
    "axes": torch.cat([torch.eye(3), -torch.eye(3), torch.ones(1, 3), torch.zeros(1, 3)]).double(),
    "grid": torch.cartesian_prod(*[torch.arange(3.0)] * 2, torch.ones(1)).double(),
    "rank 2": normal(8, 2, seed=9) @ normal(2, 3, seed=10),
    "d=2": normal(8, 2, seed=11),
    "d=1": normal(8, 1, seed=12),
    "zero": torch.zeros(4, 2, dtype=torch.float64),
}


@pytest.mark.parametrize("outputs", [1, 3])
@pytest.mark.parametrize("name", DEGENERATE)
def test_the_brute_force_polar_agrees_with_the_exact_one_and_dominates_samples(name, outputs):
    S = DEGENERATE[name]
    Q = normal(len(S), outputs, seed=13)
    mine = verify.relu(S.numpy(), Q.numpy())
    problem = Problem(SquaredLoss(Q), ReluUnit(S, outputs), SumOfSquares(), 1.0)
    bound = polar_of(problem)(Q[None])
    assert mine.upper == pytest.approx(float(bound.upper), rel=1e-9, abs=1e-13)
    assert mine.lower <= float(bound.upper)
    u = torch.nn.functional.normalize(normal(4000, S.shape[1], seed=14), dim=1)
    assert float((torch.relu(u @ S.mT) @ Q).norm(dim=1).max()) <= mine.upper


def test_the_checker_imports_numpy_and_the_standard_library_only():
    tree = ast.parse(Path(verify.__file__).read_text())
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    relative = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.level]
    assert names == {"json", "math", "collections.abc", "dataclasses", "pathlib", "typing", "numpy"}
    assert not relative


def test_a_closed_form_factorization_is_confirmed(file):
    """F* = ½‖Y‖² less what singular value thresholding gains (eq. 8), known without any solver."""
    problem = Problem(SquaredLoss(Y), MatrixProduct(N, 2), SumOfSquares(), 1.0)
    U, s, Vh = torch.linalg.svd(Y, full_matrices=False)
    root = (s - 1).clamp(min=0).sqrt()
    W = (U.mT * root[:, None])[None], (Vh * root[:, None])[None]
    save_certificate(file, problem, W, certify(problem, W))
    found = verify_certificate(file)
    exact = sum(0.5 * x * x if x <= 1 else x - 0.5 for x in s.tolist())
    assert found.confirmed
    assert found.objective == pytest.approx(exact, rel=1e-12)
    assert found.lower_bound == pytest.approx(exact, rel=1e-10)
