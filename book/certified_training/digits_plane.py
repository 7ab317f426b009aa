"""Digits on two principal components: the certified optimum beside networks trained by Adam."""

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd
import torch
from torch import Tensor

from global_optimality.certificate import certify
from global_optimality.losses import CrossEntropyLoss, LogisticLoss, SquaredLoss
from global_optimality.mappings import ReluUnit
from global_optimality.polar import lambda_max, polar_of
from global_optimality.problem import Problem
from global_optimality.regularizers import SumOfSquares
from global_optimality.sliding_frank_wolfe import Solution
from global_optimality.streams import generator

from ..shared import data
from ..shared.adam import adam
from ..shared.held_out import HeldOut
from ..shared.relu_problems import with_bias
from ..shared.tables import frame


def principal_components(N: int, *, components: int, seed: int) -> tuple[Tensor, Tensor]:
    """All digits in random order, the first N for training: components of unit deviation with a bias, and targets.

    Components and scales come from the N training images only.
    """
    digits = data.digits()
    order = torch.randperm(len(digits.S), generator=generator(seed, "digits"))
    images = digits.S[order]
    center = images[:N].mean(0)
    flat = (images - center) @ torch.linalg.svd(images[:N] - center, full_matrices=False).Vh[:components].T
    return with_bias(flat / flat[:N].std(0)), digits.target[order]


def all_digits(loss: type[SquaredLoss] | type[LogisticLoss], share: float) -> Problem:
    """All 1797 images on two principal components of unit deviation, and a bias; at least 5 or not, as ±1.

    At λ = share · λ_max, with the squared or the logistic loss.
    """
    digits = data.digits()
    flat = digits.S - digits.S.mean(0)
    flat = flat @ torch.linalg.svd(flat, full_matrices=False).Vh[:2].T
    labels = (2.0 * (digits.target >= 5) - 1)[:, None].double()
    problem = Problem(loss(labels), ReluUnit(with_bias(flat / flat.std(0))), SumOfSquares(), 1.0)
    return replace(problem, lam=share * lambda_max(problem))


def at_least_five(N: int, share: float, *, seed: int) -> HeldOut:
    """Is the digit at least 5? N training images in the plane, the rest held out; logistic loss, λ = share · λ_max."""
    S, target = principal_components(N, components=2, seed=seed)
    labels = (2.0 * (target >= 5) - 1)[:, None].double()
    problem = Problem(LogisticLoss(labels[:N]), ReluUnit(S[:N]), SumOfSquares(), 1.0)
    return HeldOut(replace(problem, lam=share * lambda_max(problem)), S[N:], labels[N:])


def ten_classes(N: int, share: float, *, seed: int) -> HeldOut:
    """Which digit is it? N training images in the plane, the rest held out; cross-entropy, λ = share · λ_max."""
    S, target = principal_components(N, components=2, seed=seed)
    problem = Problem(CrossEntropyLoss(target[:N], classes=10), ReluUnit(S[:N], 10), SumOfSquares(), 1.0)
    return HeldOut(replace(problem, lam=share * lambda_max(problem)), S[N:], target[N:])


def widths(
    split: HeldOut, solution: Solution, sizes: Sequence[int], *, runs: int, steps: int, seed: int
) -> pd.DataFrame:
    """Networks of growing width trained by Adam: excess over the certified optimum, certified gap, test accuracy."""
    polar, tables = polar_of(split.problem), []
    for r in sizes:
        W = adam(split.problem, split.problem.random(runs, r, seed=seed, deviation=0.5), steps=steps)
        certificate = certify(split.problem, W, polar)
        tables.append(
            frame(
                size=r, run=range(runs), objective=certificate.objective, relative_gap=certificate.relative_gap,
                excess=1 - solution.objective / certificate.objective, accuracy=split.accuracy(W),
            )
        )  # fmt: skip
    return pd.concat(tables, ignore_index=True)


def regions(split: HeldOut, solution: Solution, *, points: int = 81) -> pd.DataFrame:
    """What the network says on a grid of the two components: the one output, or the index of the largest of several."""
    assert isinstance(split.problem.mapping, ReluUnit)
    reach = float(split.problem.mapping.S[:, :2].abs().max()) * 1.05
    axis = torch.linspace(-reach, reach, points, dtype=torch.float64)
    x = torch.cartesian_prod(axis, axis)
    outputs = solution.predict(with_bias(x))
    return frame(x1=x[:, 0], x2=x[:, 1], y=outputs[:, 0] if outputs.shape[1] == 1 else outputs.argmax(1))


def held_out_digits(split: HeldOut, solution: Solution) -> pd.DataFrame:
    """Held-out images: components, the digit, and the digit that the network names."""
    S = split.inputs
    return frame(x1=S[:, 0], x2=S[:, 1], digit=split.labels, named=solution.predict(S).argmax(1))
