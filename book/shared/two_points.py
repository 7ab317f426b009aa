"""The two-point toy: x = ±1, y = (2, 3), λ = ½, where every local minimum of every size is known by hand."""

import math
from collections.abc import Sequence

import pandas as pd
import torch

from global_optimality.certificate import certify
from global_optimality.factors import Factors, append, slice_norms, take_runs
from global_optimality.losses import SquaredLoss
from global_optimality.mappings import ReluUnit
from global_optimality.meta_algorithm import meta_algorithm
from global_optimality.problem import Problem
from global_optimality.regularizers import SumOfSquares
from global_optimality.streams import generator, normal, uniform

from .tables import frame

OPTIMUM = 2.25
"""F*: each of the two sides loses λy − λ²/2, that is ½·2 − ⅛ and ½·3 − ⅛."""

CLOSE = 1e-6
"""Runs within CLOSE of a level count as being there; the levels differ by more than 1."""

DEAD = 1e-6
"""Units with weights below DEAD have been sent to zero by descent."""


def toy() -> Problem:
    """½(2 − X₁)² + ½(3 − X₂)² + ½ · Σ ½(u_i² + v_i²), X₁ = Σ v_i (u_i)₊ and X₂ = Σ v_i (−u_i)₊."""
    S = torch.tensor([[1.0], [-1.0]], dtype=torch.float64)
    Y = torch.tensor([[2.0], [3.0]], dtype=torch.float64)
    return Problem(SquaredLoss(Y), ReluUnit(S), SumOfSquares(), 0.5)


def levels() -> pd.DataFrame:
    """Objective of every choice of fitted sides, by hand: a fitted side costs λy − λ²/2, another ½y²."""
    rows = [
        (left, right, (1.375 if right else 4.5) + (0.875 if left else 2.0))
        for left in (True, False)
        for right in (True, False)
    ]
    return pd.DataFrame(rows, columns=["fits_y_2", "fits_y_3", "objective"])


def balanced_starts(n: int, r: int, *, seed: int) -> Factors:
    """n starts with |u_i| = |v_i| uniform in [0.05, 0.15] and independent fair signs."""
    stream = generator(seed, "two points", r)
    size = 0.05 + 0.1 * uniform(stream, n, r, 1)
    signs = [torch.where(uniform(stream, n, r, 1) < 0.5, -1.0, 1.0) for _ in range(2)]
    return size * signs[0], size * signs[1]


def gradient_flow(problem: Problem, W: Factors, *, step: float = 0.05, steps: int = 600) -> Factors:
    """Gradient descent with a small fixed step, as the closed form assumes: no line search, no saddle escape.

    No sign changes: |u| = |v| is scaled by 1 ± step · residual − step · λ, which is positive for residuals up to 3.
    """
    for _ in range(steps):
        _, gradient = problem.gradient(*W)
        W = tuple(w - step * g for w, g in zip(W, gradient, strict=True))
    return W


def success_probability(r: int) -> float:
    """P(some unit has u > 0, v > 0 and some unit u < 0, v > 0) = 1 − 2(3/4)^r + (1/2)^r by hand."""
    return 1 - 2 * 0.75**r + 0.5**r


def flows(sizes: Sequence[int], *, runs: int, seed: int) -> list[Factors]:
    """The ends of ``gradient_flow`` from balanced starts of each size, in one batch: zero units fill up the smaller
    networks, and stay zero."""
    starts, most = [balanced_starts(runs, r, seed=seed) for r in sizes], max(sizes)
    filled = [append(W, tuple(w.new_zeros(runs, most - r, 1) for w in W)) for r, W in zip(sizes, starts, strict=True)]
    ends = gradient_flow(toy(), tuple(torch.cat(parts) for parts in zip(*filled, strict=True)))
    return [tuple(w[k * runs : (k + 1) * runs, :r] for w in ends) for k, r in enumerate(sizes)]


def judged(W: Factors) -> pd.DataFrame:
    """One row a run of the toy: its objective, its polar, whether a unit is zero."""
    problem, (runs, r) = toy(), W[0].shape[:2]
    certificate = certify(problem, W)
    norms = slice_norms(W)
    drop = (certificate.objective - certificate.escape_objective) / certificate.objective
    table = frame(
        run=range(runs), size=r, objective=certificate.objective, polar=certificate.polar,
        relative_gap=certificate.relative_gap, gradient_norm=certificate.gradient_norm,
        zero_units=(norms < DEAD).sum(1), escape_drop=drop,
    )  # fmt: skip
    table["global"] = table["objective"] < OPTIMUM + CLOSE
    return table


def success(sizes: Sequence[int], *, runs: int, seed: int) -> pd.DataFrame:
    """Share of global runs for each r with its standard error, beside the closed form; failures by kind."""
    rows = []
    for r, W in zip(sizes, flows(sizes, runs=runs, seed=seed), strict=True):
        table = judged(W)
        failed = table[~table["global"]]
        expected = success_probability(r)
        error = (expected * (1 - expected) / runs) ** 0.5
        share = float(table["global"].mean())
        rows.append((r, runs, share, expected, error, len(failed), int((failed["zero_units"] > 0).sum())))
    names = ["size", "runs", "share", "closed_form", "standard_error", "failures", "with_zero_unit"]
    table = pd.DataFrame(rows, columns=names)
    resolved = table["standard_error"].clip(lower=1 / runs)  # r = 1 has probability zero and no error
    table["deviations"] = (table["share"] - table["closed_form"]).abs() / resolved
    return table


def failures(
    sizes: Sequence[int], *, runs: int, seed: int, repairs: int, radius: float = 1e-2, trials: int = 300
) -> pd.DataFrame:
    """Every failed run examined: saddle or local minimum, and where the meta-algorithm ends from there.

    ``neighbour_drop`` is the largest decrease of f over ``trials`` random points at distances up to ``radius``; every
    second one moves the zero units only, as what the others cost to move may hide what these gain. The
    meta-algorithm sets out from the first ``repairs`` failures of each size and kind; ``repaired``: it ended certified,
    at the optimum (NaN where it did not set out).
    """
    problem, tables = toy(), []
    for r, W in zip(sizes, flows(sizes, runs=runs, seed=seed), strict=True):
        table = judged(W)
        W = take_runs(W, torch.tensor((~table["global"]).to_numpy()))
        table = table[~table["global"]].reset_index(drop=True)
        drops, repaired, ends, rises = [], [], [], []
        stream = generator(seed, "neighbours", r)
        chosen = table.groupby(table["zero_units"] > 0).cumcount() < repairs
        for run, taken in enumerate(chosen):
            one = take_runs(W, torch.tensor([run]))
            zero = slice_norms(one) < DEAD
            moved = zero | ~zero.any() | (torch.arange(trials)[:, None] % 2 == 0)
            size = radius * uniform(stream, trials, 1, 1) * moved[..., None]
            near = tuple(w + size * normal(stream, trials, *w.shape[1:]) for w in one)
            drops.append(float(problem(*one) - problem(*near).min()))
            end, arrived, rise = _repaired(problem, one, seed) if taken else (math.nan, math.nan, math.nan)
            repaired.append(arrived)
            ends.append(end)
            rises.append(rise)
        table = table.assign(neighbour_drop=drops, repaired=repaired, repaired_objective=ends, largest_rise=rises)
        tables.append(table)
    return pd.concat(tables, ignore_index=True)


def _repaired(problem: Problem, W: Factors, seed: int) -> tuple[float, float, float]:
    """(f at the end, whether that is certified and the optimum, largest rise) of the meta-algorithm's path from W."""
    path = meta_algorithm(problem, W, seed=seed)
    end = float(path.objective[-1])
    return end, float(path.status.name == "GLOBAL" and abs(end - OPTIMUM) < CLOSE), path.largest_rise


def one_sided(r: int) -> Factors:
    """A local minimum of size r that is not global: r equal units with u, v > 0."""
    w = torch.full((1, r, 1), (1.5 / r) ** 0.5, dtype=torch.float64)
    return w, w


def one_sided_minimum(r: int) -> float:
    """Relative excess over the optimum at ``one_sided(r)``."""
    return float(toy()(*one_sided(r))) / OPTIMUM - 1


def way_out(r: int) -> tuple[float, float]:
    """(largest rise relative to f, f at the end) of the meta-algorithm's path from ``one_sided(r)``."""
    path = meta_algorithm(toy(), one_sided(r))
    return path.largest_rise, float(path.objective[-1])


def least_rise_of_one_unit() -> float:
    """At r = 1, the least rise on a path from ``one_sided(1)`` to a better network: f ≥ f(0) at u = 0, less f there."""
    start, zero = one_sided(1), tuple(torch.zeros(1, 1, 1, dtype=torch.float64) for _ in range(2))
    return float(toy()(*zero)) - float(toy()(*start))
