"""Multipliers layer by layer: what a deep ReLU network can reach is bounded by what one hidden layer can.

A layer adds up units, p = Σ_u σ_u h_u with h_u = relu(t_u), Σ_u ‖z_u‖ ≤ 1. On every sample the layers above it are
worth ψ(p): slope α for p > 0, β for p < 0. For all c and x ≥ 0 with α ≤ c + x (needless where p ≤ 0 is known) and
c ≤ β (needless where p ≥ 0 is known)
    ψ(p) ≤ c p + x p⁺ ≤ Σ_u (c σ_u h_u + x (σ_u h_u)⁺).
Both are homogeneous in z_u, so the sum over samples is at most that of one unit of norm 1, σ = + or −: a network of one
layer less, with the slopes (c + x, s c) or (−c, −s (c + x)) of t, s the slope of relu. At the first layer it is one
hidden layer, whose maximum is known. The best numbers c, x solve a linear program over first-layer units; any will do.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple, final

import numpy as np
import numpy.typing as npt
import torch
from scipy.optimize import linprog
from torch import Tensor

from ..losses.arrays import Array

LARGEST = 1e4
"""Of a multiplier, in units of the largest weight: a bound on the program's variables."""

Mask = npt.NDArray[np.bool_]

Slopes = tuple[Tensor, Tensor]
"""α and β of ψ, the slopes on the positive and on the negative side, each ``(N,)``."""


class Multipliers(NamedTuple):
    """c and x of each node ``(K, N)``: node k passes to nodes 2k + 1 (σ = +) and 2k + 2 (σ = −)."""

    c: Tensor
    x: Tensor


class Relaxed(NamedTuple):
    """The program's solution; its dual is a mean over first-layer units: their ``weights`` (leaves, M), and of the last
    layer the means ``above`` of p⁺ and ``below`` of p⁻, ``(N,)``, which overlap where the majorant is not exact.
    """

    multipliers: Multipliers
    value: float
    weights: Array
    above: Array
    below: Array


def leaves(multipliers: Multipliers, slopes: Slopes, signs: Tensor, slope: float) -> tuple[Slopes, Tensor]:
    """The slopes ``(2^L, N)`` of the first layer's functions, and the moduli ``(N,)`` of all that was added up.

    ``signs`` ``(N,)`` are those known of the last layer, 0 where none is. Multipliers that are not valid are moved.
    """
    functions, size = [slopes], slopes[0].abs() + slopes[1].abs()
    for k, (c, x) in enumerate(zip(*multipliers, strict=True)):
        (alpha, beta), free = functions[k], signs if k == 0 else torch.zeros_like(signs)
        c = torch.where(free > 0, c, torch.minimum(c, beta))
        x = torch.where(free < 0, x, torch.maximum(x, alpha - c)).clamp(min=0)
        functions += [(c + x, slope * c), (-c, -slope * (c + x))]
        size = size + c.abs() + x
    a, b = zip(*functions[len(multipliers.c) :], strict=True)
    return (torch.stack(a), torch.stack(b)), size


@final
@dataclass(frozen=True, eq=False)
class LayerProgram:
    """The program of ``layers`` layers above the first, whose units have the outputs H = relu(S u) ``(M, N)``.

    Rows of S have length 1. Variables: the bound, then c and x of every node.
    """

    layers: int
    slope: float

    @property
    def nodes(self) -> int:
        return 2**self.layers - 1

    def numbers(self, M: int, N: int) -> int:
        """In the program's matrix."""
        return (2**self.layers * M + 2 * N * self.nodes) * (1 + 2 * N * self.nodes)

    def solve(self, H: Array, alpha: Array, beta: Array, signs: Array, seconds: float) -> Relaxed | None:
        """Least bound over the multipliers, not all zero; None where the solver finds none, or not in time."""
        N, first_leaf = H.shape[1], self.nodes // 2
        above, below = signs >= 0, signs <= 0
        rows = [self._at_least(N, 0)[above], self._at_most(N, 0)[below]]
        right = [-alpha[above], beta[below]]
        for k in range(1, self.nodes):
            parent, (c, x) = (k - 1) // 2, self._of_parent(k)
            a, b = self._at_least(N, k), self._at_most(N, k)
            add(a, self._columns(N, parent), c[0], x[0])
            add(b, self._columns(N, parent), -c[1], -x[1])
            rows, right = [*rows, a, b], [*right, np.zeros(N), np.zeros(N)]
        for k in range(first_leaf, self.nodes):
            for side in (H, -H):
                cut = np.zeros((len(H), 1 + 2 * N * self.nodes))
                cut[:, 0] = -1
                c, x = self._columns(N, k)
                cut[:, c], cut[:, x] = side, np.maximum(side, 0)
                rows, right = [*rows, cut], [*right, np.zeros(len(H))]
        unit = max(float(np.abs(alpha).max()), float(np.abs(beta).max()))
        cost = np.zeros(1 + 2 * N * self.nodes)
        cost[0] = 1
        box = [(0, None), *([(-LARGEST, LARGEST)] * N + [(0, LARGEST)] * N) * self.nodes]
        limits = {"time_limit": seconds} if math.isfinite(seconds) else {}
        A, b = np.concatenate(rows), np.concatenate(right) / unit
        found = linprog(cost, A, b, bounds=box, method="highs", options=limits)
        if not found.success:
            return None
        return self._read(found.x * unit, -found.ineqlin.marginals, above, below, len(H))

    def _read(self, x: Array, dual: Array, above: Mask, below: Mask, M: int) -> Relaxed:
        N, first, second = len(above), int(above.sum()), int(above.sum() + below.sum())
        c, more = (torch.from_numpy(m.copy()) for m in x[1:].reshape(self.nodes, 2, N).transpose(1, 0, 2))
        positive, negative = np.zeros(N), np.zeros(N)
        positive[above], negative[below] = dual[:first], dual[first:second]
        weights = dual[len(dual) - 2**self.layers * M :].reshape(-1, M)
        return Relaxed(Multipliers(c, more), float(x[0]), weights, positive, negative)

    def _columns(self, N: int, k: int) -> tuple[slice, slice]:
        first = 1 + 2 * N * k
        return slice(first, first + N), slice(first + N, first + 2 * N)

    def _at_least(self, N: int, k: int) -> Array:
        """−c − x ≤ −α, without α."""
        rows = np.zeros((N, 1 + 2 * N * self.nodes))
        add(rows, self._columns(N, k), -1.0, -1.0)
        return rows

    def _at_most(self, N: int, k: int) -> Array:
        """c ≤ β, without β."""
        rows = np.zeros((N, 1 + 2 * N * self.nodes))
        add(rows, self._columns(N, k), 1.0, 0.0)
        return rows

    def _of_parent(self, k: int) -> tuple[tuple[float, float], tuple[float, float]]:
        """The factors of c and of x of the node above in α and β of node k: α = c₀ c + x₀ x, β = c₁ c + x₁ x."""
        s = self.slope
        return ((1.0, s), (1.0, 0.0)) if k % 2 else ((-1.0, -s), (0.0, -s))


def add(rows: Array, columns: tuple[slice, slice], c: float, x: float) -> None:
    """Multiples of the unit matrix onto the columns of c and of x."""
    for part, factor in zip(columns, (c, x), strict=True):
        rows[:, part] += factor * np.eye(len(rows))
