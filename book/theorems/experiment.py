"""Theorem 2's path as its proof builds it: linear programs over the units of a start and of a global minimum."""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pandas as pd
import torch

from global_optimality.factors import Factors, append, slice_norms, zeros_like_slice
from global_optimality.problem import Problem

from .finite_rays import Sharp
from .trap_search import minima


class Dictionary:
    """Units of one network (one run) scaled to θ = 1: a network is a vector c ≥ 0, X = A c and Θ = Σ c."""

    def __init__(self, problem: Problem, W: Factors) -> None:
        theta = problem.regularizer.theta(*W)[0]
        kept = theta > 0
        self.mapping = problem.mapping
        self.start = theta[kept].numpy()
        self.units = self.mapping.scaled(tuple(w[:, kept] for w in W), 1 / theta[None, kept])
        self.A = problem.mapping.phi(*self.units)[0].flatten(1).T.numpy()

    def weights(self, c: np.ndarray) -> Factors:
        """The network with these coefficients, ``(1, units, *D_k)``."""
        return self.mapping.scaled(self.units, torch.as_tensor(c)[None])

    def cheapest(self, c: np.ndarray) -> np.ndarray:
        """A cheapest vertex with the output A c, for a c ≥ 0: at most card(X) of its coefficients are not zero.

        Exact up to the rounding of every coefficient to float64, so units may be as near to collinear as they like.
        """
        return cheapest_vertex(self.A, c)


def cheapest_vertex(A: np.ndarray, c: np.ndarray) -> np.ndarray:
    """argmin Σ b over {b ≥ 0 : A b = A c}, a vertex of that set, for A ``(m, n)`` and c ``(n,)`` ≥ 0, both finite."""
    return list(vertices(A, c))[-1]


def vertices(A: np.ndarray, c: np.ndarray, first: np.ndarray | None = None) -> Iterator[np.ndarray]:
    """Vertices of {b ≥ 0 : A b = A c}, each joined to the last by an edge on which Σ b falls, down to the least Σ b.

    The simplex method in integers (Bareiss' division, Bland's rule). There is no tolerance: nearly dependent columns
    are data like any other, and every coefficient is the exact one rounded once to float64. ``first``, if given, is
    the vertex to start from, as an earlier call found it for the same output.
    """
    (m, n), (columns, _), (weights, unit) = A.shape, _integers(A), _integers(c)
    rows = np.column_stack([columns, columns @ weights])
    rows[rows[:, n] < 0] *= -1
    cost = np.append(np.ones(n, dtype=int), 0).astype(object)
    table, basis, below = np.vstack([rows, cost, -rows.sum(axis=0)]), np.arange(n, n + m), 1
    used = () if first is None else map(int, np.flatnonzero(first))
    for j in used:  # independent columns: each finds a row whose artificial unit it can replace
        i = next(i for i in range(m) if basis[i] >= n and table[i, j] != 0)
        (table, below), basis[i] = _pivot(table, below, i, j), j
    for objective in (m + 1, m):  # first the infeasibility of the m artificial units, then Σ b
        if objective == m:
            yield (last := _coefficients(table, basis, below * unit))
        while (entering := np.flatnonzero(table[objective, :n] < 0)).size:
            j = entering[0]
            i = min((Fraction(table[i, n], table[i, j]), basis[i], i) for i in range(m) if table[i, j] > 0)[2]
            (table, below), basis[i] = _pivot(table, below, i, j), j
            if objective == m and (moved := _coefficients(table, basis, below * unit)).tolist() != last.tolist():
                yield (last := moved)
        for i in map(int, np.flatnonzero(basis >= n)):  # what is left of them is zero
            if (others := np.flatnonzero(table[i, :n] != 0)).size:
                (table, below), basis[i] = _pivot(table, below, i, others[0]), others[0]


def _coefficients(table: np.ndarray, basis: np.ndarray, denominator: int) -> np.ndarray:
    """The basic solution of a table, every coefficient rounded once."""
    found = np.zeros(table.shape[1] - 1)
    for i in np.flatnonzero(basis < len(found)):
        found[basis[i]] = table[i, -1] / denominator
    return found


def _integers(x: np.ndarray) -> tuple[np.ndarray, int]:
    """Finite floats as integers over one denominator."""
    ratios = [float(v).as_integer_ratio() for v in x.flat]
    below = max(b for _, b in ratios)
    return np.array([a * (below // b) for a, b in ratios], dtype=object).reshape(x.shape), below


def _pivot(table: np.ndarray, below: int, i: int, j: int) -> tuple[np.ndarray, int]:
    """The table over its common denominator after column j takes the place of the basic column of row i."""
    pivot = table[i, j]
    after = (table * pivot - np.outer(table[:, j], table[i])) // below
    after[i] = table[i]
    return (after, pivot) if pivot > 0 else (-after, -pivot)


def path(problem: Problem, W: Factors, optimum: Factors, times: Sequence[float]) -> pd.DataFrame:
    """From W (one run) to a global minimum, as in the proof: slide, exchange at constant output, cross.

    One row a point: the piece, f, and the units that are not zero; of the exchange every edge is walked, and ``t`` is
    the share of the edges. ``ValueError`` if W holds at most card(X) units.
    """
    if W[0].shape[1] <= problem.card:
        raise ValueError(f"r = {W[0].shape[1]}: Theorem 2 needs more than card(X) = {problem.card} subnetworks.")
    rows = [
        (piece, t, float(problem(*V)), int((slice_norms(V)[0] > 0).sum()))
        for piece, t, V in _points(problem, W, optimum, times)
    ]
    return pd.DataFrame(rows, columns=["piece", "t", "objective", "units"]).assign(point=range(len(rows)))


def _points(
    problem: Problem, W: Factors, optimum: Factors, times: Sequence[float]
) -> Iterator[tuple[str, float, Factors]]:
    own, both = Dictionary(problem, W), Dictionary(problem, append(W, optimum))
    here, vertex = own.start, own.cheapest(own.start)
    for t in times:
        yield "slide", t, own.weights((1 - t) * here + t * vertex)
    begin, end = np.zeros_like(both.start), both.start.copy()
    begin[: len(here)], end[: len(here)] = here, 0
    corners = list(vertices(both.A, begin, np.concatenate([vertex, end[len(here) :] * 0])))
    for k, (a, b) in enumerate(pairwise(corners)):
        for t in times:
            yield "exchange", (k + t) / (len(corners) - 1), both.weights((1 - t) * a + t * b)
    for t in times:
        yield "cross", t, both.weights(both.cheapest((1 - t) * begin + t * end))


def straight_line(problem: Problem, W: Factors, optimum: Factors, times: Sequence[float]) -> pd.DataFrame:
    """f along the straight line in the space of weights from W to a global minimum, filled up with zero units."""
    while optimum[0].shape[1] < W[0].shape[1]:
        optimum = append(optimum, zeros_like_slice(optimum))
    line = (tuple((1 - t) * a + t * b for a, b in zip(W, optimum, strict=True)) for t in times)
    return pd.DataFrame([(t, float(problem(*V))) for t, V in zip(times, line, strict=True)], columns=["t", "objective"])


def sharp_levels(cards: Sequence[int]) -> pd.DataFrame:
    """Of the sharp example: values of trap and optimum and the least rise out, by enumeration, beside the formulas.

    ``error`` is the largest distance of the first two from theirs.
    """
    rows = []
    for card in cards:
        example = Sharp(card)
        found = minima(example.A.numpy()[None], example.Y.numpy()[None], np.ones(1))
        axes = tuple(range(card))
        trap, optimum, barrier = (float(x[0]) for x in (found.own[axes], found.of_size(card), found.barrier(axes)))
        error = max(abs(trap - example.levels[0]), abs(optimum - example.levels[1]))
        rows.append((card, trap, optimum, barrier, error))
    return pd.DataFrame(rows, columns=["card", "trap", "optimum", "barrier", "error"])
