"""What certifying a trained network of one hidden layer costs: one polar at its residual."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
import torch

from claimbook.sweeps import Sweep
from global_optimality import LBFGS, Problem, ReluUnit, SquaredLoss, SumOfSquares, certify, minimise
from global_optimality.streams import generator, normal

from .timing import clocked

SIZES = {
    1: ((3, 50), (3, 400), (3, 1600), (4, 50), (4, 400), (6, 50), (20, 50)),
    3: ((3, 50), (3, 400), (4, 50)),
}
"""By outputs, pairs d, N: columns of S (a decayed hidden bias counts as one) and samples."""

WIDTH, STEPS = 20, 500


def certifying_cost(sizes: Sequence[tuple[int, int]], c: int, *, seed: int = 0) -> pd.DataFrame:
    """One row a pair d, N with c outputs: processor seconds of ``certify``, how far apart it leaves the polar's bounds.

    A teacher of five units and noise, λ = N/100; the network has WIDTH units after STEPS of L-BFGS. Limits of the
    search are those that hold where none are given.
    """
    rows = []
    for d, N in sizes:
        problem = _problem(N, d, c, seed)
        W = minimise(problem, problem.random(1, WIDTH, seed=seed), LBFGS(), max_steps=STEPS).weights
        found, seconds = clocked(lambda p=problem, W=W: certify(p, W))
        width = float(found.polar[0] / found.polar_lower[0]) - 1
        rows.append({"d": d, "N": N, "outputs": c, "cpu_seconds": seconds.cpu, "width": width})
    return pd.DataFrame(rows)


def with_outputs(shared: dict[str, Any], _: list[dict[str, Any]]) -> pd.DataFrame:
    """Networks of so many outputs."""
    return certifying_cost(SIZES[shared["outputs"]], shared["outputs"])


CERTIFYING_COST = Sweep(with_outputs, {"outputs": list(SIZES)})


def _problem(N: int, d: int, c: int, seed: int) -> Problem:
    stream = generator(seed, "certifying cost", N, d, c)
    S, U, V = normal(stream, N, d), normal(stream, 5, d), normal(stream, 5, c)
    Y = torch.relu(S @ U.mT) @ V
    Y = Y / Y.std() + 0.1 * normal(stream, N, c)
    return Problem(SquaredLoss(Y), ReluUnit(S, c), SumOfSquares(), N / 100)
