"""Proofs by signs of rows, checked in exact arithmetic; what they cannot prove is refused."""

import copy
import json

import numpy as np
import pytest
import torch

from global_optimality import (
    Effort,
    Problem,
    ReluUnit,
    SquaredLoss,
    SumOfSquares,
    save_certificate,
    solve,
    verify_certificate,
)
from global_optimality.cone_proof import prove_by_cones
from global_optimality.exact.trees import ProofError, check_proof
from global_optimality.polar.relu_enclosure import enclose
from global_optimality.row_proof import prove_by_rows
from relu_draws import seeded as normal
from tests.node import NODE, check_with_node


@pytest.fixture(scope="module", params=[(10, 4, 1), (12, 6, 2)])
def case(request):
    N, d, seed = request.param
    S, q = normal(N, d, seed=seed), normal(N, seed=seed + 10)
    S[2], S[4] = S[1], 0.0  # equal rows, and one that is zero
    return S.numpy(), q.numpy(), float(enclose(S, q[None, :, None], Effort(tolerance=1e-6), starts=8).upper)


def checked(S, q, lam, proof):
    check_proof(S.tolist(), (-q[:, None]).tolist(), lam, proof)


def test_what_is_enclosed_is_proved_exactly(case):
    S, q, upper = case
    lam = upper * (1 + 1e-4)
    proof = prove_by_rows(S, q, lam)
    checked(S, q, lam, proof)
    assert any(node.get("y") for node in proof["plus"])
    with pytest.raises(ProofError):
        checked(S, q, lam * (1 - 1e-2), proof)
    with pytest.raises(ProofError):
        checked(S, q * (1 + 1e-2), lam, proof)


def test_longer_products_and_larger_shares_are_refused(case):
    S, q, upper = case
    lam = upper * (1 + 1e-3)
    proof = prove_by_rows(S, q, lam)
    for key, factor in (("y", 2.0), ("beta", 0.5), ("gamma", 0.5), ("t", 0.9), ("mu", 0.9)):
        forged = copy.deepcopy(proof)
        for node in forged["plus"]:
            if key == "y" and node.get(key):
                node[key] = [[i, rho, [factor * v for v in y]] for i, rho, y in node[key]]
            elif key in node and key != "y":
                node[key] = (np.array(node[key]) * factor).tolist()
        with pytest.raises(ProofError):
            checked(S, q, lam, forged)


def test_false_bounds_and_little_effort_end_without_a_proof(case):
    S, q, upper = case
    with pytest.raises(ValueError, match="no proof"):
        prove_by_rows(S, q, 0.99 * upper, Effort(nodes=300))
    with pytest.raises(ValueError, match="101 columns"):
        prove_by_rows(np.eye(3, 101), np.ones(3), 1.0)
    with pytest.raises(ValueError, match="within 1 cells"):
        prove_by_rows(S, q, upper * (1 + 1e-6), Effort(nodes=1))


def test_units_do_not_matter(case):
    S, q, upper = case
    for of_S, of_q in ((1e8, 1e-20), (2.0**-60, 2.0**50), (1e-150, 1e-100)):
        lam = upper * (1 + 1e-3) * of_S * of_q
        checked(of_S * S, of_q * q, lam, prove_by_rows(of_S * S, of_q * q, lam))


@pytest.mark.slow
def test_a_certificate_of_six_columns_is_saved_and_checked_in_both_languages(tmp_path):
    S = torch.cat([normal(14, 5, seed=3), torch.ones(14, 1, dtype=torch.float64)], 1)
    problem = Problem(SquaredLoss(torch.sin(2 * S[:, :1]) + S[:, 1:2]), ReluUnit(S), SumOfSquares(), 0.6)
    solution = solve(problem, tol=1e-4)
    save_certificate(tmp_path / "six.json", problem, solution.weights, solution.certificate)
    saved = json.loads((tmp_path / "six.json").read_text())
    assert saved["proof"]["split"] == "rows"
    leaf = next(node for node in saved["proof"]["plus"] if node.get("y"))
    forged = copy.deepcopy(saved)
    forged["proof"]["plus"][saved["proof"]["plus"].index(leaf)]["y"][0][2] = [9.0] * 6
    good, bad = (verify_text(tmp_path, text) for text in (saved, forged))
    assert good
    assert not bad
    if NODE is not None:
        good, bad = check_with_node([json.dumps(saved), json.dumps(forged)])
        assert good["confirmed"], good
        assert not bad["confirmed"]


def verify_text(folder, saved):
    file = folder / "text.json"
    file.write_text(json.dumps(saved))
    return verify_certificate(file).confirmed


@pytest.mark.parametrize("prove", [prove_by_cones, prove_by_rows])
def test_a_function_that_is_zero_is_proved_and_what_float64_cannot_hold_is_refused(case, prove):
    S, q, upper = case
    alone = np.zeros_like(S)
    alone[0] = S[0]
    for rows, weights in ((0 * S, q), (S, 0 * q), (alone, np.where(alone.any(1), 0.0, q))):
        checked(rows, weights, 1e-9, prove(rows, weights, 1e-9))
    checked(S, q, 1e300, prove(S, q, 1e300))
    with pytest.raises(ValueError, match="no proof"):
        prove(S[:, :1], q, 1e-9, Effort(nodes=9))
    with pytest.raises(ValueError, match="multiply"):
        prove(1e-300 * S, q, upper)


@pytest.mark.parametrize("prove", [prove_by_cones, prove_by_rows])
def test_how_numpy_takes_an_underflow_is_no_matter(case, prove):
    S, q, upper = case
    S = S * np.where(np.arange(len(S)) == 5, 1e-100, 1.0)[:, None]
    with np.errstate(all="raise"):
        checked(S, 1e-150 * q, 2e-150 * upper, prove(S, 1e-150 * q, 2e-150 * upper))


@pytest.mark.parametrize("prove", [prove_by_cones, prove_by_rows])
def test_a_row_that_is_zero_hides_none_however_large_its_weight(case, prove):
    S, q, upper = case
    q = np.where(S.any(1), 1e-200 * q, 1.0)
    checked(S, q, 1.1e-200 * upper, prove(S, q, 1.1e-200 * upper))
    with pytest.raises(ValueError, match="no proof"):
        prove(S, q, 0.9e-200 * upper, Effort(nodes=300))
