"""Theorem 2's path as its proof builds it: linear programs over the units of a start and of a global minimum."""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
import torch
from scipy.optimize import linprog

from ..factors import Factors, append, scale, slice_norms, zeros_like_slice
from ..problem import Problem

ZERO = 1e-9
"""A coefficient of a vertex below ZERO times the largest one is the linear program's rounding, and taken as zero."""

RESIDUAL = 1e-11
"""A vertex must give the output to this accuracy, relative to the output's norm."""


class Dictionary:
    """Units of one network (one run) scaled to θ = 1: a network is a vector c ≥ 0, X = A c and Θ = Σ c."""

    def __init__(self, problem: Problem, W: Factors) -> None:
        theta = problem.regularizer.theta(*W)[0]
        kept = theta > 0
        self.p = problem.mapping.degree
        self.start = theta[kept]
        self.units = scale(tuple(w[:, kept] for w in W), theta[None, kept] ** (-1 / self.p))
        self.A = problem.mapping.phi(*self.units)[0].flatten(1).T.numpy()

    def weights(self, c: np.ndarray) -> Factors:
        """The network with these coefficients, ``(1, units, *D_k)``."""
        return scale(self.units, torch.as_tensor(c)[None] ** (1 / self.p))

    def cheapest(self, X: np.ndarray) -> np.ndarray:
        """A vertex of {c ≥ 0 : A c = X} with the least Σ c: at most card(X) coefficients are not zero."""
        found = linprog(np.ones(self.A.shape[1]), A_eq=self.A, b_eq=X, bounds=(0, None), method="highs-ds")
        if found.x is None:
            raise ValueError(f"the units do not span the output: {found.message}")
        c = np.zeros_like(found.x)
        support = np.flatnonzero(found.x > ZERO * found.x.max(initial=0))
        if len(support):
            c[support] = np.linalg.lstsq(self.A[:, support], X, rcond=None)[0].clip(min=0)
        if np.linalg.norm(self.A @ c - X) > RESIDUAL * max(np.linalg.norm(X), 1e-300):
            raise ValueError("the linear program's vertex does not give the output: its basis is ill-conditioned.")
        return c


def path(problem: Problem, W: Factors, optimum: Factors, times: Sequence[float]) -> pd.DataFrame:
    """From W (one run) to a global minimum, as in the proof: slide, exchange at constant output, cross.

    One row a point: the piece, f, and the units that are not zero. The exchange is given by its end: between vertices
    f is linear, so it cannot rise inside. ``ValueError`` if W holds at most card(X) units.
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
    X, goal = (problem.mapping.Phi(*V)[0].flatten().numpy() for V in (W, optimum))
    here, vertex = own.start.numpy(), own.cheapest(X)
    for t in times:
        yield "slide", t, own.weights((1 - t) * here + t * vertex)
    yield "exchange", 1.0, both.weights(both.cheapest(X))
    for t in times:
        yield "cross", t, both.weights(both.cheapest((1 - t) * X + t * goal))


def straight_line(problem: Problem, W: Factors, optimum: Factors, times: Sequence[float]) -> pd.DataFrame:
    """f along the straight line in the space of weights from W to a global minimum, filled up with zero units."""
    while optimum[0].shape[1] < W[0].shape[1]:
        optimum = append(optimum, zeros_like_slice(optimum))
    line = (tuple((1 - t) * a + t * b for a, b in zip(W, optimum, strict=True)) for t in times)
    return pd.DataFrame([(t, float(problem(*V))) for t, V in zip(times, line, strict=True)], columns=["t", "objective"])


def refuses(problem: Problem, W: Factors, optimum: Factors) -> bool:
    """Whether ``path`` refuses W for having too few units."""
    try:
        path(problem, W, optimum, [1.0])
    except ValueError as error:
        return "Theorem 2 needs" in str(error)
    return False
