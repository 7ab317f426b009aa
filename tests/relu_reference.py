"""References for the polar of the ReLU unit that share no code with the package, and data that provoke it."""

from fractions import Fraction
from itertools import combinations, product

import numpy as np
import torch
from scipy.optimize import nnls
from torch import Tensor


def exact_square(S: Tensor, q: Tensor) -> Fraction:
    """Ω°(q)² for q (N,) and S (N, 3) of any rank, in rational arithmetic, tiny N.

    The maximum is a candidate of some stratum: Σ_{i ∈ D} q_i s_i projected off none, one or two rows, either
    sign. Every candidate is a point of the sphere, so trying all 2^N patterns D can only add smaller values.
    """
    rows = [[Fraction(x) for x in row] for row in S.tolist()]
    weights = [Fraction(x) for x in q.tolist()]
    directions = [w for a, b in combinations(rows, 2) if any(w := cross(a, b))]
    for pattern in product((0, 1), repeat=len(rows)):
        g = [sum(w * row[k] for w, row, on in zip(weights, rows, pattern, strict=True) if on) for k in range(3)]
        directions.append(g)
        directions.extend([dot(s, s) * a - dot(g, s) * b for a, b in zip(g, s, strict=True)] for s in rows)
    best = Fraction(0)
    for w in directions:
        for u in (w, [-x for x in w]):
            value = sum(weight * max(dot(row, u), 0) for weight, row in zip(weights, rows, strict=True))
            best = max(best, value * value / dot(u, u)) if any(u) else best
    return best


def dot(a: list[Fraction], b: list[Fraction]) -> Fraction:
    return sum((x * y for x, y in zip(a, b, strict=True)), Fraction(0))


def cross(a: list[Fraction], b: list[Fraction]) -> list[Fraction]:
    return [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]


def strata_maximum(S: Tensor, Q: Tensor) -> float:
    """Ω°(Q) for Q (N, c), S (N, d), tiny N, d ≤ 3: leading eigenvectors for all patterns and flats."""
    N, d = S.shape
    flats = [torch.eye(d, dtype=S.dtype)]
    for size in range(1, d):
        for rows in combinations(range(N), size):
            _, singular, V = torch.linalg.svd(S[list(rows)], full_matrices=True)
            if singular[-1] > 1e-9 * singular[0] and singular[-1] > 0:
                flats.append(V[size:].T @ V[size:])
    patterns = torch.tensor(list(product((0.0, 1.0), repeat=N)), dtype=S.dtype)
    B = S.T @ (patterns[:, :, None] * Q)
    best = 0.0
    for P in flats:
        vectors = torch.linalg.eigh(P @ B @ (P @ B).mT).eigenvectors[:, :, -1]
        vectors = vectors @ P
        vectors = vectors / vectors.norm(dim=1, keepdim=True).clamp_min(1e-12)
        for u in (vectors, -vectors):
            best = max(best, float(((u @ S.T).clamp_min(0) @ Q).norm(dim=1).max()))
    return best


def cone_maximum(S: Tensor, q: Tensor, patterns: Tensor) -> float:
    """Ω°(q) = max over patterns D and signs of ‖Proj_C(±SᵀDq)‖, C = {(2D − I)Su ≥ 0}, by NNLS."""
    best = 0.0
    for active in patterns:
        A = ((2 * active.to(S.dtype) - 1)[:, None] * S).numpy()
        g = (S.T @ (active * q)).numpy()
        for sign in (1, -1):
            multipliers, _ = nnls(A.T, -sign * g)
            best = max(best, float(np.linalg.norm(sign * g + A.T @ multipliers)))
    return best


def normal(generator: torch.Generator, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def degenerate(generator: torch.Generator, N: int) -> dict[str, Tensor]:
    """S (N, d) with every kind of degeneracy, d ≤ 3 or rank ≤ 3; N ≥ 4."""
    S = normal(generator, N, 3)
    other = normal(generator, N, 3)
    integers = torch.randint(-2, 3, (N, 2), generator=generator).to(torch.float64)
    column = torch.ones(N, 1, dtype=torch.float64)
    half = N // 2
    return {
        "generic": S,
        "bias": torch.cat([S[:, :2], column], 1),
        "plane": S[:, :2],
        "line": S[:, :1],
        "duplicates": torch.cat([S[:half], S[: N - half]]),
        "multiples": torch.cat([S[:half], -3 * S[: N - half]]),
        "zeros": torch.cat([S[: N - 2], torch.zeros(2, 3, dtype=torch.float64)]),
        "grid": torch.cat([integers, column], 1),
        "integers": torch.randint(-1, 2, (N, 3), generator=generator).to(torch.float64),
        "collinear features": torch.cat([S[:, :1], 2 * S[:, :1], column], 1),
        "constant features": torch.cat([S[:, :1], 0 * column, column], 1),
        "rank 1": S[:, :1] * S[:1],
        "rank 3 in 5": S @ normal(generator, 3, 5),
        "close 1e-9": torch.cat([S[:half], S[: N - half] + 1e-9 * other[: N - half]]),
        "close 1e-14": torch.cat([S[:half], S[: N - half] + 1e-14 * other[: N - half]]),
        "close 1e-16": torch.cat([S[:half], S[: N - half] * (1 + 4e-16 * other[: N - half])]),
        "nearly plane 1e-9": torch.cat([S[:, :2], 1e-9 * S[:, 2:]], 1),
        "nearly plane 1e-14": torch.cat([S[:, :2], 1e-14 * S[:, 2:]], 1),
        "nearly line": S[:1] + 1e-7 * other,
        "one pencil": torch.cat([S[:, :2] @ other[:2], 1e-15 * other[:0]]),
        "one pencil but one": torch.cat([S[1:, :2] @ other[:2], other[3:4]]),
        "rows 1e8": S * torch.logspace(-8, 8, N, dtype=torch.float64)[:, None],
        "columns 1e8": S * torch.tensor([1e8, 1.0, 1e-8], dtype=torch.float64),
        "huge": 1e150 * S,
        "tiny": 1e-150 * S,
    }
