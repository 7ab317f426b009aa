"""The width at which nine of ten descents end at a certified optimum, against r* and the scale of the start."""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from global_optimality.factors import Factors
from global_optimality.optimal_face import optimal_face
from global_optimality.problem import Problem
from global_optimality.sliding_frank_wolfe import solve

from ..shared.adam import adam
from ..shared.relu_problems import inputs
from .fixed_width import train
from .optima import GAP, Setting

SUCCESS = 1e-3
"""A run succeeds if f ≤ (1 + SUCCESS) times the certified lower bound over all sizes."""

RATE = 0.03
"""Adam's first step, in units of the weights of a typical start."""

SHARE = 0.9
"""The share of successes asked for."""

SETTLED = 1e-3
"""A run has settled when a restart gains less than this share of f."""

SCALES = {"small": 0.01, "usual": 0.3, "large": 3.0}
"""Standard deviations of the weights at the start, in units of √(Θ*/r*): a unit of the optimum is about that large."""


def starts(problem: Problem, r: int, runs: int, scale: float, *, seed: int, unit: float) -> Factors:
    """Normal weights ``(runs, r, d)``, ``(runs, r, 1)`` of deviation ``scale`` · ``unit`` · r^{−1/2}."""
    return problem.random(runs, r, seed=seed, deviation=scale * unit / r**0.5)


def descents(setting: Setting, sizes: Sequence[int], *, draws: Sequence[int], runs: int, steps: int) -> pd.DataFrame:
    """Adam from random starts of three scales: one row a draw, scale, size and run, with the excess over the bound.

    ``falls``: what a restart of a fifth of the steps, at a tenth of the rate, still gains. ``smallest`` is r* of the
    draw; ``one_unit`` the least excess of any network of one unit, proved by enumeration.
    """
    tables = []
    for draw in draws:
        problem = setting.problem(draw)
        solution = solve(problem, tol=GAP)
        bound, face = float(solution.certificate.lower_bound[0]), optimal_face(solution)
        smallest, unit = face.fewest(), float(face.masses.sum()) ** 0.5
        one_unit = train(problem, 1).lower_bound / bound - 1
        for name, scale in SCALES.items():
            for r in sizes:
                W = starts(problem, r, runs, scale, seed=draw, unit=unit)
                objective, rate = _fast(problem), RATE * unit / r**0.5
                end = adam(objective, W, steps=steps, rate=rate)
                again = adam(objective, end, steps=steps // 5, rate=rate / 10)
                excess, later = ((problem(*V) / bound - 1).numpy() for V in (end, again))
                tables.append(pd.DataFrame({
                    "draw": draw, "scale": name, "size": r, "run": range(runs), "excess": excess,
                    "falls": (excess - later) / (1 + excess), "smallest": smallest, "one_unit": one_unit,
                }))  # fmt: skip
    return pd.concat(tables, ignore_index=True).assign(**vars(setting))


def _fast(problem: Problem) -> Callable[[Tensor, Tensor], Tensor]:
    """f without checks of its arguments."""
    S, Y, lam = inputs(problem), problem.loss.Y, problem.lam

    def objective(U: Tensor, V: Tensor) -> Tensor:
        residual = torch.relu(S @ U.mT) @ V - Y
        return 0.5 * (residual.square().sum((1, 2)) + lam * (U.square().sum((1, 2)) + V.square().sum((1, 2))))

    return objective


def success(table: pd.DataFrame) -> pd.DataFrame:
    """The share of successful runs of each draw, scale and size."""
    done = table.assign(success=(table["excess"] <= SUCCESS).astype(float))
    return done.groupby(["draw", "scale", "size", "smallest"]).agg(success=("success", "mean")).reset_index()


def needed(table: pd.DataFrame) -> pd.DataFrame:
    """The least size from which on all sizes of the table succeed with share ≥ SHARE; NaN if none. One row a draw."""
    rows = []
    for (draw, scale, smallest), part in success(table).groupby(["draw", "scale", "smallest"]):
        part = part.sort_values("size")
        enough = part["success"].to_numpy() >= SHARE
        first = len(enough) - int(np.argmin(enough[::-1])) if not enough.all() else 0
        rows.append((draw, scale, smallest, part["size"].iloc[first] if first < len(part) else np.nan))
    return pd.DataFrame(rows, columns=["draw", "scale", "smallest", "width"])
