"""The convex program of Pilanci and Ergen (2020) for one hidden ReLU layer, through CVXPY and Clarabel."""

import time
from dataclasses import dataclass
from enum import Enum

import cvxpy as cp
import numpy as np
from scipy import sparse

from ..arrays import Matrix, real
from ..settings import instance
from .inputs import Mask, accuracy, boolean, in_range, positive, unit

ABSENT = 1e-9
"""Units shorter than ABSENT (data and the longest unit at most 1) are the conic solver's zero: they are left out."""

APART = 1e4
"""The objective recomputed and the one reported differ by at most APART · tolerance, relative; else: inaccurate."""


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
    patterns: Mask,
    fit: Fit = Fit.SQUARED,
    *,
    tolerance: float = 1e-10,
) -> ReluSolution:
    """min ℓ(Σ_D D S (p_D − n_D)) + λ Σ_D (‖p_D‖ + ‖n_D‖), (2D − I) S p_D ≥ 0, (2D − I) S n_D ≥ 0; y ``(N,)``.

    ``patterns`` ``(P, N)``: all cells, True where a sample is active. Then its minimum is that over networks of every
    size (Pilanci and Ergen 2020, theorem 1). Solved in units in which S and y are about 1. ``TypeError`` or
    ``ValueError`` for other inputs, and if the conic solver ends without a solution or with an inaccurate one.
    """
    began = time.perf_counter()
    S = real("S", S, ("N", "d"))
    y, patterns = real("y", y, (len(S),)), boolean("patterns", patterns, ("P", len(S)))
    lam, tolerance = positive("lam", lam), accuracy("tolerance", tolerance)
    instance("fit", fit, Fit, "pass Fit.SQUARED or Fit.LOGISTIC.")
    if fit is Fit.LOGISTIC and not bool((np.abs(y) == 1).all()):
        raise ValueError("the logistic program needs y = −1 and +1: from 0 and 1 they are 2 * y - 1.")
    length, size = unit(S), unit(y) if fit is Fit.SQUARED else 1.0
    S, y, lam = S / length, y / size, positive("lam in the units of the data", lam / (length * size))
    units, signs, reported = _solved(S, y, lam, patterns, fit, tolerance)
    seconds = time.perf_counter() - began
    value = _loss(fit, np.maximum(S @ units.T, 0) @ signs, y) + lam * float(np.linalg.norm(units, axis=1).sum())
    if value and not abs(value - reported) <= APART * tolerance * abs(value):  # no objective is below 0
        raise ValueError(
            f"the conic solver is inaccurate here: it reports {reported:.9g}, its network has {value:.9g}. Pass a "
            "larger tolerance, or fewer samples."
        )
    square = size * size
    return ReluSolution(units * (size / length), signs, in_range(value, square), reported * square, seconds)


def _loss(fit: Fit, x: Matrix, y: Matrix) -> float:
    return float(0.5 * np.square(x - y).sum() if fit is Fit.SQUARED else np.logaddexp(0, -y * x).sum())


def _solved(
    S: Matrix, y: Matrix, lam: float, patterns: Mask, fit: Fit, tolerance: float
) -> tuple[Matrix, Matrix, float]:
    """Units ``(r, d)``, their signs, and the reported objective."""
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
    if plus.value is None or minus.value is None or not isinstance(reported, float):
        raise ValueError(f"the conic solver ended with status {program.status}")
    units, signs = np.concatenate([plus.value, minus.value]), np.concatenate([np.ones(P), -np.ones(P)])
    lengths = np.linalg.norm(units, axis=1)
    kept = lengths > ABSENT * max(1.0, float(lengths.max()))
    return units[kept], signs[kept], reported
