"""CP decomposition of handwritten digits (samples × rows × columns): what the enclosure of the tensor polar decides."""

import math
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
from global_optimality.polar.partial_transpose import partial_transpose_bound
from global_optimality.polar.tensor import tensor_polar
from global_optimality.problem import Problem
from global_optimality.regularizers import SumOfPowers

from ..shared import data
from ..shared.tables import frame


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
    return tensor_polar(RankOneTensor(tuple(T.shape)))(T[None])


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


def fit(problem: Problem, r: int, *, runs: int, seed: int, tolerance: float) -> TensorFit:
    """L-BFGS from ``runs`` starts; ``spread`` is the relative distance of the worst end from the best, ``tolerance``
    that of the polar's bounds at which its search may end."""
    descent: Descent = minimise(problem, problem.random(runs, r, seed=seed, deviation=0.5), max_steps=600)
    best = take_runs(descent.weights, descent.objective.argmin()[None])
    spread = float(descent.objective.max() / descent.objective.min()) - 1
    return TensorFit(best, certify(problem, best, effort=Effort(tolerance=tolerance)), spread)


def sizes(
    problem: Problem, ranks: Sequence[int], *, runs: int, seed: int, tol: float, tolerance: float
) -> pd.DataFrame:
    """One row a size r: objective, spread over starts, proved bound, the polar's enclosure, verdict."""
    rows = []
    for r in ranks:
        f = fit(problem, r, runs=runs, seed=seed, tolerance=tolerance)
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
    tolerance: float = 1e-7,
    device: str = "cpu",
) -> pd.DataFrame:
    """Coarse and fine images at several λ: the enclosure of the polar at the best network found, and the verdict."""
    tables = []
    for side in sides:
        T = digits(samples, side, device=device)
        for share in shares:
            table = sizes(problem(T, share), [r], runs=runs, seed=seed, tol=tol, tolerance=tolerance)
            tables.append(table.assign(side=side, share=share))
    return pd.concat(tables).reset_index()


def unfoldings(T: Tensor) -> pd.DataFrame:
    """Upper bounds of the spectral norm, σ₁ of the three unfoldings and the best proved, and the value of an ascent."""
    assert T.dim() == 3
    polar = bounded(T)
    values = [float(torch.linalg.matrix_norm(T.movedim(k, 0).flatten(1), 2)) for k in range(3)]
    names = ["samples against pixels", "rows against the rest", "columns against the rest"]
    rows = [*zip(names, values, strict=True), ("proved bound", float(polar.upper)), ("ascent", float(polar.lower))]
    return pd.DataFrame(rows, columns=["bound", "value"]).set_index("bound")


def choi_lam(device: str = "cpu") -> Tensor:
    """The tensor T ``(7, 3, 3)`` with ‖T(·, y, z)‖² = 2‖y‖²‖z‖² − B(y, z), B ≥ 0 no sum of squares; its norm is √2."""
    T = torch.zeros(7, 3, 3, dtype=torch.float64, device=device)
    for i in range(3):
        T[0, i, i] = T[1 + i, i, (i + 1) % 3] = 1
        T[4 + i, (i + 1) % 3, i] = math.sqrt(2)
    return T


def transposed(T: Tensor, axis: int) -> float:
    """The least bound by partial transposition with that axis summed."""
    return float(partial_transpose_bound(T.movedim(axis, 0)[None], T.new_zeros(1), Effort().started()))


def excess(problem: Problem, f: TensorFit) -> float:
    """How far the relaxation with the first axis summed lies above an ascent at the residual of f, relative."""
    with torch.no_grad():
        Q = problem.loss.gradient(problem.mapping.Phi(*f.weights))[0]
    return transposed(Q, 0) / (problem.lam * float(f.certificate.polar_lower)) - 1


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
