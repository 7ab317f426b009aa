"""Proposition 1 measured: Ω of a network with one hidden layer, enclosed between a dual bound and a network."""

from collections.abc import Sequence

import pandas as pd
import torch
from torch import Tensor

from global_optimality.losses import SquaredLoss
from global_optimality.mappings import ReluUnit
from global_optimality.polar import polar_of
from global_optimality.problem import Problem
from global_optimality.regularizers import SumOfSquares
from global_optimality.sliding_frank_wolfe import solve
from global_optimality.streams import generator, normal

from ..shared.relu_problems import reduced, with_bias

LITTLE = 1e-6
"""λ of the problem that encloses Ω, as a share of ‖X‖²: the enclosure's width is of this order."""


def line_inputs(N: int) -> Tensor:
    """N inputs on [−1, 1] and the bias."""
    return with_bias(torch.linspace(-1, 1, N, dtype=torch.float64)[:, None])


def outputs(S: Tensor, count: int, *, seed: int) -> list[Tensor]:
    """Random outputs X ``(N, 1)``, standard normal."""
    stream = generator(seed, "omega", len(S))
    return [normal(stream, len(S), 1) for _ in range(count)]


def enclosure(S: Tensor, X: Tensor) -> tuple[float, float, int]:
    """(lower, upper, units): Ω(X) for X ``(N, 1)`` and the size of a network that produces X but for a remainder.

    With Z the certified optimum for the target X and a small λ, Q = X − Z is a dual point: ⟨Q, X⟩/Ω°(Q) ≤ Ω(X). Above,
    Ω(X) ≤ Θ(W) + Ω(X − Z), and the remainder is written as a combination of units of norm one.
    """
    lam = LITTLE * float(X.square().sum())
    problem = Problem(SquaredLoss(X), ReluUnit(S), SumOfSquares(), lam)
    solution = solve(problem)
    remainder = X - problem.mapping.Phi(*solution.weights)[0]
    lower = float((remainder * X).sum() / polar_of(problem)(remainder[None]).upper[0])
    directions = normal(generator(0, "units of norm one"), 400, S.shape[1])
    features = torch.relu(S @ (directions / directions.norm(dim=1, keepdim=True)).T)
    coefficients = torch.linalg.lstsq(features, remainder, driver="gelsd").solution
    if not bool((features @ coefficients - remainder).norm() <= 1e-10 * X.norm()):
        raise ValueError("the remainder is no combination of the units tried: take distinct inputs.")
    W = reduced(problem, solution.weights)
    upper = float(problem.regularizer.Theta(*W)[0]) + float(coefficients.abs().sum())
    return lower, upper, W[0].shape[1]


def segment(S: Tensor, start: Tensor, end: Tensor, times: Sequence[float]) -> pd.DataFrame:
    """Ω enclosed along the straight line from one output to another."""
    rows = [(t, *enclosure(S, (1 - t) * start + t * end)) for t in times]
    table = pd.DataFrame(rows, columns=["t", "lower", "upper", "units"])
    first, last = table["upper"].iloc[0], table["upper"].iloc[-1]
    return table.assign(chord=(1 - table["t"]) * first + table["t"] * last)


def proposition_1(*, N: int, trials: int, seed: int) -> pd.DataFrame:
    """One row a pair of random outputs X, Z: Ω(X), Ω(Z), Ω(X + Z), Ω(3X), each enclosed, and the largest size."""
    S, rows = line_inputs(N), []
    drawn = outputs(S, 2 * trials, seed=seed)
    for X, Z in zip(drawn[::2], drawn[1::2], strict=True):
        a, b, both, three = (enclosure(S, V) for V in (X, Z, X + Z, 3 * X))
        row = {
            "positive": a[0] / float(X.norm()),
            "width": a[1] / a[0] - 1,
            "homogeneous": max(three[1] / (3 * a[0]), 3 * a[1] / three[0]) - 1,
            "triangle": both[0] / (a[1] + b[1]),
            "strict": (a[0] + b[0]) / both[1],
            "size": max(a[2], b[2], both[2], three[2]),
        }
        rows.append(row)
    return pd.DataFrame(rows).assign(card=N)
