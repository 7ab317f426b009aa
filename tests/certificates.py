"""Valid saved certificates of every kind that the checkers know, small."""

import json
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

from global_optimality import Problem, ReluUnit, SquaredLoss, SumOfSquares, save_certificate, solve
from tests.saved_problems import PROBLEMS, normal, solved


def four_columns(count: int = 8) -> Problem:
    S = torch.cat([normal(count, 3, seed=30), torch.ones(count, 1, dtype=torch.float64)], 1)
    return Problem(SquaredLoss(torch.sin(2 * S[:, :1]) + S[:, 1:2]), ReluUnit(S), SumOfSquares(), 0.6)


def rows_proof(S: np.ndarray, q: np.ndarray, rows: list[int]) -> dict[str, Any]:
    """Splits of all these rows, to leaves that are exact in them; the others have majorants with α = q/2."""
    return {"split": "rows", "plus": _rows_tree(S, q, rows, {}), "minus": _rows_tree(S, -q, rows, {})}


def _rows_tree(S: np.ndarray, q: np.ndarray, rows: list[int], fixed: dict[int, int]) -> list[dict[str, Any]]:
    if rows:
        i, *rest = rows
        halves = [_rows_tree(S, q, rest, fixed | {i: sign}) for sign in (1, -1)]
        return [{"row": i}, *halves[0], *halves[1]]
    sign = np.array([fixed.get(i, 0) for i in range(len(q))])
    alpha = np.where(sign == 0, q / 2, np.where(sign > 0, q, 0.0))
    beta = np.where(sign == 0, np.abs(q) / 4, 0.0)
    gamma = np.where(sign == 0, np.abs(q) / 4 * (1 + 1e-12), 0.0)  # 4βγ ≥ (q/2)², with room for rounding
    A, g = S.T @ (beta[:, None] * S), S.T @ alpha
    half = np.linalg.norm(g) / 2
    mu = np.linalg.eigvalsh(A)[-1] + half * (1 + 1e-9) + 1e-9
    leaf = {"alpha": alpha.tolist(), "beta": beta.tolist(), "gamma": gamma.tolist(), "mu": mu, "t": half}
    closed = np.flatnonzero((sign < 0) & (np.abs(S).max(1) > 0))
    if len(closed):  # a row that is not positive: z·yᵀu may be taken for |z|‖y‖ at the price of α ≤ −ρ
        i = int(closed[0])
        rho = 1e-3 * float(np.abs(q).max())
        y = rho * (1 - 1e-9) * S[i] / np.linalg.norm(S[i])
        leaf["alpha"][i], leaf["y"] = -rho, [[i, rho, y.tolist()]]
        g = S.T @ np.array(leaf["alpha"])
        A = A - (np.outer(S[i], y) + np.outer(y, S[i])) / 2
        half = np.linalg.norm(g) / 2
        leaf["mu"], leaf["t"] = float(np.linalg.eigvalsh(A)[-1] + half * (1 + 1e-9) + 1e-9), half
    return [leaf]


@cache
def valid_certificates() -> dict[str, dict[str, Any]]:
    """By name, the files' contents; solved once a process."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "certificate.json"
        for name in PROBLEMS:
            save_certificate(file, *solved(name))
            found[name] = json.loads(file.read_text())
        solution = solve(four_columns(), tol=1e-8)
        save_certificate(file, solution.problem, solution.weights, solution.certificate)
        found["cones"] = json.loads(file.read_text())
        found["rows"] = _by_rows(found["cones"])
    return found


def _by_rows(cones: dict[str, Any]) -> dict[str, Any]:
    """The same problem, its dual point scaled to what a tree of rows proves."""
    S, q = np.array(cones["S"]), -np.array(cones["G"])[:, 0]
    proof = rows_proof(S, q, list(range(5)))
    leaves = [node for side in ("plus", "minus") for node in proof[side] if "mu" in node]
    top = max(sum(leaf["gamma"]) + leaf["mu"] + leaf["t"] for leaf in leaves)
    scale = cones["lam"] / top * (1 - 1e-12)
    for leaf in leaves:
        for key in ("alpha", "beta", "gamma"):
            leaf[key] = [x * scale for x in leaf[key]]
        leaf["mu"], leaf["t"] = leaf["mu"] * scale, leaf["t"] * scale
        if "y" in leaf:
            leaf["y"] = [[i, rho * scale, [x * scale for x in y]] for i, rho, y in leaf["y"]]
    G = (np.array(cones["G"]) * scale).tolist()
    y = np.array(cones["Y"])
    bound = -float(np.sum(0.5 * np.array(G) ** 2 + np.array(G) * y))
    return cones | {"G": G, "proof": proof, "lower_bound": bound - 1e-12 * abs(bound)}
