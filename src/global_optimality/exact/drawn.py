"""A dual point moved by its rounding, so that what the loss's conjugate demands of it holds exactly.

A free output bias needs columns that sum to 0, cross-entropy rows that do: entries are put on a grid of 2^−GRID of the
largest, where sums of float64 are exact, and what is left of a sum goes to the entry with the most room.
"""

import math
from collections.abc import Callable

from .file import Matrix, Saved

GRID = 50


def drawn(saved: Saved, shrink: float) -> Matrix | None:
    """(1 − shrink)·G in dom ℓ*, or None where it is further outside than rounding can bring it."""
    G = [[g * (1 - shrink) for g in row] for row in saved.G]
    if saved.loss == "squared":
        G = [
            [g if seen else 0.0 for g, seen in zip(gs, mask, strict=True)]
            for gs, mask in zip(G, saved.mask, strict=True)
        ]
    if saved.loss == "logistic":
        G = [
            [-y * min(max(-g * y, 0.0), w) for g, y in zip(gs, ys, strict=True)]
            for gs, ys, w in zip(G, saved.Y, saved.weights, strict=True)
        ]
    top = math.frexp(max(abs(g) for row in G for g in row))[1] - GRID
    if top < -1074:
        return G if not any(g for row in G for g in row) else None
    ints = [[round(math.ldexp(g, -top)) for g in row] for row in G]
    wholes = [math.floor(math.ldexp(w, -top)) for w in saved.weights]
    if saved.loss == "cross entropy":
        ints = [_simplex(row, ys.index(1), whole) for row, ys, whole in zip(ints, saved.Y, wholes, strict=True)]
        if saved.bias == 0:
            _balance_rows(ints, saved.Y, wholes)
    elif saved.bias == 0:
        room = _logistic_room(saved, wholes) if saved.loss == "logistic" else lambda i, j, g: abs(g)
        for j in range(len(ints[0])):
            i = max(range(len(ints)), key=lambda i: room(i, j, ints[i][j]))
            ints[i][j] -= sum(row[j] for row in ints)
    else:
        return G
    return [[math.ldexp(g, top) for g in row] for row in ints]


def _logistic_room(saved: Saved, wholes: list[int]) -> Callable[[int, int, int], int]:
    return lambda i, j, g: min(abs(g), wholes[i] - abs(g))


def _simplex(row: list[int], label: int, whole: int) -> list[int]:
    """Σ row = 0 with row ≥ 0 but at the label, where row ≥ −whole."""
    row = [max(g, 0) if j != label else 0 for j, g in enumerate(row)]
    largest = max(range(len(row)), key=row.__getitem__)
    row[largest] -= max(sum(row) - whole, 0)
    row[label] = -sum(row)
    return row


def _balance_rows(ints: list[list[int]], Y: Matrix, wholes: list[int]) -> None:
    """Every column's sum to 0, keeping the rows': what is too much in column j moves to column 0, in one row."""

    def room(i: int, j: int) -> int:
        return min(ints[i][k] + (wholes[i] if Y[i][k] else 0) for k in (0, j))

    for j in range(1, len(ints[0])):
        excess = sum(row[j] for row in ints)
        i = max(range(len(ints)), key=lambda i: room(i, j))
        ints[i][j] -= excess
        ints[i][0] += excess
