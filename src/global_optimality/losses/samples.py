"""Losses that are sums over samples: sample weights, and an output bias minimised inside the loss."""

import math
from abc import abstractmethod
from dataclasses import dataclass, field, replace
from typing import Self

import torch
from torch import Tensor

from ..factors import check_alike, check_finite
from ..settings import number
from ..summation import pairwise, tree_sum
from .base import Loss, column, inner
from .output_bias import apply, best_bias, inverse
from .units import exponent


@dataclass(frozen=True, eq=False)
class SampleLoss(Loss):
    """ℓ(X) = min over b of Σ_i weight_i ℓ_i(x_i + b) + (μ/2)‖b‖²; axis 0 of Y is the sample i.

    ``output_bias`` is None (b = 0), 0.0 (free) or the decay μ > 0. ``weights`` ``(N,)`` are positive, 1 by default.
    The minimum over b keeps ℓ convex; ∇ℓ is that at the minimising b (theory page, "An output bias").
    """

    weights: Tensor | None = field(default=None, kw_only=True)
    output_bias: float | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        check_alike(Y=self.Y)
        check_finite("Y", self.Y, "clean the data, or hide those entries with MaskedSquaredLoss(Y, mask).")
        if self.output_bias is not None:
            cure = ": pass None (no bias), 0.0 (free) or a positive decay"
            decay = number("output_bias", self.output_bias, positive=False, finite=True, cure=cure)
            object.__setattr__(self, "output_bias", decay)
        if self.Y.dim() < 1 or 0 in self.Y.shape:
            raise ValueError(f"Y has shape {tuple(self.Y.shape)}: at least one sample and one output are needed.")
        if self.weights is not None:
            check_alike(Y=self.Y, weights=self.weights)
            check_finite("weights", self.weights)
            if self.weights.shape != self.Y.shape[:1] or not bool((self.weights > 0).all()):
                least = f" and least entry {self.weights.min():g}" if self.weights.numel() else ""
                raise ValueError(
                    f"weights have shape {tuple(self.weights.shape)}{least}, expected ({self.Y.shape[0]},) positive "
                    "numbers, one a sample: leave out samples of weight 0."
                )

    # What one sample contributes; axis 1 is the sample, every result but the first shaped as X.
    @abstractmethod
    def sample_value(self, X: Tensor) -> Tensor:
        """ℓ_i(x_i) ``(n, N)``."""

    @abstractmethod
    def sample_gradient(self, X: Tensor) -> Tensor: ...

    @abstractmethod
    def sample_product(self, X: Tensor, T: Tensor) -> Tensor:
        """∇²ℓ_i(x_i) t_i."""

    @abstractmethod
    def sample_conjugate(self, G: Tensor) -> tuple[Tensor, Tensor]:
        """The terms that add up to ℓ_i*(g_i), +∞ outside the domain, and their sizes before cancellation.

        A size also bounds |g ∂ℓ_i*/∂g|: what an error of g, relative to g, can change.
        """

    def sample_conjugates(self, G: Tensor) -> Tensor:
        """Only the terms of ``sample_conjugate``: a search along a ray asks for them again and again."""
        return self.sample_conjugate(G)[0]

    @property
    def has_bias(self) -> bool:
        return self.output_bias is not None

    @property
    def decay(self) -> float:
        return self.output_bias or 0.0

    def __call__(self, X: Tensor) -> Tensor:
        if not self.has_bias:
            return self._weighted(self.sample_value(X)).sum(1)
        b = self._bias(X)
        value = self._weighted(self.sample_value(X + b[:, None])).sum(1)
        return value + 0.5 * self.decay * b.flatten(1).square().sum(1)

    def gradient(self, X: Tensor) -> Tensor:
        return self._weighted(self.sample_gradient(self._shifted(X)))

    def value_and_gradient(self, X: Tensor) -> tuple[Tensor, Tensor]:
        if not self.has_bias:
            return self(X), self.gradient(X)
        b = self._bias(X)
        X = X + b[:, None]
        value = self._weighted(self.sample_value(X)).sum(1) + 0.5 * self.decay * b.flatten(1).square().sum(1)
        return value, self._weighted(self.sample_gradient(X))

    def hessian_product(self, X: Tensor, T: Tensor) -> Tensor:
        return self._product(self._shifted(X), T)

    def along(self, X: Tensor, D: Tensor) -> tuple[Tensor, Tensor]:
        X = self._shifted(X)
        return inner(self._weighted(self.sample_gradient(X)), D), inner(self._product(X, D), D)

    def _product(self, X: Tensor, T: Tensor) -> Tensor:
        """∇²ℓ T at outputs X that the bias has shifted already."""
        if not self.has_bias:
            return self._weighted(self.sample_product(X, T))
        pull = self._weighted(self.sample_product(X, T)).sum(1)
        shift = -apply(inverse(self._curvature(X)), pull)
        return self._weighted(self.sample_product(X, T + shift[:, None]))

    def conjugate(self, G: Tensor) -> Tensor:
        """Sum of the samples' conjugates, + ‖Σ_i g_i‖²/2μ for a decayed output bias.

        For a free one Σ_i g_i = 0 within rounding, ≤ (log₂ N + 4) eps Σ|g_i|: spread over the samples in proportion to
        |g_i| it changes ℓ* as a relative error of G does, for which ``conjugate_magnitude`` has room.
        """
        value = pairwise(self._weighted(self.sample_conjugates(self._unweighted(G))))
        if not self.has_bias:
            return value
        total, size = _over_samples(G), _over_samples(G.abs())
        if self.decay:
            return value + pairwise(total.square()) / (2 * self.decay)
        rounding = (math.log2(G.shape[1]) + 4) * torch.finfo(G.dtype).eps
        inside = (total.abs() <= rounding * size).flatten(1).all(1)
        return torch.where(inside, value, torch.full_like(value, torch.inf))

    def conjugate_magnitude(self, G: Tensor) -> Tensor:
        value = pairwise(self._weighted(self.sample_conjugate(self._unweighted(G))[1]))
        if self.decay:
            value = value + pairwise(_over_samples(G).abs() * _over_samples(G.abs())) / self.decay
        return value

    def project(self, G: Tensor) -> Tensor:
        if not self.has_bias or self.decay:
            return G
        return G - (_over_samples(G) / G.shape[1])[:, None]

    def in_units(self, step: int) -> tuple[Loss, int, int]:
        w = 0 if self.weights is None else exponent(self.weights)
        return (self, 0, 0) if w == 0 else (self._weighing(2.0**w), 0, w)

    def _weighing(self, unit: float) -> Self:
        """The loss divided by a unit: of its sample weights, and of the decay of the bias."""
        weights = None if self.weights is None else self.weights / unit
        bias = None if self.output_bias is None else self.output_bias / unit
        return replace(self, weights=weights, output_bias=bias)

    def bias(self, X: Tensor) -> Tensor:
        return self._bias(X).detach() if self.has_bias else super().bias(X)

    def _shifted(self, X: Tensor) -> Tensor:
        return X + self._bias(X)[:, None] if self.has_bias else X

    def _weighted(self, per_sample: Tensor) -> Tensor:
        return per_sample if self.weights is None else per_sample * self._along(self.weights, per_sample)

    def _unweighted(self, G: Tensor) -> Tensor:
        return G if self.weights is None else G / self._along(self.weights, G)

    def _fixed(self, X: Tensor) -> Tensor:
        return self._weighted(self.sample_gradient(X))

    def _along(self, weights: Tensor, like: Tensor) -> Tensor:
        return weights.reshape(1, -1, *[1] * (like.dim() - 2))

    def _bias(self, X: Tensor) -> Tensor:
        """argmin over b ``(n, *D[1:])``, differentiable in X: a last Newton step, which moves b by rounding only."""
        fixed = X.detach()
        b = self._known_bias(fixed)
        pull = self._weighted(self.sample_gradient(X + b[:, None])).sum(1) + self.decay * b
        last = apply(inverse(self._curvature(fixed + b[:, None])), pull)
        return b - torch.where(last.abs() <= 1e-8 * (1 + b.abs()), last, torch.zeros_like(last))

    def _known_bias(self, X: Tensor) -> Tensor:
        """``_best_bias``, kept for the outputs of one run that were seen last: value, gradient, alignment and rounding
        ask for it in turn."""
        last = getattr(self, "_last", None)
        if last is not None and last[0].shape == X.shape and last[0].device == X.device and torch.equal(last[0], X):
            return last[1]
        b = self._best_bias(X)
        if len(X) == 1:
            object.__setattr__(self, "_last", (X.clone(), b))
        return b

    def _curvature(self, X: Tensor) -> Tensor:
        """Σ_i weight_i ∇²ℓ_i + μ over the outputs, ``(n, c, c)``."""
        c = X[0, 0].numel()
        eye = torch.eye(c, dtype=X.dtype, device=X.device)
        units = eye.reshape(c, 1, 1, *X.shape[2:])
        blocks = [self._weighted(self.sample_product(X, e.expand_as(X))).sum(1).flatten(1) for e in units]
        H = torch.stack(blocks, 2) + self.decay * eye
        return (H + H.mT) / 2

    def _best_bias(self, X: Tensor) -> Tensor:
        return best_bias(lambda x: self._weighted(self.sample_gradient(x)), self._curvature, self.decay, X)


def _over_samples(G: Tensor) -> Tensor:
    """Σ_i g_i ``(n, *D[1:])``, as a tree sum."""
    return tree_sum(G.movedim(1, -1))


def drawn_inside(G: Tensor, margin: Tensor, center: Tensor, center_margin: Tensor) -> Tensor:
    """G mixed with a center of the domain so far that the concave ``margin`` ``(n,)`` of the domain is not negative."""
    lack = (-margin).clamp(min=0)
    share = lack * (1 + 1e-6) / (lack + center_margin)
    return G + column(share, G) * (center - G)
