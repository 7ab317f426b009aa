"""The convex program of Pilanci and Ergen (2020) for one hidden ReLU layer, through CVXPY and Clarabel."""

import time
from dataclasses import dataclass
from enum import Enum

import cvxpy as cp
import numpy as np
import numpy.typing as npt
from scipy import sparse

Matrix = npt.NDArray[np.float64]


class Fit(Enum):
    """The losses the program is written for."""

    SQUARED = "½ Σ (y − x)²"
    LOGISTIC = "Σ log(1 + e^{−yx}), y = ±1"


@dataclass(frozen=True)
class ReluSolution:
    """Units U ``(r, d)`` with output signs ``(r,)``, φ = sign·(S u)₊ and cost ‖u‖; objective recomputed.

    ``reported`` is the objective the conic solver reports, ``seconds`` of building and solving.
    """

    U: Matrix
    signs: Matrix
    objective: float
    reported: float
    seconds: float


def pilanci_ergen(
    S: Matrix,
    y: Matrix,
    lam: float,
    patterns: npt.NDArray[np.bool_],
    fit: Fit = Fit.SQUARED,
    *,
    tolerance: float = 1e-10,
) -> ReluSolution:
    """min ℓ(Σ_D D S (p_D − n_D)) + λ Σ_D (‖p_D‖ + ‖n_D‖), (2D − I) S p_D ≥ 0, (2D − I) S n_D ≥ 0; y ``(N,)``.

    ``patterns`` ``(P, N)``: all cells, True where a sample is active. Then its minimum is that over networks of every
    size (Pilanci and Ergen 2020, theorem 1). ``ValueError`` if the conic solver ends without a solution.
    """
    began = time.perf_counter()
    P, d = len(patterns), S.shape[1]
    plus, minus = cp.Variable((P, d)), cp.Variable((P, d))
    gated = (patterns[:, :, None] * S).transpose(1, 0, 2).reshape(len(S), P * d)
    sides = sparse.block_diag(list((2.0 * patterns - 1)[:, :, None] * S), format="csr")
    output = gated @ cp.vec(plus - minus, order="C")
    norms = cp.sum(cp.norm(plus, 2, axis=1)) + cp.sum(cp.norm(minus, 2, axis=1))
    loss = 0.5 * cp.sum_squares(output - y) if fit is Fit.SQUARED else cp.sum(cp.logistic(-cp.multiply(y, output)))
    cones = [cp.NonNeg(sides @ cp.vec(units, order="C")) for units in (plus, minus)]
    program = cp.Problem(cp.Minimize(loss + lam * norms), [*cones])
    reported = program.solve(
        solver=cp.CLARABEL, tol_gap_abs=tolerance, tol_gap_rel=tolerance, tol_feas=tolerance, max_iter=500
    )
    seconds = time.perf_counter() - began
    if plus.value is None or minus.value is None or not isinstance(reported, float):
        raise ValueError(f"the conic solver ended with status {program.status}")
    U = np.concatenate([plus.value, minus.value])
    signs = np.concatenate([np.ones(P), -np.ones(P)])
    kept = np.linalg.norm(U, axis=1) > 1e-9 * max(1.0, float(np.linalg.norm(U, axis=1).max()))
    U, signs = U[kept], signs[kept]
    x = np.maximum(S @ U.T, 0) @ signs
    value = 0.5 * np.square(x - y).sum() if fit is Fit.SQUARED else np.logaddexp(0, -y * x).sum()
    objective = float(value + lam * np.linalg.norm(U, axis=1).sum())
    return ReluSolution(U, signs, objective, reported, seconds)
