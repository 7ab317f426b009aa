"""All global optima: tight atoms, the optimal face, its smallest network, over draws of the data and settings."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from global_optimality.arrangement import arrangement
from global_optimality.losses import SquaredLoss
from global_optimality.mappings import ReluUnit
from global_optimality.optimal_face import optimal_face, prediction_bounds
from global_optimality.polar import lambda_max
from global_optimality.polar.relu_exact import maximisers
from global_optimality.problem import Problem
from global_optimality.regularizers import SumOfSquares
from global_optimality.sliding_frank_wolfe import Solution, solve

from ..shared.outcomes import intervals
from ..shared.planted_relu import teacher_problem
from ..shared.relu_problems import inputs, line_problem, plane_problem

GAP = 1e-13
"""Relative gap asked of ``solve``: the optimal face is as sharp as its square root."""

PAIRED = 1e-5
"""Two unit directions this close to opposite are a pair."""


NOISE = 0.1
"""The noise of a setting, unless told otherwise."""


@dataclass(frozen=True)
class Setting:
    """A family of problems: inputs of dimension d, N samples, λ as a share of λ_max, a level of noise."""

    family: str
    N: int
    share: float
    noise: float = NOISE

    def problem(self, draw: int) -> Problem:
        """One draw of the data."""
        if self.family == "plane, bias":
            problem = plane_problem(self.N, 1.0, seed=draw)
        elif self.family == "line, bias":
            problem = line_problem(self.N, 1.0, seed=draw)
        else:
            d = {"teacher, d = 2": 2, "teacher, d = 3": 3}[self.family]
            problem = teacher_problem(self.N, d, 1.0, noise=self.noise, seed=draw)
        return replace(problem, lam=self.share * lambda_max(problem))


def symmetric_problem(N: int, lam: float) -> Problem:
    """N unit inputs evenly spread in the plane, all targets 1: for odd N, X* = (1 − λ/ρ) 1 and 2N atoms are tight."""
    angle = 2 * math.pi * torch.arange(N, dtype=torch.float64) / N
    S = torch.stack([angle.cos(), angle.sin()], 1)
    return Problem(SquaredLoss(torch.ones(N, 1, dtype=torch.float64)), ReluUnit(S), SumOfSquares(), lam)


def around(count: int) -> Tensor:
    """Unit inputs ``(count, 2)`` once around the circle."""
    angle = 2 * math.pi * torch.arange(count, dtype=torch.float64) / count
    return torch.stack([angle.cos(), angle.sin()], 1)


def degrees(problem: Problem) -> list[float]:
    """The angles of the samples of a problem in the plane, from 0 to 360."""
    S = inputs(problem)
    return torch.atan2(S[:, 1], S[:, 0]).rad2deg().remainder(360).tolist()


def circle_table(solution: Solution, proved_at: Sequence[int], count: int = 96, *, within: float = 0.0) -> pd.DataFrame:
    """Predictions around the circle over all optima: the face's range, and the proved bounds at some of the angles."""
    face, points = optimal_face(solution), around(count)
    low, high = face.prediction_range(points)
    table = pd.DataFrame({
        "degrees": [360.0 * k / count for k in range(count)],
        "low": low, "high": high, "one": solution.predict(points)[:, 0],
    })  # fmt: skip
    below, above = prediction_bounds(solution, points[list(proved_at)], within=within)
    proved = pd.DataFrame({"proved_low": below, "proved_high": above}, index=list(proved_at))
    return table.join(proved)


def facts(problem: Problem) -> dict[str, float]:
    """What the face of one problem shows; the last column tells whether all tight atoms come in pairs ±u."""
    solution = solve(problem, tol=GAP)
    face, S = optimal_face(solution), inputs(problem)
    Q = problem.loss.Y - problem.mapping.Phi(*solution.weights)[0]
    value, U, _ = maximisers(arrangement(S), Q, 4 * len(S) ** 2)
    opposite = torch.cdist(face.U, -face.U).amin(1) < PAIRED
    return {
        "gap": solution.relative_gap, "residual": face.residual, "tightness": face.tightness,
        "smallest": face.fewest(), "tight": len(face.U), "dimension": face.moves.shape[1],
        "on_kinks": int(kinked(S, face.U).sum()), "maxima": len(value), "in_cells": int((~kinked(S, U)).sum()),
        "unique_weights": face.unique_weights, "unique_function": face.unique_function,
        "paired": bool(opposite.all()), "linear": float((S.T @ Q).norm() / (S.norm() * Q.norm())),
    }  # fmt: skip


def kinked(S: Tensor, U: Tensor) -> Tensor:
    """Which units U ``(m, d)`` lie on the hyperplane of a sample."""
    sine = (U @ S.T).abs() / (U.norm(dim=1)[:, None] * S.norm(dim=1))
    return (sine <= 1e-7).any(1)


def faces(settings: Sequence[Setting], draws: Sequence[int]) -> pd.DataFrame:
    """``facts`` of every setting and draw of the data, one a row; a face that cannot be told is a row without facts."""
    rows = []
    for setting in settings:
        for draw in draws:
            try:
                found = facts(setting.problem(draw))
            except ValueError as undecided:
                found = {"undecided": str(undecided)}
            rows.append({**vars(setting), "draw": draw, **found})
    return pd.DataFrame(rows)


def counted_faces(setting: Setting, draws: Sequence[int]) -> pd.DataFrame:
    """Problems of one setting, counted: one row a smallest size, and whether function and weights are unique.

    ``problems`` have that row's answer, ``first`` is the draw of the first of them; ``smallest`` is NaN where the face
    cannot be told.
    """
    rows = []
    for draw in draws:
        try:
            face = optimal_face(solve(setting.problem(draw), tol=GAP))
            found = face.fewest(), face.unique_function, face.unique_weights
        except ValueError:
            found = math.nan, False, False
        rows.append((*found, draw))
    names = ["smallest", "unique_function", "unique_weights"]
    table = pd.DataFrame(rows, columns=[*names, "draw"])
    counts = table.groupby(names, dropna=False)["draw"].agg(problems="size", first="min").reset_index()
    return counts.assign(family=setting.family, N=setting.N, share=setting.share)


def law(table: pd.DataFrame) -> pd.DataFrame:
    """The exponent b of r* ∝ N^b at noise NOISE, fitted on each draw: mean, 95 % interval by family and λ."""
    part = table[(table["noise"] == NOISE) & table["share"].isin((0.3, 0.03))]
    rows = [
        (*key, float(np.polyfit(np.log(group["N"]), np.log(group["smallest"]), 1)[0]))
        for key, group in part.groupby(["family", "share", "draw"])
    ]
    fitted = pd.DataFrame(rows, columns=["family", "share", "draw", "exponent"])
    return intervals(fitted, ["family", "share"], "exponent").rename(columns={"mean": "exponent"}).reset_index()


def block_means(table: pd.DataFrame) -> pd.DataFrame:
    """Of counted problems: mean smallest size, shares of unique functions and weights, by N and block (``draw``).

    ``problems`` are those of the block, ``untold`` those whose face cannot be told; the means are over the others.
    """
    told = table.dropna(subset=["smallest"])
    columns = ["smallest", "unique_function", "unique_weights"]
    sums = told[columns].astype(float).mul(told["problems"], axis=0).groupby([told["N"], told["block"]]).sum()
    counts = told.groupby(["N", "block"])["problems"].sum()
    problems = table.groupby(["N", "block"])["problems"].sum()
    means = sums.div(counts, axis=0).assign(problems=problems, untold=problems - counts)
    return means.reset_index().rename(columns={"block": "draw"})


def law_of_blocks(means: pd.DataFrame) -> pd.Series:
    """The exponent b of r* ∝ N^b, fitted on every block of problems: mean, low and high of its 95 % interval."""
    fitted = [
        (block, float(np.polyfit(np.log(part["N"]), np.log(part["smallest"]), 1)[0]))
        for block, part in means.groupby("draw")
    ]
    table = pd.DataFrame(fitted, columns=["draw", "exponent"]).assign(all=0)
    return intervals(table, ["all"], "exponent").iloc[0]


def pairs(table: pd.DataFrame) -> pd.DataFrame:
    """Rows whose tight atoms form k > d pairs, with the errors of r* = k + d and of the face's dimension = k − d."""
    d = table["family"].map({"teacher, d = 2": 2, "teacher, d = 3": 3, "line, bias": 2, "plane, bias": 3})
    k = table["tight"] // 2
    rows = table.assign(k=k, d=d, size_error=table["smallest"] - k - d, dimension_error=table["dimension"] - k + d)
    return rows[table["paired"] & (k > d)]


def shares(table: pd.DataFrame) -> pd.DataFrame:
    """Of each family and λ: the share of draws whose function is unique, whose weights are, whose atoms are paired."""
    columns = ["unique_function", "unique_weights", "paired"]
    means = table.groupby(["family", "share"])[columns].mean()
    return means.assign(draws=table.groupby(["family", "share"]).size()).reset_index()
