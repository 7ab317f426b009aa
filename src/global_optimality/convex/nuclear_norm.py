"""Independent references: the convex problems themselves, solved in X with numpy and never through factors."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float64]


@dataclass(frozen=True)
class ConvexSolution:
    """X ``(rows, columns)``, its objective, and a lower bound of the optimum, recomputed from X; iterations made."""

    X: Matrix
    objective: float
    lower_bound: float
    iterations: int

    @property
    def relative_gap(self) -> float:
        gap = self.objective - self.lower_bound
        return gap / abs(self.objective) if gap else 0.0


def shrink(Z: Matrix, threshold: float) -> tuple[Matrix, float]:
    """Singular value thresholding: argmin ½‖Z − X‖² + threshold·‖X‖_*, and the nuclear norm of the result."""
    U, s, Vh = np.linalg.svd(Z, full_matrices=False)
    s = np.maximum(s - threshold, 0)
    return (U * s) @ Vh, float(s.sum())


def nuclear_norm_approximation(Y: Matrix, lam: float) -> ConvexSolution:
    """Eq. (8) in closed form: X = U (Σ − λ)₊ Vᵀ; objective ½ Σ min(σ, λ)² + λ Σ (σ − λ)₊."""
    s = np.linalg.svd(Y, compute_uv=False)
    X, _ = shrink(Y, lam)
    objective = float(0.5 * np.minimum(s, lam) @ np.minimum(s, lam) + lam * np.maximum(s - lam, 0).sum())
    return ConvexSolution(X, objective, objective, 1)


def matrix_completion(
    Y: Matrix,
    mask: npt.NDArray[np.bool_],
    lam: float,
    *,
    tol: float = 1e-8,
    max_iterations: int = 20_000,
    momentum: bool = True,
) -> ConvexSolution:
    """min ½‖mask ∘ (Y − X)‖² + λ‖X‖_* by accelerated proximal gradient with restarts (O'Donoghue and Candès 2015).

    Without ``momentum`` it is soft-impute (Mazumder, Hastie and Tibshirani 2010). ``tol``: relative duality gap.
    """
    Y = np.where(mask, Y, 0.0)
    X, nuclear = shrink(Y, lam)
    best, bound = X, -np.inf
    objective = np.inf
    Z, t = X, 1.0
    iterations = 0
    while iterations < max_iterations:
        iterations += 1
        residual = mask * (Y - X)
        value = 0.5 * float(np.square(residual).sum()) + lam * nuclear
        if value > objective:
            Z, t = X, 1.0
        if value <= objective:
            best, objective = X, value
        bound = max(bound, _dual_value(Y, residual, lam))
        if objective - bound <= tol * abs(objective):
            break
        new, nuclear = shrink(np.where(mask, Y, Z), lam)
        t_new = (1 + np.sqrt(1 + 4 * t * t)) / 2 if momentum else 1.0
        Z = new + ((t - 1) / t_new) * (new - X) if momentum else new
        X, t = new, t_new
    return ConvexSolution(best, objective, bound, iterations)


def _dual_value(Y: Matrix, residual: Matrix, lam: float) -> float:
    """½‖Y‖² − ½‖Y − R'‖² for the residual R shrunk or stretched to R' = sR with σ₁(R') ≤ λ, s the best."""
    square = float(np.square(residual).sum())
    if square == 0:
        return 0.0
    top = float(np.linalg.norm(residual, 2))
    product, limit = float((residual * Y).sum()), lam / top
    s = min(max(product / square, -limit), limit)
    return s * product - 0.5 * s * s * square
