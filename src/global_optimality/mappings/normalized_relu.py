"""Batch normalization inside a chain of layers: whitened over the samples, with a gain as its scale (section 6)."""

import math
from dataclasses import dataclass, replace
from typing import ClassVar, final

import torch
from torch import Tensor

from ..factors import check_alike, whole_numbers
from .base import Mapping
from .chains import add_columns, chain_shapes, check_inputs, in_blocks, inner_columns

FLAT = 2.0**-40
"""A deviation below FLAT times the root mean square is rounding: such values count as constant."""


def inverse_deviation(mean: Tensor, variance: Tensor) -> Tensor:
    """1/√variance, and 0 where values do not vary. There is no ε in it, which would spoil the degree."""
    alive = variance > FLAT**2 * (variance + mean.square())
    return torch.where(alive, torch.where(alive, variance, torch.ones_like(variance)).rsqrt(), 0.0)


def standardised(x: Tensor, dim: int, known: int | None = None) -> Tensor:
    """(x − mean)/√variance along ``dim``, 0 where x does not vary; mean and variance of the first ``known`` entries."""
    mean, factor = _statistics(x, dim, known)
    return (x - mean) * factor


def _statistics(x: Tensor, dim: int, known: int | None) -> tuple[Tensor, Tensor]:
    """(mean, 1/√variance) along ``dim``."""
    seen = x if known is None else x.narrow(dim, 0, known)
    mean = seen.mean(dim, keepdim=True)
    return mean, inverse_deviation(mean, (seen - mean).square().mean(dim, keepdim=True))


def standardised_moduli(
    moduli: Tensor, z: Tensor, mean: Tensor, scale: tuple[Tensor, Tensor], spread: Tensor, share: float
) -> Tensor:
    """What the rounding of z = (x − mean)/σ is a share of, for x off by that share of its ``moduli``; ∞ if unknown.

    ``spread`` is the root mean square of the moduli along the samples, ``mean`` theirs, ``scale`` (mean², σ²) of x.
    With σ' the true deviation, |σ' − σ| ≤ share · spread =: e. For e ≤ σ/2 both 1/σ' ≤ 2/σ, |1/σ' − 1/σ| ≤ 2e/σ²,
    so that z is off by at most share · 2 (moduli + mean + |z| spread)/σ. Beyond, or where e may turn whether x counts
    as constant (``FLAT``), nothing is known.
    """
    square, variance = scale
    deviation, flat, off = variance.sqrt(), FLAT * (variance + square).sqrt(), share * spread
    constant = (spread == 0) | (deviation + off < flat / 4)
    varies = (off < deviation / 2) & (deviation > 4 * flat)
    known = 2 * (moduli + mean + z.abs() * spread) / torch.where(varies, deviation, 1.0)
    return torch.where(varies, known, torch.where(constant, 0.0, torch.inf))


def weighed(moduli: Tensor, weights: Tensor) -> Tensor:
    """Their sum ``moduli @ weights``, where ∞ times 0 is 0: what nobody uses need not be known."""
    unknown = moduli.isinf()
    if not bool(unknown.any()):
        return moduli @ weights
    used = unknown.to(moduli) @ (weights != 0).to(moduli)
    return torch.where(used > 0, torch.inf, moduli.masked_fill(unknown, 0.0) @ weights)


@final
@dataclass(frozen=True, eq=False)
class NormalizedRelu(Mapping):
    """(…(g² ∘ norm((g¹ ∘ norm(S w¹))₊ w²))₊ …) wᴷ: ``DeepRelu`` with each hidden layer normalized over the samples.

    Factors w¹, g¹, w², g², …, wᴷ: ``(n, r, d, m₁)``, ``(n, r, m₁)``, ``(n, r, m₁, m₂)``, …, ``(n, r, m_{K−1}, c)``.
    Degree 2 for every K: norm is blind to the scale of all that feeds it, so only the last gain and wᴷ count. φ is 0,
    and not continuous, where a layer's values do not vary. Means and variances are those of ``reference`` (the training
    inputs, when others are judged), by default of S. ``ValueError`` as for ``DeepRelu``, and for an unfit reference.
    """

    degree: ClassVar[int] = 2

    S: Tensor
    widths: tuple[int, ...]
    reference: Tensor | None = None

    def __post_init__(self) -> None:
        check_inputs(self.S)
        object.__setattr__(self, "widths", whole_numbers("NormalizedRelu: widths", self.widths))
        chain_shapes(self.S.shape[1], self.widths, "NormalizedRelu")
        if self.reference is not None:
            check_inputs(self.reference)
            check_alike(S=self.S, reference=self.reference)
            if self.reference.shape[1] != self.S.shape[1]:
                raise ValueError(
                    f"the reference has {self.reference.shape[1]} columns but S {self.S.shape[1]}: make them equal."
                )

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

    def on(self, inputs: Tensor) -> "NormalizedRelu":
        return replace(self, S=inputs, reference=self.S if self.reference is None else self.reference)

    def folded(self, *W: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Weights ``(n, r, a, b)``, biases ``(n, r, b)`` of the plain hidden layers that the normalized ones equal."""
        X, layers = self._rows, []
        for w, gain in zip(W[:-1:2], W[1:-1:2], strict=True):
            mean, factor = _statistics(X @ w, -2, self._known)
            factor = factor * gain[:, :, None]
            layers.append((w * factor, -(mean * factor)[:, :, 0]))
            X = torch.relu((X @ w - mean) * factor)
        return layers

    def phi(self, *W: Tensor) -> Tensor:
        X = self._rows
        for w, gain in zip(W[:-1:2], W[1:-1:2], strict=True):
            X = torch.relu(standardised(X @ w, -2, self._known) * gain[:, :, None])
        return X[..., self._known or 0 :, :] @ W[-1]

    def magnitude(self, *W: Tensor) -> Tensor:
        share = (sum(math.prod(w.shape[2:]) for w in W) + 4) * torch.finfo(self.S.dtype).eps
        X = self._rows
        moduli = X.abs()
        for w, gain in zip(W[:-1:2], W[1:-1:2], strict=True):
            moduli, x = weighed(moduli, w.abs()), X @ w
            seen, known = (y[..., : self._known, :] for y in (x, moduli))
            mean = seen.mean(-2, keepdim=True)
            scale = mean.square(), (seen - mean).square().mean(-2, keepdim=True)
            z, spread = standardised(x, -2, self._known), known.square().mean(-2, keepdim=True).sqrt()
            moduli = standardised_moduli(moduli, z, known.mean(-2, keepdim=True), scale, spread, share)
            X, weights = torch.relu(z * gain[:, :, None]), gain.abs()[:, :, None]
            moduli = torch.where(weights > 0, moduli * weights, 0.0)
        return weighed(moduli[..., self._known or 0 :, :], W[-1].abs()).sum(1)

    @property
    def _known(self) -> int | None:
        return None if self.reference is None else len(self.reference)

    @property
    def _rows(self) -> Tensor:
        """The reference, if there is one, and S below it."""
        return self.S if self.reference is None else torch.cat([self.reference, self.S])

    def Phi(self, *W: Tensor) -> Tensor:
        numbers = max(self.widths[:-1]) * len(self.S)
        return in_blocks(lambda *V: add_columns(self._columns(*V[:-1]), V[-1]), W, numbers)

    def inner(self, Q: Tensor, *W: Tensor) -> Tensor:
        return inner_columns(Q, self._columns(*W[:-1]), W[-1])

    def _columns(self, *W: Tensor) -> Tensor:
        """The last hidden layer ``(n, r, m, N)``, samples as columns."""
        h = W[0].mT @ self._rows.mT
        for k, (w, gain) in enumerate(zip(W[::2], W[1::2], strict=True)):
            h = h if k == 0 else w.mT @ h
            h = torch.relu(standardised(h, -1, self._known) * gain[..., None])
        return h[..., self._known or 0 :]
