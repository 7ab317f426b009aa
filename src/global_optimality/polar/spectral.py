"""The largest singular value from above, proved: rounding cannot invalidate it, whatever computed the decomposition."""

from typing import final

import numpy as np
import torch
from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigsh
from torch import Tensor

from ..effort import SPEED, OutOfTimeError, look, over, seconds_left
from ..streams import generator, normal
from ..symmetric import eigh

LARGE = 400
"""Rows and columns of a matrix beyond which its largest singular values are found without the others."""

GRAM = 2000
"""Rows of a matrix A up to which AAᵀ is formed for the Lanczos method, which makes hundreds of products with it."""

ABOVE = 1e-12, 1e-10, 1e-8, 1e-6, 1e-4, 1e-2
"""By these shares of itself a computed λ₁ is raised in turn until a Cholesky factorisation proves it."""


def decompose(Q: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """(U, s, Vh, upper) of Q ``(n, rows, columns)``: a computed decomposition, and a proved upper bound of σ₁(Q).

    σ₁(Q) ≤ σ₁(U) σ₁(Vh) max s + ‖Q − U diag(s) Vh‖_F with σ₁(U)² ≤ 1 + ‖UᵀU − I‖_F (Rump 2011, Verified bounds for
    singular values). Each product of matrices errs by at most k·eps/2 to first order, entry by entry and in any order
    of summation, for sums of k terms; k·eps is added, and what is tiny is doubled against its own rounding.
    """
    unit = power_of_two(Q)
    Q = Q / unit[:, None, None]
    U, s, Vh = torch.linalg.svd(Q, full_matrices=False)
    eps, k = torch.finfo(Q.dtype).eps, s.shape[1]
    stretch = (nearly_one(U) * nearly_one(Vh.mT)).sqrt()
    error = 2 * torch.linalg.matrix_norm(Q - (U * s[:, None, :]) @ Vh)
    error = error + (k + 4) * eps * (s.sum(1) * stretch + torch.linalg.matrix_norm(Q))
    upper = (s.amax(1) * stretch + error) * (1 + 8 * eps)  # of two products, a sum, and the root in ``stretch``
    return U, s * unit[:, None], Vh, upper * unit


def norm_bound(Q: Tensor) -> Tensor:
    """A proved upper bound of σ₁(Q), ``(n,)``, close to it; looser where a large matrix leaves no time."""
    if min(Q.shape[1:]) <= LARGE:
        return decompose(Q)[3]
    return torch.stack([proved_norm(q, 0.0 if over() else float(leading(q, 1)[1][0])) for q in Q])


def leading(Q: Tensor, count: int) -> tuple[Tensor, Tensor, Tensor]:
    """(U ``(rows, k)``, s ``(k,)``, V ``(columns, k)``): k ≤ ``count`` leading singular triples of one large Q, by the
    Lanczos method (ARPACK) on the smaller of QQᵀ and QᵀQ; or some pair of unit vectors: where the time ends."""
    wide = Q.shape[0] <= Q.shape[1]
    A = (Q if wide else Q.mT).contiguous()
    U = torch.from_numpy(_leading_vectors(A, count)).to(Q)
    V = A.mT @ U
    s = V.norm(dim=0)
    V = V / s.clamp(min=torch.finfo(Q.dtype).tiny)
    return (U, s, V) if wide else (V, s, U)


def _leading_vectors(A: Tensor, count: int) -> np.ndarray:
    """Of AAᵀ, ``(m, k)``, the first one first; any unit vector where the time ends, or ARPACK does not converge."""
    (m, n), square = A.shape, _Square(A)
    if not bool(A.any()):
        return np.eye(m, count)
    formed = (A @ A.mT).cpu().numpy() if m <= GRAM and m * m * n <= SPEED * seconds_left() else None
    try:
        values, vectors = eigsh(square if formed is None else formed, min(count, m - 2), v0=square.last)
    except (OutOfTimeError, ArpackNoConvergence):
        if formed is None:
            return (square.last / np.linalg.norm(square.last))[:, None]
        values, vectors = np.linalg.eigh(formed)
    return vectors[:, values.argsort()[::-1][:count]].copy()


@final
class _Square(LinearOperator):
    """x ↦ AAᵀx for A ``(m, n)``, with a look at the clock before each; ``last`` is its last value, random at first."""

    def __init__(self, A: Tensor) -> None:
        super().__init__(np.dtype(np.float64), (len(A), len(A)))
        self.A, self.last = A, normal(generator(0, "leading", len(A)), len(A)).numpy()

    def _matvec(self, x: np.ndarray) -> np.ndarray:
        look()
        self.last = (self.A @ (self.A.mT @ torch.from_numpy(x).to(self.A))).cpu().numpy()
        return self.last


def proved_norm(Q: Tensor, near: float) -> Tensor:
    """An upper bound of σ₁ of one Q, close to ``near`` where that is σ₁, at a small part of the cost of ``decompose``.

    If the Cholesky factorisation of B = τI − QQᵀ ends, QQᵀ is at most τ: B is off by m·eps·tr B ≤ m²·eps·τ
    (Higham 2002, theorem 10.3: |B − RᵀR| ≤ (m + 1) eps/2 |R|ᵀ|R|), and QQᵀ by n·eps·‖Q‖_F². ‖Q‖_F where none ends,
    or where QQᵀ takes longer than there is time.
    """
    A = Q if Q.shape[0] <= Q.shape[1] else Q.mT
    (m, n), eps, square = A.shape, torch.finfo(Q.dtype).eps, Q.square().sum()
    bound = square * (1 + Q.numel() * eps)
    if not near or m * m * n > SPEED * seconds_left():
        return bound.sqrt() * (1 + 4 * eps)
    B = (A @ A.mT).neg_()
    for share in ABOVE:
        tau = near * near * (1 + share)
        B.diagonal().add_(tau)
        if not int(torch.linalg.cholesky_ex(B).info):
            bound = torch.minimum(bound, tau + (m + 2) * m * eps * tau + (n + 4) * eps * square)
            break
        B.diagonal().sub_(tau)
    return bound.sqrt() * (1 + 4 * eps)


def largest_eigenvalue(B: Tensor) -> Tensor:
    """An upper bound of the largest eigenvalue of symmetric B ``(n, m, m)``, or 0 where that is more; as ``decompose``.

    xᵀBx ≤ max(0, Λ_1, …, Λ_m) σ₁(V)² + ‖B − V diag(Λ) Vᵀ‖_F for unit x, whatever Λ and V are.
    """
    values, V = eigh(B)
    eps, m, stretch = torch.finfo(B.dtype).eps, B.shape[1], nearly_one(V)
    error = 2 * torch.linalg.matrix_norm(B - (V * values[:, None, :]) @ V.mT)
    error = error + (m + 4) * eps * (values.abs().sum(1) * stretch + torch.linalg.matrix_norm(B))
    return (values.amax(1).clamp(min=0) * stretch + error) * (1 + 8 * eps)


def nearly_one(U: Tensor) -> Tensor:
    """An upper bound of σ₁(U)² for U ``(n, m, k)`` with nearly orthonormal columns."""
    m, k = U.shape[1:]
    defect = torch.linalg.matrix_norm(U.mT @ U - torch.eye(k, dtype=U.dtype, device=U.device))
    return 1 + 2 * defect + m * torch.finfo(U.dtype).eps * U.square().sum((1, 2))


def power_of_two(Q: Tensor) -> Tensor:
    """The power of two by which the entries of Q are divided without rounding to at most 1, ``(n,)``."""
    top = Q.abs().amax((1, 2))
    return torch.where(top > 0, top / torch.frexp(top).mantissa, torch.ones_like(top))
