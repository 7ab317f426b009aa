"""Independent references: the convex problems themselves, solved in X with numpy and never through factors."""

import math
from dataclasses import dataclass

import numpy as np
import scipy.linalg

from ..arrays import Matrix, plain, real
from ..settings import flag, number, whole
from .inputs import Mask, boolean, in_range, positive, unit

BLOCK = 20
"""numpy adds n terms pairwise, in blocks of 128 by eight sums: at most log₂ n + BLOCK roundings touch a term."""

LEAST_THRESHOLD = 0.01
"""Of ‖Z‖_F. A squared singular value errs by some eps ‖Z‖², so one above the threshold keeps 12 of its 16 digits."""


@dataclass(frozen=True)
class ConvexSolution:
    """X ``(rows, columns)``, its objective, and a lower bound of the optimum, recomputed from X; iterations made.

    The bound is lowered by its rounding and never above the objective.
    """

    X: Matrix
    objective: float
    lower_bound: float
    iterations: int

    @property
    def relative_gap(self) -> float:
        gap = self.objective - self.lower_bound
        return gap / abs(self.objective) if gap else 0.0


def shrink(Z: Matrix, threshold: float) -> tuple[Matrix, float]:
    """Singular value thresholding: argmin ½‖Z − X‖² + threshold·‖X‖_*, and the nuclear norm of the result.

    ``TypeError`` or ``ValueError`` unless Z is a finite matrix and the threshold not negative.
    """
    return _shrunk(real("Z", Z, ("rows", "columns")), number("threshold", threshold, positive=False, finite=True))


def _shrunk(Z: Matrix, threshold: float) -> tuple[Matrix, float]:
    U, s, Vh = np.linalg.svd(Z, full_matrices=False)
    s = np.maximum(s - threshold, 0)
    return (U * s) @ Vh, float(s.sum())


def nuclear_norm_approximation(Y: Matrix, lam: float) -> ConvexSolution:
    """Eq. (8) in closed form: X = U (Σ − λ)₊ Vᵀ; objective ½ Σ min(σ, λ)² + λ Σ (σ − λ)₊.

    ``ValueError`` unless Y is a finite matrix and λ > 0, or where the objective leaves float64.
    """
    Y, lam = real("Y", Y, ("rows", "columns")), positive("lam", lam)
    size = unit(Y)
    Y, lam = Y / size, positive("lam in the units of Y", lam / size)
    s = np.linalg.svd(Y, compute_uv=False)
    X, _ = _shrunk(Y, lam)
    small = np.minimum(s, lam)
    objective = in_range(float(0.5 * small @ small + lam * np.maximum(s - lam, 0).sum()), size * size)
    return ConvexSolution(size * X, objective, objective, 1)


def matrix_completion(
    Y: Matrix,
    mask: Mask,
    lam: float,
    *,
    tol: float = 1e-8,
    max_iterations: int = 20_000,
    momentum: bool = True,
) -> ConvexSolution:
    """min ½‖mask ∘ (Y − X)‖² + λ‖X‖_* by accelerated proximal gradient with restarts (O'Donoghue and Candès 2015).

    Without ``momentum`` it is soft-impute (Mazumder, Hastie and Tibshirani 2010). ``tol``: relative duality gap. Y may
    hold anything off the boolean mask. ``TypeError`` or ``ValueError`` for other masks, and as for the closed form.
    """
    Y = plain("Y", Y)
    if Y.ndim != 2 or Y.dtype.kind not in "fiu":
        raise ValueError(f"Y holds {Y.dtype} of shape {Y.shape}: pass real numbers (rows, columns).")
    mask, lam, tol = boolean("mask", mask, Y.shape), positive("lam", lam), number("tol", tol, positive=False)
    whole("max_iterations", max_iterations, 1)
    flag("momentum", momentum)
    if not mask.any():
        raise ValueError("mask hides every entry of Y: at least one must be seen.")
    Y = real("Y on the mask", np.where(mask, Y, 0), Y.shape)
    size = unit(Y)
    scaled = positive("lam in the units of Y", lam / size)
    best, objective, bound, iterations = _proximal(Y / size, mask, scaled, tol, max_iterations, momentum)
    objective = in_range(objective, size * size) if math.isfinite(objective) else objective
    return ConvexSolution(size * best, objective, min(bound * (size * size), objective), iterations)


def _proximal(
    Y: Matrix, mask: Mask, lam: float, tol: float, max_iterations: int, momentum: bool
) -> tuple[Matrix, float, float, int]:
    """(X, objective, bound, iterations) for Y of entries about 1, zero off the mask.

    Steps and the question whether they are enough go by Gram matrices; what is returned comes from LAPACK's SVD.
    """
    X, nuclear = _shrunk(Y, lam)
    best, dual = X, Y
    objective, estimate = np.inf, -np.inf
    proved = objective, estimate
    Z, t = X, 1.0
    iterations = 0
    while iterations < max_iterations:
        iterations += 1
        residual = mask * (Y - X)
        value = 0.5 * float(np.vdot(residual, residual)) + lam * nuclear
        if value > objective:
            Z, t = X, 1.0
        if value <= objective:
            best, objective = X, value
        bound = _dual_value(Y, residual, lam, _norm_by_gram(residual))
        if bound > estimate:
            dual, estimate = residual, bound
        arrived = objective - estimate <= tol * abs(objective)
        if arrived or iterations == max_iterations:
            proved = _objective(Y, mask, best, lam), max(proved[1], _dual_value(Y, dual, lam, _norm(dual)))
            if proved[0] - proved[1] <= tol * abs(proved[0]):
                break
        new, nuclear = _shrink_by_gram(np.where(mask, Y, Z), lam)
        t_new = (1 + np.sqrt(1 + 4 * t * t)) / 2 if momentum else 1.0
        Z = new + ((t - 1) / t_new) * (new - X) if momentum else new
        X, t = new, t_new
    return best, *proved, iterations


def _objective(Y: Matrix, mask: Mask, X: Matrix, lam: float) -> float:
    return 0.5 * float(np.square(mask * (Y - X)).sum()) + lam * float(np.linalg.svd(X, compute_uv=False).sum())


def _shrink_by_gram(Z: Matrix, threshold: float) -> tuple[Matrix, float]:
    """``shrink`` by eigenvectors of the smaller Gram matrix above threshold²: a kept σ errs by about eps ‖Z‖²/σ.

    Below LEAST_THRESHOLD times ‖Z‖_F by ``shrink`` itself.
    """
    if Z.shape[0] < Z.shape[1]:
        X, nuclear = _shrink_by_gram(Z.T, threshold)
        return X.T, nuclear
    gram = Z.T @ Z
    if threshold < LEAST_THRESHOLD * math.sqrt(float(np.trace(gram))):
        return _shrunk(Z, threshold)
    squares, V = scipy.linalg.eigh(gram, subset_by_value=(threshold * threshold, np.inf))
    s = np.sqrt(squares)
    return (Z @ (V * (1 - threshold / s))) @ V.T, float((s - threshold).sum())


def _norm(A: Matrix) -> float:
    return float(np.linalg.norm(A, 2))


def _norm_by_gram(A: Matrix) -> float:
    gram = A.T @ A if A.shape[0] >= A.shape[1] else A @ A.T
    last = len(gram) - 1
    return math.sqrt(max(0.0, float(scipy.linalg.eigvalsh(gram, subset_by_index=(last, last))[0])))


def _dual_value(Y: Matrix, residual: Matrix, lam: float, norm: float) -> float:
    """½‖Y‖² − ½‖Y − R'‖² for R' = sR with σ₁(R') ≤ λ, s the best, less the rounding of its sums and of σ₁, ``norm``.

    LAPACK's σ₁ errs by a modest multiple of eps, taken as rows + columns.
    """
    eps = float(np.finfo(np.float64).eps)
    square = float(np.square(residual).sum())
    if square == 0 or norm == 0:
        return 0.0
    top = norm * (1 + sum(Y.shape) * eps)
    product, limit = float((residual * Y).sum()), lam / top
    s = min(max(product / square, -limit), limit)
    terms = abs(s) * float(np.abs(residual * Y).sum()) + 0.5 * s * s * square
    return s * product - 0.5 * s * s * square - (math.log2(Y.size) + BLOCK) * eps * terms
