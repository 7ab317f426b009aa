"""Thousands of parallel ReLU networks, of several sizes and on several data sets, descended in one tensor program."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from global_optimality.factors import Factors
from global_optimality.losses import SquaredLoss
from global_optimality.mappings import DeepRelu
from global_optimality.problem import Problem
from global_optimality.regularizers import BalancedWeightDecay


@dataclass(frozen=True, eq=False)
class Group:
    """``runs`` networks of ``size`` subnetworks each, for one problem."""

    problem: Problem
    size: int
    runs: int


class ParallelRuns:
    """f and ∇f of runs that share inputs, widths, λ, not r nor targets: squared loss, one output, balanced decay.

    The subnetworks of all runs stand side by side, none is padded: weights are ``(P, B)``, a column a subnetwork, the
    entries of w¹ … wᴷ below each other. The gradient is written out by hand; ``Problem`` has the same, at a cost that
    grows with the largest r. ``ValueError`` where the problems are of another kind.
    """

    def __init__(self, groups: Sequence[Group]) -> None:
        self.groups = tuple(groups)
        first = self.groups[0].problem
        for problem in (group.problem for group in self.groups):
            _check(problem, first)
        assert isinstance(first.mapping, DeepRelu)
        self.S, self.lam, self.depth = first.mapping.S, first.lam, first.mapping.degree
        self.shapes = first.mapping.factor_shapes
        self.Y = torch.cat([g.problem.loss.Y.expand(-1, g.runs) for g in self.groups], 1)
        sizes = torch.cat([torch.full((g.runs,), g.size) for g in self.groups])
        self.owner = torch.repeat_interleave(torch.arange(len(sizes)), sizes).to(self.S.device)

    def columns(self, weights: Sequence[Factors]) -> Tensor:
        """The weights of every group, ``(n, r, a, b)`` a factor, as columns ``(P, B)``."""
        return torch.cat([torch.cat([w.permute(2, 3, 0, 1).flatten(0, 1).flatten(1) for w in W]) for W in weights], 1)

    def factors(self, x: Tensor) -> list[Factors]:
        """Inverse of ``columns``."""
        parts = x.split([g.runs * g.size for g in self.groups], 1)
        return [
            tuple(w.unflatten(2, (g.runs, g.size)).permute(2, 3, 0, 1) for w in self._layers(part))
            for g, part in zip(self.groups, parts, strict=True)
        ]

    def _layers(self, x: Tensor) -> list[Tensor]:
        parts = x.split([a * b for a, b in self.shapes])
        return [part.unflatten(0, shape) for part, shape in zip(parts, self.shapes, strict=True)]

    def total(self, x: Tensor) -> Tensor:
        """Sums over the subnetworks of every run: ``(…, B)`` → ``(…, runs)``."""
        parts = x.split([g.runs * g.size for g in self.groups], -1)
        return torch.cat(
            [p.unflatten(-1, (g.runs, g.size)).sum(-1) for g, p in zip(self.groups, parts, strict=True)], -1
        )

    def hidden(self, x: Tensor) -> list[Tensor]:
        """The hidden layers of every subnetwork, ``(N, m_k, B)`` each."""
        first, *others, _ = self._layers(x)
        layers = [torch.relu((self.S @ first.flatten(1)).unflatten(1, first.shape[1:]))]
        for w in others:
            layers.append(_product(layers[-1], w).relu_())
        return layers

    def outputs(self, x: Tensor) -> Tensor:
        """φ of every subnetwork, ``(N, B)``."""
        return _product(self.hidden(x)[-1], self._layers(x)[-1])[:, 0]

    def value_and_gradient(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """f ``(runs,)`` and its gradient ``(P, B)``; 0 is the derivative of the ReLU at 0, as in PyTorch."""
        W, layers, K = self._layers(x), self.hidden(x), self.depth
        residual = self.total(_product(layers[-1], W[-1])[:, 0]) - self.Y
        mean = x.square().sum(0) / K
        value = 0.5 * residual.square().sum(0) + self.lam * self.total(mean ** (K / 2))
        back, gradient = residual[:, None, self.owner], []
        for w, h in zip(reversed(W[1:]), reversed(layers), strict=True):
            gradient.append(torch.stack([(h[:, a, None] * back).sum(0) for a in range(len(w))]).flatten(0, 1))
            back = torch.stack([(back * w[a]).sum(1) for a in range(len(w))], 1) * (h > 0)
        gradient.append((self.S.T @ back.flatten(1)).unflatten(1, back.shape[1:]).flatten(0, 1))
        return value, torch.cat(gradient[::-1]).addcmul_(x, self.lam * mean ** (K / 2 - 1))


def _product(h: Tensor, w: Tensor) -> Tensor:
    """Every subnetwork's h w: ``(N, a, B)`` and ``(a, b, B)`` → ``(N, b, B)``."""
    z = h[:, 0, None] * w[0]
    for a in range(1, len(w)):
        z.addcmul_(h[:, a, None], w[a])
    return z


def _check(problem: Problem, first: Problem) -> None:
    kinds = ((problem.mapping, DeepRelu), (problem.loss, SquaredLoss), (problem.regularizer, BalancedWeightDecay))
    if not all(isinstance(part, kind) for part, kind in kinds):
        raise ValueError("take problems of deep ReLU subnetworks with squared loss and BalancedWeightDecay.")
    mapping, other = problem.mapping, first.mapping
    assert isinstance(mapping, DeepRelu)
    assert isinstance(other, DeepRelu)
    same = mapping.widths == other.widths and problem.lam == first.lam and torch.equal(mapping.S, other.S)
    if not same or mapping.widths[-1] != 1 or mapping.slope:
        raise ValueError("the problems must share inputs, widths and λ, and have one output and slope 0.")
