"""CP decomposition of handwritten digits (samples × rows × columns): what the enclosure of the tensor polar decides."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from global_optimality.certificate import Certificate, certify
from global_optimality.descent import Descent, minimise
from global_optimality.effort import Effort
from global_optimality.factors import Factors, take_runs
from global_optimality.losses import SquaredLoss
from global_optimality.mappings import RankOneTensor
from global_optimality.polar import PolarBound
from global_optimality.polar.tensor import tensor_polar
from global_optimality.problem import Problem
from global_optimality.regularizers import SumOfPowers

from ..shared import data
from ..shared.tables import frame

CONES = 5000
"""Effort of the branch and bound, which serves tensors with one short axis."""


@cache
def digits(samples: int, side: int, *, device: str = "cpu") -> Tensor:
    """The first images as a tensor ``(samples, side, side)``, averaged over blocks when side < 8, scaled to mean 1."""
    if side not in (2, 4, 8):
        raise ValueError(f"side = {side}: images of 8 × 8 pixels are averaged to 2, 4 or 8 pixels a side.")
    T = data.digits().S[:samples].reshape(samples, side, 8 // side, side, 8 // side).mean((2, 4))
    return (T / T.mean()).to(device)


@cache
def bounded(T: Tensor) -> PolarBound:
    """The spectral norm of T, enclosed; once for every tensor, as all λ ask for it."""
    return tensor_polar(RankOneTensor(tuple(T.shape)), Effort(nodes=CONES, tolerance=1e-3))(T[None])


def problem(T: Tensor, share: float) -> Problem:
    """½‖Y − Σ u ⊗ v ⊗ w‖² + λ Σ θ with λ = ``share`` times the proved bound of λ_max, the spectral norm of T."""
    lam = share * float(bounded(T).upper)
    return Problem(SquaredLoss(T), RankOneTensor(tuple(T.shape)), SumOfPowers(3), lam)


@dataclass(frozen=True, eq=False)
class TensorFit:
    """The best of several descents at one size, with its certificate and how far the starts differ."""

    weights: Factors
    certificate: Certificate
    spread: float


def fit(problem: Problem, r: int, *, runs: int, seed: int) -> TensorFit:
    """L-BFGS from ``runs`` starts; ``spread`` is the relative distance of the worst end from the best."""
    descent: Descent = minimise(problem, problem.random(runs, r, seed=seed, deviation=0.5), max_steps=600)
    best = take_runs(descent.weights, descent.objective.argmin()[None])
    assert isinstance(problem.mapping, RankOneTensor)
    polar = tensor_polar(problem.mapping, Effort(nodes=CONES, tolerance=1e-3))
    spread = float(descent.objective.max() / descent.objective.min()) - 1
    return TensorFit(best, certify(problem, best, polar), spread)


def sizes(problem: Problem, ranks: Sequence[int], *, runs: int, seed: int, tol: float) -> pd.DataFrame:
    """One row a size r: objective, spread over starts, proved bound, the polar's enclosure, verdict."""
    rows = []
    for r in ranks:
        f = fit(problem, r, runs=runs, seed=seed)
        c = f.certificate
        numbers = float(c.objective), f.spread, float(c.relative_gap), float(c.polar_lower), float(c.polar)
        rows.append((r, *numbers, c.verdict(tol)[0].name))
    names = ["size", "objective", "spread", "relative_gap", "polar_lower", "polar", "verdict"]
    return pd.DataFrame(rows, columns=names).set_index("size")


def enclosures(
    samples: int,
    sides: Sequence[int],
    shares: Sequence[float],
    *,
    r: int,
    runs: int,
    seed: int,
    tol: float,
    device: str = "cpu",
) -> pd.DataFrame:
    """Coarse and fine images at several λ: the enclosure of the polar at the best network found, and the verdict."""
    tables = []
    for side in sides:
        T = digits(samples, side, device=device)
        for share in shares:
            table = sizes(problem(T, share), [r], runs=runs, seed=seed, tol=tol)
            tables.append(table.assign(side=side, share=share))
    return pd.concat(tables).reset_index()


def unfoldings(T: Tensor) -> pd.DataFrame:
    """σ₁ of the three unfoldings, each an upper bound of the spectral norm, beside the value found by ascent."""
    assert T.dim() == 3
    polar = bounded(T)
    values = [float(torch.linalg.matrix_norm(T.movedim(k, 0).flatten(1), 2)) for k in range(3)]
    names = ["samples against pixels", "rows against the rest", "columns against the rest"]
    rows = [*zip(names, values, strict=True), ("proved bound", float(polar.upper)), ("ascent", float(polar.lower))]
    return pd.DataFrame(rows, columns=["bound", "value"]).set_index("bound")


def pictures(problem: Problem, f: TensorFit, count: int) -> pd.DataFrame:
    """Pixels of the first images and of their reconstructions, one row a pixel, for the figure."""
    with torch.no_grad():
        X = problem.mapping.Phi(*f.weights)[0]
    tables = []
    for name, A in (("image", problem.loss.Y), ("reconstruction", X)):
        sample, row, column = (torch.tensor(a) for a in np.indices(tuple(A[:count].shape)))
        values = {"sample": sample.flatten(), "row": row.flatten(), "column": column.flatten()}
        tables.append(frame(**values, value=A[:count].flatten()).assign(kind=name))
    return pd.concat(tables, ignore_index=True)
