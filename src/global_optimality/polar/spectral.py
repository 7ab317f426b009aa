"""The largest singular value from above, proved: rounding cannot invalidate it, whatever computed the decomposition."""

import torch
from torch import Tensor

from ..symmetric import eigh


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
    stretch = (_square(U) * _square(Vh.mT)).sqrt()
    error = 2 * torch.linalg.matrix_norm(Q - (U * s[:, None, :]) @ Vh)
    error = error + (k + 4) * eps * (s.sum(1) * stretch + torch.linalg.matrix_norm(Q))
    upper = (s.amax(1) * stretch + error) * (1 + 8 * eps)  # of two products, a sum, and the root in ``stretch``
    return U, s * unit[:, None], Vh, upper * unit


def largest_eigenvalue(B: Tensor) -> Tensor:
    """An upper bound of the largest eigenvalue of symmetric B ``(n, m, m)``, or 0 where that is more; as ``decompose``.

    xᵀBx ≤ max(0, Λ_1, …, Λ_m) σ₁(V)² + ‖B − V diag(Λ) Vᵀ‖_F for unit x, whatever Λ and V are.
    """
    values, V = eigh(B)
    eps, m, stretch = torch.finfo(B.dtype).eps, B.shape[1], _square(V)
    error = 2 * torch.linalg.matrix_norm(B - (V * values[:, None, :]) @ V.mT)
    error = error + (m + 4) * eps * (values.abs().sum(1) * stretch + torch.linalg.matrix_norm(B))
    return (values.amax(1).clamp(min=0) * stretch + error) * (1 + 8 * eps)


def _square(U: Tensor) -> Tensor:
    """An upper bound of σ₁(U)² for U ``(n, m, k)`` with nearly orthonormal columns."""
    m, k = U.shape[1:]
    defect = torch.linalg.matrix_norm(U.mT @ U - torch.eye(k, dtype=U.dtype, device=U.device))
    return 1 + 2 * defect + m * torch.finfo(U.dtype).eps * U.square().sum((1, 2))


def power_of_two(Q: Tensor) -> Tensor:
    """The power of two by which the entries of Q are divided without rounding to at most 1, ``(n,)``."""
    top = Q.abs().amax((1, 2))
    return torch.where(top > 0, top / torch.frexp(top).mantissa, torch.ones_like(top))
