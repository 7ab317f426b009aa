"""Positive semidefiniteness of integer matrices, decided without rounding."""

from collections.abc import Sequence


def negative_direction(A: Sequence[Sequence[int]]) -> list[int] | None:
    """None where the symmetric A is positive semidefinite, else an integer x with xᵀAx < 0.

    Elimination without fractions (Bareiss): what remains after a positive pivot is a positive multiple of the Schur
    complement, and all divisions are exact.
    """
    A = [list(row) for row in A]
    left, previous = list(range(len(A))), 1
    done: list[tuple[int, list[int]]] = []
    while left:
        k = left[0]
        pivot = A[k][k]
        others = [i for i in left[1:] if A[k][i]]
        if pivot < 0 or (pivot == 0 and others):
            x = [0] * len(A)
            x[k] = 1
            if pivot == 0:
                i = others[0]
                x[k], x[i] = -(abs(A[i][i]) + 1) * (1 if A[k][i] > 0 else -1), 1
            return _lifted(x, done)
        left = left[1:]
        if pivot == 0:
            continue
        done.append((k, A[k][:]))
        row = A[k]
        for i in left:
            factor, target = row[i], A[i]
            for j in left:
                if j >= i:
                    target[j] = (pivot * target[j] - factor * row[j]) // previous
                    A[j][i] = target[j]
        previous = pivot
    return None


def _lifted(x: list[int], done: list[tuple[int, list[int]]]) -> list[int]:
    """x completed on the eliminated coordinates, so that each elimination's square vanishes."""
    eliminated = {k for k, _ in done}
    for k, row in reversed(done):
        eliminated.discard(k)
        total = sum(a * b for j, (a, b) in enumerate(zip(row, x, strict=True)) if j != k and j not in eliminated)
        x = [row[k] * a for a in x]
        x[k] = -total
    return x


def value(A: Sequence[Sequence[int]], x: Sequence[int]) -> int:
    """xᵀAx."""
    return sum(a * b * c for a, row in zip(x, A, strict=True) for b, c in zip(row, x, strict=True))


def spectral_norm_exceeds(Q: Sequence[Sequence[int]], level: int) -> bool:
    """Whether σ₁(Q)² > level: level·I − QᵀQ (or QQᵀ, where that is smaller) is not positive semidefinite."""
    rows = Q if len(Q) <= len(Q[0]) else list(zip(*Q, strict=True))
    gram = [[-sum(a * b for a, b in zip(x, y, strict=True)) for y in rows] for x in rows]
    for i, row in enumerate(gram):
        row[i] += level
    return negative_direction(gram) is not None
