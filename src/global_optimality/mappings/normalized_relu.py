"""Batch normalization inside a chain of layers: whitened over the samples, with a gain as its scale (section 6)."""

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from .base import Mapping
from .chains import add_columns, chain_shapes, check_inputs, in_blocks, inner_columns

FLAT = 2.0**-40
"""A deviation below FLAT times the root mean square is rounding: such values count as constant."""


def inverse_deviation(mean: Tensor, variance: Tensor) -> Tensor:
    """1/√variance, and 0 where values do not vary. There is no ε in it, which would spoil the degree."""
    alive = variance > FLAT**2 * (variance + mean.square())
    return torch.where(alive, torch.where(alive, variance, torch.ones_like(variance)).rsqrt(), 0.0)


def standardised(x: Tensor, dim: int) -> Tensor:
    """(x − mean)/√variance along ``dim``, and 0 where x does not vary."""
    mean = x.mean(dim, keepdim=True)
    centred = x - mean
    return centred * inverse_deviation(mean, centred.square().mean(dim, keepdim=True))


@final
@dataclass(frozen=True, eq=False)
class NormalizedRelu(Mapping):
    """(…(g² ∘ norm((g¹ ∘ norm(S w¹))₊ w²))₊ …) wᴷ: ``DeepRelu`` with each hidden layer normalized over the samples.

    Factors w¹, g¹, w², g², …, wᴷ: ``(n, r, d, m₁)``, ``(n, r, m₁)``, ``(n, r, m₁, m₂)``, …, ``(n, r, m_{K−1}, c)``.
    Degree 2 for every K: norm is blind to the scale of all that feeds it, so only the last gain and wᴷ count. φ is 0,
    and not continuous, where a layer's values do not vary. ``ValueError`` as for ``DeepRelu``.
    """

    S: Tensor
    widths: tuple[int, ...]

    def __post_init__(self) -> None:
        check_inputs(self.S)
        object.__setattr__(self, "widths", tuple(int(m) for m in self.widths))
        chain_shapes(self.S.shape[1], self.widths, "NormalizedRelu")

    @property
    def degree(self) -> int:
        return 2

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self.S), self.widths[-1])

    @property
    def factor_shapes(self) -> tuple[tuple[int, ...], ...]:
        *hidden, last = chain_shapes(self.S.shape[1], self.widths, "NormalizedRelu")
        return (*(shape for pair in hidden for shape in (pair, (pair[1],))), last)

    @property
    def scaled_layers(self) -> tuple[int, int]:
        """The factors that the degree counts, numbered from 0: the last gain and the last layer."""
        count = 2 * len(self.widths) - 1
        return count - 2, count - 1

    @property
    def data(self) -> Tensor:
        return self.S

    def phi(self, *W: Tensor) -> Tensor:
        X = self.S
        for w, gain in zip(W[:-1:2], W[1:-1:2], strict=True):
            X = torch.relu(standardised(X @ w, -2) * gain[:, :, None])
        return X @ W[-1]

    def Phi(self, *W: Tensor) -> Tensor:
        numbers = max(self.widths[:-1]) * len(self.S)
        return in_blocks(lambda *V: add_columns(self._columns(*V[:-1]), V[-1]), W, numbers)

    def inner(self, Q: Tensor, *W: Tensor) -> Tensor:
        return inner_columns(Q, self._columns(*W[:-1]), W[-1])

    def _columns(self, *W: Tensor) -> Tensor:
        """The last hidden layer ``(n, r, m, N)``, samples as columns."""
        h = W[0].mT @ self.S.mT
        for k, (w, gain) in enumerate(zip(W[::2], W[1::2], strict=True)):
            h = h if k == 0 else w.mT @ h
            h = torch.relu(standardised(h, -1) * gain[..., None])
        return h
