"""Nuclear-norm completion to a certified gap of 1e-6: ours, CVXPY with two solvers, and fancyimpute's soft-impute."""

import importlib
from collections.abc import Callable, Sequence
from typing import Any

import cvxpy as cp
import numpy as np
import pandas as pd
import torch

from global_optimality import convex
from global_optimality.streams import generator, normal

from .timing import clocked

GAP = 1e-6
SIZES = ((20, 16), (30, 24), (40, 32), (80, 64), (500, 400), (5000, 50))
CVXPY_UP_TO = {"SCS": 6000, "CLARABEL": 1300}
"""Entries up to which CVXPY solves its semidefinite program: beyond, half a minute and more."""
THRESHOLDS = (1e-5, 1e-6, 1e-7, 1e-8, 1e-9)
"""Of soft-impute's stopping rule, tried from the left until our certificate accepts; the last try alone is timed."""


def completion_peers(*, sizes: Sequence[tuple[int, int]] = SIZES, rank: int = 5, seed: int = 0) -> pd.DataFrame:
    """One row a size and way: processor seconds, and the gap of its matrix by our certificate.

    Rank-``rank`` matrices with noise of a tenth, half of the entries seen, λ a fifth of the largest singular value of
    what is seen. ``reached`` is against a lower bound proved to 1e-7 outside the time. Soft-impute is not told a gap:
    it stops where steps are small.
    """
    rows = []
    for m, n in sizes:
        stream = generator(seed, "completion peers", m, n)
        Y = (normal(stream, m, rank) @ normal(stream, rank, n) + 0.1 * normal(stream, m, n)).numpy()
        mask = (normal(stream, m, n) > 0).numpy()
        Y = Y * mask
        lam = 0.2 * float(np.linalg.norm(Y, 2))
        ours, seconds = clocked(lambda Y=Y, mask=mask, lam=lam: convex.matrix_completion(Y, mask, lam, tol=GAP))
        bound = convex.matrix_completion(Y, mask, lam, tol=GAP / 10).lower_bound

        def row(way: str, X: np.ndarray, spent: float, size=(m, n), data=(Y, mask, lam), bound=bound) -> dict:
            value = objective(X, *data)
            reached = (value - bound) / value
            return {"m": size[0], "n": size[1], "way": way, "cpu_seconds": spent, "reached": reached}

        rows.append(row("accelerated proximal gradient", ours.X, seconds.cpu))
        peers: dict[str, Callable[[], np.ndarray]] = {}
        chosen = [name for name, most in CVXPY_UP_TO.items() if m * n <= most]
        peers |= {f"CVXPY, {name}": by_cvxpy(name, Y, mask, lam) for name in chosen}
        for way, solve in peers.items():
            X, spent = clocked(solve)
            rows.append(row(way, X, spent.cpu))
        for threshold in THRESHOLDS:
            X, spent = clocked(lambda Y=Y, mask=mask, lam=lam, t=threshold: soft_impute(Y, mask, lam, t))
            last = row("soft-impute of fancyimpute", X, spent.cpu)
            if last["reached"] <= GAP:
                break
        rows.append(last)
    table = pd.DataFrame(rows).assign(entries=lambda t: t["m"] * t["n"], threads=torch.get_num_threads())
    own: Any = table[table["way"] == "accelerated proximal gradient"].set_index(["m", "n"])["cpu_seconds"]
    ratio = [row["cpu_seconds"] / own[row["m"], row["n"]] for row in rows]
    return table.assign(ratio=ratio)


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
