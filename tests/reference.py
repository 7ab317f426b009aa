"""F* by general convex programming (CVXPY), in X or over a dictionary of atoms, and in closed form."""

from functools import cache

import cvxpy as cp
import numpy as np

import cases
from global_optimality import MaskedSquaredLoss, Problem, SumOfSquares

REFERENCE = 1e-6
"""Relative accuracy of F*."""


@cache
def optimum(name: str) -> float:
    """F* of the named problem of ``cases.PROBLEMS``, to about 1e-8; non-negative ones have no convex reference."""
    return minimum(cases.PROBLEMS[name])


def minimum(problem: Problem) -> float:
    Y = problem.loss.Y.numpy()
    seen = problem.loss.mask.numpy().astype(float) if isinstance(problem.loss, MaskedSquaredLoss) else np.ones(Y.shape)
    X, omega, constraints = _penalty(problem, Y.shape)
    loss = 0.5 * cp.sum_squares(cp.multiply(seen, X - Y))
    program = cp.Problem(cp.Minimize(loss + problem.lam * omega), constraints)
    program.solve(solver=cp.CLARABEL, tol_gap_abs=1e-9, tol_gap_rel=1e-9, tol_feas=1e-9)
    return float(program.value)


def _penalty(problem: Problem, shape: tuple[int, int]):
    theta = problem.regularizer
    norms = (cases.TWO, cases.TWO) if isinstance(theta, SumOfSquares) else theta.norms
    X = cp.Variable(shape)
    if cases.ONE in norms:
        rows, other = (X, norms[1]) if norms[0] is cases.ONE else (X.T, norms[0])
        p = {cases.ONE: 1, cases.TWO: 2, cases.MAX: "inf"}[other]
        return X, cp.sum([cp.norm(rows[i], p) for i in range(rows.shape[0])]), []
    if norms == (cases.MAX, cases.MAX):
        atoms = np.array([np.outer(u, v) for u in cases.signs(shape[0]) if u[0] > 0 for v in cases.signs(shape[1])])
        c = cp.Variable(len(atoms), nonneg=True)
        return X, cp.sum(c), [cp.vec(X, order="C") == atoms.reshape(len(atoms), -1).T @ c]
    if cases.MAX in norms:
        length, height = (shape[1], shape[0]) if norms[1] is cases.MAX else shape
        directions = np.array([v for v in cases.signs(length) if v[0] > 0])
        U = cp.Variable((height, len(directions)))
        made = U @ directions
        return X, cp.sum(cp.norm(U, 2, axis=0)), [(made if norms[1] is cases.MAX else made.T) == X]
    return X, cp.normNuc(X), []


def shrunk(Y: np.ndarray, lam: float) -> tuple[np.ndarray, float]:
    """Eq. (8) in closed form, by eigenvalues of YᵀY: the minimiser and the minimum."""
    values, V = np.linalg.eigh(Y.T @ Y)
    sigma = np.sqrt(np.maximum(values, 0))
    keep = np.where(sigma > lam, 1 - lam / np.maximum(sigma, lam), 0.0)
    X = Y @ (V * keep) @ V.T
    return X, float(sum(0.5 * s * s if s <= lam else lam * s - 0.5 * lam * lam for s in sigma))
