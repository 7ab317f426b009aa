"""Many small symmetric matrices at once: LAPACK on a CPU, Jacobi's method in tensor operations elsewhere.

On some builds for CUDA ``torch.linalg.eigh`` takes the matrices of a batch one by one, 30 to 130 times slower than
on others (PyTorch's issue 183806). Here a batch costs a number of launches that depends on the size of a matrix alone,
and nothing is read back, so that a CUDA graph can hold it.
"""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor

LARGEST = 16
"""Jacobi's method serves matrices up to this size: its launches grow with the square of it."""

SWEEPS = {1: 0, 2: 1, 3: 2, 4: 8, 6: 10, 8: 11, 12: 13, 16: 14}
"""Sweeps by largest size: one more than the hardest of 12,000 needed, with equal, clustered and graded values."""

SKIPPED = 0.003
"""A rotation waits if its entry is below SKIPPED times the largest one of the sweep: else those among nearly equal
values, by any angle, undo what the others have annihilated, and convergence is no longer quadratic."""

SQUARINGS = 6
"""Of ``norm_bound``, which exceeds the norm of k × k matrices by a factor of at most k^(2^−(SQUARINGS + 1))."""


def eigh(A: Tensor) -> tuple[Tensor, Tensor]:
    """Eigenvalues ``(..., k)``, ascending, and orthonormal eigenvectors, columns of ``(..., k, k)``, of symmetric A.

    Backward stable either way. What is not finite is an error of ``torch.linalg`` on a CPU, NaN elsewhere.
    """
    if A.device.type == "cpu" or A.shape[-1] > LARGEST:
        return torch.linalg.eigh(A)
    values, vectors = jacobi(A.reshape(-1, *A.shape[-2:]))
    return values.reshape(A.shape[:-1]), vectors.reshape(A.shape)


def eigvalsh(A: Tensor) -> Tensor:
    """The eigenvalues of ``eigh``."""
    if A.device.type == "cpu" or A.shape[-1] > LARGEST:
        return torch.linalg.eigvalsh(A)
    return eigh(A)[0]


def norm_bound(A: Tensor) -> Tensor:
    """An upper bound ``(n,)`` of the spectral norms of symmetric A ``(n, k, k)``, to rounding.

    ‖A‖² is the largest eigenvalue of A², so ‖A‖ = ‖A^m‖^(1/m) ≤ ‖A^m‖_F^(1/m) ≤ k^(1/2m) ‖A‖ for m = 2^SQUARINGS.
    """
    least = torch.finfo(A.dtype).tiny
    size = A.abs().amax((1, 2)).clamp(min=least)
    A, power = A / size[:, None, None], 1.0
    for j in range(SQUARINGS + 1):
        if j:
            A, power = A @ A, power / 2
        length = torch.linalg.matrix_norm(A).clamp(min=least)
        A, size = A / length[:, None, None], size * length**power
    return size.clamp(min=least)


def jacobi(A: Tensor) -> tuple[Tensor, Tensor]:
    """``eigh`` of A ``(n, k, k)`` by Jacobi's method, all rotations of a round at once (Brent & Luk 1985).

    A 3 × 3 matrix is turned to its best separated eigenvector first. One step of Newton's method makes the vectors
    orthonormal to rounding, and their Rayleigh quotients in A are the values.
    """
    n, k, _ = A.shape
    size = A.abs().amax((1, 2), keepdim=True) if k else A.new_ones(n, 1, 1)
    unit = torch.where(size > 0, size / torch.frexp(size).mantissa, 1.0)
    A = A / unit
    V = _leading_first(A) if k == 3 else torch.eye(k, dtype=A.dtype, device=A.device).expand_as(A)
    V = _swept(V.mT @ A @ V if k == 3 else A, V)
    V = V @ (1.5 * torch.eye(k, dtype=A.dtype, device=A.device) - 0.5 * (V.mT @ V))
    values, order = (V * (A @ V)).sum(1).sort(dim=1)
    return values * unit[:, 0], V.gather(2, order[:, None].expand_as(V))


def _swept(A: Tensor, V: Tensor) -> Tensor:
    """V times the rotations that make A diagonal."""
    k = A.shape[1]
    A, V = (torch.nn.functional.pad(x, (0, k % 2, 0, k % 2)) for x in (A, V))
    half = (k + 1) // 2
    stay, swap, outside = _places(half, A.dtype, A.device)
    tiny = torch.finfo(A.dtype).tiny
    for _ in range(next(sweeps for size, sweeps in SWEEPS.items() if k <= size)):
        least = 2 * SKIPPED * (A * outside).abs().amax((1, 2))[:, None]
        for _ in range(2 * half - 1):
            d, cross = A.diagonal(dim1=1, dim2=2), 2 * A.diagonal(half, 1, 2)
            apart = d[:, half:] - d[:, :half]
            tangent = cross / (apart + torch.copysign(torch.hypot(apart, cross) + tiny, apart))
            tangent = torch.where(cross.abs() < least, 0.0, tangent)
            tangent = torch.cat([tangent, -tangent], 1)[:, :, None]
            cosine = (1 + tangent.square()).rsqrt()
            J = cosine * (stay + tangent * swap)
            A, V = J.mT @ A @ J, V @ J
    return V[:, :k, :k]


@cache
def _places(half: int, dtype: torch.dtype, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """Where J has cosines and sines, and what is not the diagonal: rows and columns i, i + half are rotated, then all
    change places, so that 2 half − 1 rounds rotate every pair once and end where they began, as in a tournament."""
    order = [0, half, *range(1, half - 1), *range(half + 1, 2 * half), half - 1] if half > 1 else [0, 1]
    eye = torch.eye(2 * half, dtype=dtype, device="cpu")
    return eye[:, order].to(device), eye.roll(half, 1)[:, order].to(device), (1 - eye).to(device)


def _leading_first(A: Tensor) -> Tensor:
    """Orthonormal bases ``(n, 3, 3)`` whose first vectors are the eigenvectors of A ``(n, 3, 3)`` farthest from others.

    The trigonometric closed form loses half the digits of two values that nearly agree, but not of the third:
    with trace 0 and ‖A‖_F² = 6 it is at least √3 away from both.
    """
    eye = torch.eye(3, dtype=A.dtype, device=A.device)
    least = torch.finfo(A.dtype).tiny
    A = A - A.diagonal(dim1=1, dim2=2).mean(1)[:, None, None] * eye
    A = A / (torch.linalg.matrix_norm(A) / 6**0.5).clamp(min=least)[:, None, None]
    first, second, third = A.unbind(1)
    half = ((torch.linalg.cross(first, second) * third).sum(1) / 2).clamp(-1, 1)
    value = torch.copysign(2 * torch.cos(torch.acos(half.abs()) / 3), half)
    rows = A - value[:, None, None] * eye
    products = torch.linalg.cross(rows, rows.roll(1, 1))
    longest = products.square().sum(2).argmax(1)[:, None, None].expand(-1, 1, 3)
    u = products.gather(1, longest)[:, 0]
    u = u / u.norm(dim=1, keepdim=True).clamp(min=least)
    w = u + torch.copysign(eye[0], u[:, :1])
    return eye - 2 * w[:, :, None] * w[:, None] / w.square().sum(1)[:, None, None]
