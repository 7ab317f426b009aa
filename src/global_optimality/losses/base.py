"""What every convex, once differentiable loss ℓ(Y, ·) offers: value, gradient, Fenchel conjugate, two line searches."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor

BISECTIONS = 60
"""Halvings of a bracket in a one-dimensional search: enough to exhaust the 53 bits of float64."""


@dataclass(frozen=True, eq=False)
class Loss(ABC):
    """ℓ(Y, ·) on outputs X of shape ``(n, *D)``; Y has shape D. The gradient is that of the sum over runs."""

    Y: Tensor

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.Y.shape)

    @property
    def has_bias(self) -> bool:
        """Whether an output bias is minimised inside the loss."""
        return False

    def bias(self, X: Tensor) -> Tensor:
        """The output bias minimised inside the loss, ``(n, *D[1:])``; zero where there is none."""
        return torch.zeros_like(X[:, 0])

    @abstractmethod
    def __call__(self, X: Tensor) -> Tensor:
        """ℓ(Y, X), ``(n,)``."""

    @abstractmethod
    def gradient(self, X: Tensor) -> Tensor:
        """∇ℓ(X), shaped as X."""

    def hessian_product(self, X: Tensor, T: Tensor) -> Tensor:
        """∇²ℓ(X) T for T ``(m, *D)`` and one X ``(1, *D)`` or m of them, shaped as T (forward mode unless overridden)."""
        return torch.func.jvp(self.gradient, (X.expand_as(T),), (T,))[1]

    @abstractmethod
    def conjugate(self, G: Tensor) -> Tensor:
        """ℓ*(G) = sup_X ⟨G, X⟩ − ℓ(X), ``(n,)``; +∞ outside its domain."""

    @abstractmethod
    def conjugate_magnitude(self, G: Tensor) -> Tensor:
        """Sum of the absolute values of the terms added up in ``conjugate``: what its rounding error scales with."""

    def project(self, G: Tensor) -> Tensor:
        """Projection of G ≈ ∇ℓ(X) onto the affine hull of dom ℓ*, shaped as G (the whole space unless overridden).

        Where rounding then leaves dom ℓ* by a hair, the result is drawn back into it.
        """
        return G

    def dual_scale(self, G: Tensor, cap: Tensor) -> Tensor:
        """The s in [0, cap] that maximises the concave −ℓ*(sG), ``(n,)`` (golden-section search; cap may be +∞)."""
        high = self._bracket(G, cap)
        low = torch.zeros_like(high)
        ratio = (5**0.5 - 1) / 2
        for _ in range(BISECTIONS + BISECTIONS // 2):
            width = ratio * (high - low)
            left, right = high - width, low + width
            worse = self._at(right, G) >= self._at(left, G)
            low, high = torch.where(worse, low, left), torch.where(worse, right, high)
        middle = (low + high) / 2
        return torch.where(self._at(cap.clamp(max=1e300), G) < self._at(middle, G), cap, middle)

    def line_minimum(self, X: Tensor, D: Tensor, slope: float) -> Tensor:
        """argmin over α ≥ 0 of ℓ(X + αD) + slope·α, ``(n,)``: bisection on the increasing derivative."""

        def derivative(a: Tensor) -> Tensor:
            return (self.gradient(X + column(a, X) * D) * D).flatten(1).sum(1) + slope

        low = torch.zeros_like(X.flatten(1)[:, 0])
        falls = derivative(low) < 0
        high = torch.ones_like(low)
        for _ in range(BISECTIONS):
            short = falls & (derivative(high) < 0)
            if not short.any():
                break
            high = torch.where(short, 2 * high, high)
        for _ in range(BISECTIONS):
            middle = (low + high) / 2
            short = derivative(middle) < 0
            low, high = torch.where(short, middle, low), torch.where(short, high, middle)
        return torch.where(falls, low, torch.zeros_like(low))

    def _at(self, s: Tensor, G: Tensor) -> Tensor:
        return self.conjugate(column(s, G) * G)

    def _bracket(self, G: Tensor, cap: Tensor) -> Tensor:
        high = torch.minimum(torch.ones_like(cap), cap)
        for _ in range(BISECTIONS):
            longer = torch.minimum(2 * high, cap)
            better = self._at(longer, G) < self._at(high, G)
            if not better.any():
                break
            high = torch.where(better, longer, high)
        return torch.minimum(2 * high, cap)


def column(s: Tensor, like: Tensor) -> Tensor:
    """s of shape (n,), shaped so that it multiplies the runs of a tensor (n, *D)."""
    return s.reshape(-1, *[1] * (like.dim() - 1))


def inner(A: Tensor, B: Tensor) -> Tensor:
    """⟨A, B⟩ of every run, ``(n,)``; either may lack the run axis' length (broadcast)."""
    return (A * B).flatten(1).sum(1)
