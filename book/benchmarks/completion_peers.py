"""Nuclear-norm completion to a certified gap of 1e-6: ours, CVXPY with two solvers, and fancyimpute's soft-impute."""

import importlib
from collections.abc import Callable
from typing import Any

import cvxpy as cp
import numpy as np
import pandas as pd
import torch

from claimbook.sweeps import Sweep
from global_optimality import convex
from global_optimality.streams import generator, normal

from .timing import clocked

GAP = 1e-6
SIZES = [list(size) for size in ((20, 16), (30, 24), (40, 32), (80, 64), (500, 400), (5000, 50))]
RANK = 5
CVXPY_UP_TO = {"SCS": 6000, "CLARABEL": 1300}
"""Entries up to which CVXPY solves its semidefinite program: beyond, half a minute and more."""
THRESHOLDS = (1e-5, 1e-6, 1e-7, 1e-8, 1e-9)
"""Of soft-impute's stopping rule, tried from the left until our certificate accepts; the last try alone is timed."""


def race(shared: dict[str, Any], _: list[dict[str, Any]]) -> pd.DataFrame:
    """One row a way: processor seconds, and the gap of its matrix by our certificate.

    A rank-five matrix with noise of a tenth, half of the entries seen, λ a fifth of the largest singular value of what
    is seen. ``reached`` is against a lower bound proved to 1e-7 outside the time. Soft-impute is not told a gap: it
    stops where steps are small.
    """
    m, n = shared["size"]
    stream = generator(0, "completion peers", m, n)
    Y = (normal(stream, m, RANK) @ normal(stream, RANK, n) + 0.1 * normal(stream, m, n)).numpy()
    mask = (normal(stream, m, n) > 0).numpy()
    Y = Y * mask
    lam = 0.2 * float(np.linalg.norm(Y, 2))
    bound = convex.matrix_completion(Y, mask, lam, tol=GAP / 10).lower_bound

    def row(way: str, side: Callable[[], np.ndarray]) -> dict[str, Any]:
        X, seconds = clocked(side)
        value = objective(X, Y, mask, lam)
        return {"m": m, "n": n, "way": way, "cpu_seconds": seconds.cpu, "reached": (value - bound) / value}

    rows = [row("accelerated proximal gradient", lambda: convex.matrix_completion(Y, mask, lam, tol=GAP).X)]
    chosen = [name for name, most in CVXPY_UP_TO.items() if m * n <= most]
    rows += [row(f"CVXPY, {name}", by_cvxpy(name, Y, mask, lam)) for name in chosen]
    last: dict[str, Any] = {}
    for threshold in THRESHOLDS:
        last = row("soft-impute of fancyimpute", lambda t=threshold: soft_impute(Y, mask, lam, t))
        if last["reached"] <= GAP:
            break
    table = pd.DataFrame([*rows, last])
    return table.assign(ratio=table["cpu_seconds"] / table["cpu_seconds"].iloc[0], threads=torch.get_num_threads())


COMPLETION_PEERS = Sweep(race, {"size": SIZES})


def objective(X: np.ndarray, Y: np.ndarray, mask: np.ndarray, lam: float) -> float:
    """½‖mask(Y − X)‖² + λ‖X‖_*."""
    return 0.5 * float(np.square(mask * (Y - X)).sum()) + lam * float(np.linalg.svd(X, compute_uv=False).sum())


def by_cvxpy(solver: str, Y: np.ndarray, mask: np.ndarray, lam: float) -> Callable[[], np.ndarray]:
    """The program as its users write it, at the tolerance of the gap."""
    options = {"eps": GAP} if solver == "SCS" else {"tol_gap_rel": GAP, "tol_gap_abs": GAP}

    def solve() -> np.ndarray:
        X = cp.Variable(Y.shape)
        loss = 0.5 * cp.sum_squares(cp.multiply(mask.astype(float), Y - X))
        cp.Problem(cp.Minimize(loss + lam * cp.norm(X, "nuc"))).solve(solver=solver, **options)  # type: ignore[arg-type]
        return np.asarray(X.value)

    return solve


def soft_impute(Y: np.ndarray, mask: np.ndarray, lam: float, threshold: float) -> np.ndarray:
    """The last thresholded matrix of fancyimpute; its call of scikit-learn, whose argument was renamed, is mended."""
    module: Any = importlib.import_module("fancyimpute.soft_impute")
    module.check_array = lambda X, **_: X
    solver = module.SoftImpute(
        shrinkage_value=lam, convergence_threshold=threshold, max_iters=5000, init_fill_method="zero", verbose=False
    )
    filled = solver.solve(np.where(mask, Y, 0.0), ~mask)
    return solver._svd_step(filled, lam)[0]  # the peer returns its input filled in, not this
