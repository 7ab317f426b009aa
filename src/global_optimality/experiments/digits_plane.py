"""Digits on two principal components: the certified optimum beside networks trained by Adam."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pandas as pd
import torch
from torch import Tensor

from .. import data
from ..certificate import certify
from ..factors import Factors
from ..losses import LogisticLoss
from ..mappings import ReluUnit
from ..polar import lambda_max, polar_of
from ..problem import Problem
from ..regularizers import SumOfSquares
from ..results import frame
from ..sliding_frank_wolfe import Solution
from ..streams import generator


@dataclass(frozen=True, eq=False)
class Split:
    """A training problem, and inputs with labels ±1 that were held out."""

    problem: Problem
    S: Tensor
    Y: Tensor

    def accuracy(self, W: Factors) -> Tensor:
        """Share of held-out samples told right, ``(n,)``; a positive output says 5 to 9, any other 0 to 4."""
        assert isinstance(self.problem.mapping, ReluUnit)
        with torch.no_grad():
            outputs = replace(self.problem.mapping, S=self.S).Phi(*W)
        return ((outputs > 0) == (self.Y > 0)).double().mean((1, 2))


def at_least_five(N: int, share: float, *, seed: int) -> Split:
    """Is the digit at least 5? N training images, the rest held out; two principal components of the N, and a bias.

    The logistic loss, at λ = share · λ_max. Components and scales come from the training images only.
    """
    digits = data.digits()
    order = torch.randperm(len(digits.S), generator=generator(seed, "digits"))
    images, labels = digits.S[order], (2.0 * (digits.target[order] >= 5) - 1)[:, None].double()
    center = images[:N].mean(0)
    axes = torch.linalg.svd(images[:N] - center, full_matrices=False).Vh[:2]
    flat = (images - center) @ axes.T
    flat = flat / flat[:N].std(0)
    S = torch.cat([flat, torch.ones(len(flat), 1, dtype=torch.float64)], 1)
    problem = Problem(LogisticLoss(labels[:N]), ReluUnit(S[:N]), SumOfSquares(), 1.0)
    return Split(replace(problem, lam=share * lambda_max(problem)), S[N:], labels[N:])


def adam(problem: Problem, W: Factors, *, steps: int, rate: float = 0.03) -> Factors:
    """Adam on f_r, all runs at once, its step decaying linearly to zero; projected where θ is +∞ somewhere."""
    leaves = [w.clone().requires_grad_() for w in W]
    optimizer = torch.optim.Adam(leaves, lr=rate)
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = rate * (1 - step / steps)
        optimizer.zero_grad()
        problem(*leaves).sum().backward()
        optimizer.step()
        if problem.regularizer.constrained:
            with torch.no_grad():
                for w, inside in zip(leaves, problem.regularizer.project(*leaves), strict=True):
                    w.copy_(inside)
    return tuple(w.detach() for w in leaves)


def widths(split: Split, solution: Solution, sizes: Sequence[int], *, runs: int, steps: int, seed: int) -> pd.DataFrame:
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


def regions(split: Split, solution: Solution, *, points: int = 81) -> pd.DataFrame:
    """The network's output on a grid of the two components."""
    assert isinstance(split.problem.mapping, ReluUnit)
    reach = float(split.problem.mapping.S[:, :2].abs().max()) * 1.05
    axis = torch.linspace(-reach, reach, points, dtype=torch.float64)
    x = torch.cartesian_prod(axis, axis)
    S = torch.cat([x, torch.ones(len(x), 1, dtype=torch.float64)], 1)
    return frame(x1=x[:, 0], x2=x[:, 1], y=solution.predict(S)[:, 0])
