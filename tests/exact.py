"""An independent checker of whole certificates in rational arithmetic; it shares no code with the package.

A float is a rational number, so weights, data and dual point are taken as they are and nothing is rounded.
Squared loss on the seen entries, φ(u, v) = u vᵀ, θ = ½(‖u‖² + ‖v‖²).
"""

from collections.abc import Sequence
from fractions import Fraction

Matrix = list[list[Fraction]]


def exact(rows: Sequence[Sequence[float]]) -> Matrix:
    return [[Fraction(x) for x in row] for row in rows]


def gram(G: Matrix) -> Matrix:
    """GᵀG."""
    columns = range(len(G[0]))
    return [[sum((row[i] * row[j] for row in G), Fraction(0)) for j in columns] for i in columns]


def positive_semidefinite(A: Matrix) -> bool:
    """Whether a symmetric matrix is positive semidefinite, by LDLᵀ without rounding."""
    A = [row[:] for row in A]
    for k in range(len(A)):
        pivot = A[k][k]
        if pivot < 0 or (pivot == 0 and any(A[i][k] for i in range(k + 1, len(A)))):
            return False
        for i in range(k + 1, len(A)):
            if pivot:
                factor = A[i][k] / pivot
                for j in range(k, len(A)):
                    A[i][j] -= factor * A[k][j]
    return True


def spectral_norm_at_most(G: Matrix, bound: Fraction) -> bool:
    """σ₁(G) ≤ bound, i.e. bound²·I − GᵀG ⪰ 0."""
    A = gram(G)
    return bound >= 0 and positive_semidefinite(
        [[(bound * bound if i == j else Fraction(0)) - A[i][j] for j in range(len(A))] for i in range(len(A))]
    )


def dual_value(Y: Matrix, G: Matrix) -> Fraction:
    """−ℓ*(G) = −Σ (½g² + gy)."""
    return -sum((g * g / 2 + g * y for a, b in zip(G, Y, strict=True) for g, y in zip(a, b, strict=True)), Fraction(0))


def objective(Y: Matrix, seen: list[list[bool]], U: Matrix, V: Matrix, lam: Fraction) -> Fraction:
    """f_r(W) for subnetworks in rows of U and V."""
    total = Fraction(0)
    for i, row in enumerate(Y):
        for j, y in enumerate(row):
            if seen[i][j]:
                x = sum((u[i] * v[j] for u, v in zip(U, V, strict=True)), Fraction(0))
                total += (y - x) ** 2 / 2
    return total + lam * sum((w * w for part in (U, V) for row in part for w in row), Fraction(0)) / 2


def off_mask_is_zero(G: Matrix, seen: list[list[bool]]) -> bool:
    """G lies in the domain of ℓ*."""
    return all(s or g == 0 for a, b in zip(G, seen, strict=True) for g, s in zip(a, b, strict=True))
