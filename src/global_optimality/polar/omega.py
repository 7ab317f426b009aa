"""Ω_{φ,θ}(X) of eq. (15), enclosed: below by dual points, above by networks that produce X."""

import torch
from torch import Tensor

from ..effort import Effort
from ..factors import Factors, check_alike, check_finite
from ..mappings import MatrixProduct
from ..problem import Problem, check_problem
from .lookup import polar_of


def omega(problem: Problem, X: Tensor, *, effort: Effort | None = None) -> tuple[Tensor, Tensor]:
    """(lower, upper) of Ω_{φ,θ}(X), each ``(n,)``, for X ``(n, *D)``; equal up to rounding for exact polars.

    Below: ⟨Q, X⟩ / Ω°(Q) for several Q; +∞ where Ω°(Q) = 0 < ⟨Q, X⟩ (no network produces X). Above: Θ of explicit
    factors of X. ``LookupError`` if the mapping has none.
    """
    check_problem(problem)
    check_alike(Y=problem.loss.Y, X=X)
    if not isinstance(problem.mapping, MatrixProduct):
        raise LookupError(
            f"no factors of X are known for {type(problem.mapping).__name__}: omega serves MatrixProduct."
        )
    if tuple(X.shape[1:]) != problem.mapping.shape or len(X) == 0:
        raise ValueError(f"X has shape {tuple(X.shape)}, expected (n, {', '.join(map(str, problem.mapping.shape))}).")
    check_finite("X", X)
    polar = polar_of(problem, effort)
    values = []
    for Q in _dual_points(X):
        upper = polar(Q).upper
        value = (Q * X).flatten(1).sum(1)
        values.append(torch.where(value > 0, value / upper, torch.zeros_like(upper)))
    lower = torch.stack(values).amax(0).clamp(min=0)
    upper = torch.stack([problem.regularizer.Theta(*W) for W in _factorizations(X)]).amin(0)
    # the factors multiply to X up to the backward error of a decomposition, some max(D) eps, and Θ sums as many terms
    slack = 8 * max(X.shape[1:]) * torch.finfo(X.dtype).eps
    return lower, torch.maximum(upper, lower) * (1 + slack)


def _factorizations(X: Tensor) -> list[Factors]:
    """Factors of X by rows, by columns and by singular vectors, each pair scaled to equal Euclidean norms."""
    n, rows, columns = X.shape
    U, s, Vh = torch.linalg.svd(X, full_matrices=False)
    by_rows = torch.eye(rows, dtype=X.dtype, device=X.device).expand(n, -1, -1), X
    by_columns = X.mT, torch.eye(columns, dtype=X.dtype, device=X.device).expand(n, -1, -1)
    return [_equalised(*W) for W in (by_rows, by_columns, (U.mT, s[:, :, None] * Vh))]


def _equalised(U: Tensor, V: Tensor) -> Factors:
    u, v = U.norm(dim=2, keepdim=True), V.norm(dim=2, keepdim=True)
    root = (u * v).sqrt()
    return tuple(torch.where(a > 0, w * (root / a), torch.zeros_like(w)) for w, a in ((U, u), (V, v)))


def _dual_points(X: Tensor) -> list[Tensor]:
    U, _, Vh = torch.linalg.svd(X, full_matrices=False)
    largest_in_row = X.abs() == X.abs().amax(2, keepdim=True)
    largest_in_column = X.abs() == X.abs().amax(1, keepdim=True)
    return [
        X,
        U @ Vh,
        X.sign(),
        X.clamp(max=0),
        _normalised(X, 2),
        _normalised(X, 1),
        X.sign() * largest_in_row / largest_in_row.sum(2, keepdim=True),
        X.sign() * largest_in_column / largest_in_column.sum(1, keepdim=True),
    ]


def _normalised(X: Tensor, axis: int) -> Tensor:
    length = X.norm(dim=axis, keepdim=True)
    return torch.where(length > 0, X / length, torch.zeros_like(X))
