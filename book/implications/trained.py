"""Section 6, trained: dropout by random masks, the path norm, and batch normalization, each against a known minimum."""

from collections.abc import Callable, Sequence

import pandas as pd
import torch
from torch import Tensor

from global_optimality.certificate import certify
from global_optimality.factors import Factors
from global_optimality.losses import SquaredLoss
from global_optimality.mappings import NormalizedRelu, ReluUnit
from global_optimality.polar import polar_of
from global_optimality.problem import Problem
from global_optimality.regularizers import BalancedWeightDecay, OnLayers, PathNorm, SumOfSquares, WeightDecay
from global_optimality.sliding_frank_wolfe import solve
from global_optimality.streams import generator, normal, uniform

from ..shared import data
from ..shared.adam import adam
from ..shared.tables import frame
from .compatibility import dropout_optimum
from .depth import chains, started

RATE = 0.03
"""Adam's first step; it decays linearly to zero."""

AGAIN = 5
"""The test of convergence: a restart of one in AGAIN of the steps, at a tenth of the rate."""

MASKS = ("no mask", "one for all rows", "one for every row", "one for all rows, not divided")
"""Ways to train; the last one leaves out the division by the share that is kept."""


def dropout(*, draws: Sequence[int], runs: int, r: int, steps: int, keep: float = 0.5) -> pd.DataFrame:
    """Factors u vᵀ trained with random masks: the *expected* loss (D) where they end, over its minimum.

    One row a draw of the matrix, kind of mask and run. ``effective``: (Σa)²/Σa² of a = ‖u‖‖v‖; ``falls`` as in
    ``normalized``, of f under the same masks.
    """
    tables, lam = [], (1 - keep) / keep
    for draw in draws:
        Y = data.low_rank(9, 7, 3, noise=0.1, seed=draw)
        optimum = dropout_optimum(Y, lam, r)
        stream = generator(draw, "dropout by masks")
        start = tuple(0.3 * normal(stream, runs, r, size) for size in Y.shape)
        for name in MASKS:
            loss = _masked(Y, name, keep, stream)
            end = adam(loss, start, steps=steps, rate=RATE)
            again = adam(loss, end, steps=steps // AGAIN, rate=RATE / 10)
            (before, effective), (after, _) = (_expected(Y, W, keep) for W in (end, again))
            tables.append(frame(
                mask=name, draw=draw, run=range(runs), size=r, excess=before / optimum - 1, falls=1 - after / before,
                effective=effective,
            ))  # fmt: skip
    return pd.concat(tables, ignore_index=True)


def _masked(Y: Tensor, name: str, keep: float, stream: torch.Generator) -> Callable[..., Tensor]:
    """½‖Y − Σ (b_i/keep) u_i v_iᵀ‖² with fresh masks b in every call, as ``name`` of MASKS says."""

    def loss(u: Tensor, v: Tensor) -> Tensor:
        if name != "no mask":
            masks = uniform(stream, len(u), u.shape[1], len(Y) if "every" in name else 1) < keep
            u = u * masks.to(u)
            u = u if "not divided" in name else u / keep
        return 0.5 * (Y - torch.einsum("bri,brj->bij", u, v)).square().sum((1, 2))

    return loss


def _expected(Y: Tensor, W: Factors, keep: float) -> tuple[Tensor, Tensor]:
    """The expected loss in closed form, and the effective size, ``(runs,)`` each."""
    u, v = W
    squares = u.square().sum(2) * v.square().sum(2)
    fit = 0.5 * (Y - torch.einsum("bri,brj->bij", u, v)).square().sum((1, 2))
    return fit + (1 - keep) / keep * 0.5 * squares.sum(1), squares.sqrt().sum(1).square() / squares.sum(1)


def path_norm(
    depths: Sequence[int], deviations: Sequence[float], *, draws: Sequence[int], runs: int, steps: int
) -> pd.DataFrame:
    """Eight live chains of every depth trained with the path norm, the repaired decay and weight decay.

    The first two have one Ω, that of one hidden layer, so ``solve`` knows their minimum. One row a depth, deviation of
    the start, regularizer, draw and run. ``zero``: f at the zero network, ``objective`` at the end; ``excess`` over the
    certified minimum (weight decay has another); ``falls`` as in ``normalized``.
    """
    tables = []
    for K in depths:
        theories = {"path norm": PathNorm(K), "repaired decay": BalancedWeightDecay(K), "weight decay": WeightDecay()}
        for draw in draws:
            known = chains([K], seed=draw)[K]
            for deviation in deviations:
                start = started(known.problem, "8 live", runs, seed=draw, deviation=deviation)
                for name, theta in theories.items():
                    parts = known.problem.loss, known.problem.mapping, theta, known.problem.lam
                    table = _ends(Problem(*parts, allow_mismatch=True), start, steps)
                    table["excess"] = table["objective"] / known.optimum - 1
                    zero = float(0.5 * known.problem.loss.Y.square().sum())
                    tables.append(table.assign(K=K, draw=draw, deviation=deviation, regularizer=name, zero=zero))
    return pd.concat(tables, ignore_index=True)


def _ends(problem: Problem, start: Factors, steps: int) -> pd.DataFrame:
    """f where Adam ends, and by what share of it the restart lowers it further: ``objective``, ``falls``."""
    end = adam(problem, start, steps=steps, rate=RATE)
    again = adam(problem, end, steps=steps // AGAIN, rate=RATE / 10)
    before, after = problem(*end), problem(*again)
    return frame(run=range(len(before)), objective=before, falls=1 - after / before)


def whitened(S: Tensor) -> Tensor:
    """S ``(N, d)`` centred, times the inverse root of its covariance: every direction of length 1 has variance 1."""
    return (S - S.mean(0)) @ _root(S, -0.5)


def correlated(N: int, *, seed: int) -> tuple[Tensor, Tensor]:
    """Centred inputs ``(N, 3)``, correlated, of variance ≤ ¼ in every direction; targets of three units plus noise."""
    stream = generator(seed, "correlated", N)
    S = normal(stream, N, 3) @ (torch.eye(3, dtype=torch.float64) + 0.7 * normal(stream, 3, 3))
    S = S - S.mean(0)
    S = S / (2 * torch.linalg.matrix_norm(S, 2) / N**0.5)
    units, signs = normal(stream, 3, 3), torch.tensor([1.0, -1.0, 1.0], dtype=torch.float64)
    y = torch.relu(whitened(S) @ (units / units.norm(dim=0))) @ signs + 0.1 * normal(stream, N)
    return S, y[:, None]


def normalized(
    *, draws: Sequence[int], sizes: Sequence[int], runs: int, steps: int, N: int = 20, lam: float = 0.5
) -> pd.DataFrame:
    """One hidden layer with batch normalization, trained, beside the certified minimum on whitened inputs.

    One row a draw, r and run. ``excess`` over F*; ``polar``: Ω°/λ on the whitened inputs; ``attained``: the excess of
    the certified optimum, written as a normalized network; ``raw``: f over the certified lower bound of plain ReLU
    units on the inputs as they are, less 1; ``falls``: the share of f that a restart gains.
    """
    tables = []
    for draw in draws:
        S, Y = correlated(N, seed=draw)
        white, raw = (Problem(SquaredLoss(Y), ReluUnit(X), SumOfSquares(), lam) for X in (whitened(S), S))
        best, bound = solve(white, tol=1e-10), float(solve(raw).certificate.lower_bound[0])
        mapping = NormalizedRelu(S, (1, 1))
        problem = Problem(SquaredLoss(Y), mapping, OnLayers(SumOfSquares(), mapping.scaled_layers), lam)
        polar, attained = polar_of(white), float(problem(*normalized_on(S, best.weights))[0]) / best.objective - 1
        for r in sizes:
            start = problem.random(runs, r, seed=draw, deviation=0.5)
            end = adam(problem, start, steps=steps, rate=RATE)
            again = adam(problem, end, steps=steps // AGAIN, rate=RATE / 10)
            before, after = problem(*end), problem(*again)
            certificate = certify(white, plain_on(S, end), polar)
            tables.append(frame(
                draw=draw, size=r, run=range(runs), excess=before / best.objective - 1, falls=1 - after / before,
                polar=certificate.polar, attained=attained, raw=before / bound - 1,
                same=certificate.objective / before - 1,
            ))  # fmt: skip
    return pd.concat(tables, ignore_index=True)


def _root(S: Tensor, power: float) -> Tensor:
    """The covariance of S to that power."""
    centred = S - S.mean(0)
    values, vectors = torch.linalg.eigh(centred.T @ centred / len(S))
    return vectors * values**power @ vectors.T


def plain_on(S: Tensor, W: Factors) -> Factors:
    """The plain ReLU units on ``whitened(S)`` that normalized units w, g, v equal: direction C^{1/2}w, length |g|."""
    w, g, v = W
    u = w[..., 0] @ _root(S, 0.5)
    return u / u.norm(dim=2, keepdim=True) * g, v[:, :, 0]


def normalized_on(S: Tensor, W: Factors) -> Factors:
    """The inverse of ``plain_on``: normalized units on S that equal plain ones on ``whitened(S)``."""
    u, v = W
    return (u @ _root(S, -0.5))[..., None], u.norm(dim=2, keepdim=True), v[:, :, None]
