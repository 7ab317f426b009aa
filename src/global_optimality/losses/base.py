"""What every convex, once differentiable loss ℓ(Y, ·) offers: value, gradient, Fenchel conjugate, two line searches."""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor

from ..effort import over
from ..factors import ordinary
from ..summation import pairwise

BISECTIONS = 60
"""Halvings of a bracket in a one-dimensional search: enough to exhaust the 53 bits of float64."""


GOLDEN, FLAT = 75, 8.0
"""Steps of a golden-section search: they exhaust the 53 bits of float64. It ends before where the function is flat: by
convexity what is left to gain is less than its values differ by, FLAT eps of them, which is rounding."""

EDGE = 2.0**-26
"""Where a convex function still falls over this share of an interval, at its end, the end is least to rounding."""

SETTLED = 2.0**-40
"""A step along a line is found to this share of itself: the loss there is then off by its square."""


@dataclass(frozen=True, eq=False)
class Loss(ABC):
    """ℓ(Y, ·) on outputs X of shape ``(n, *D)``; Y has shape D. The gradient is that of the sum over runs."""

    Y: Tensor

    @property
    def quadratic(self) -> bool:
        """Whether ℓ* is a quadratic function along every ray that stays in its domain."""
        return False

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

    def value_and_gradient(self, X: Tensor) -> tuple[Tensor, Tensor]:
        """ℓ(Y, X) and ∇ℓ(X); a subclass may share work between them."""
        return self(X), self.gradient(X)

    def hessian_product(self, X: Tensor, T: Tensor) -> Tensor:
        """∇²ℓ(X) T for T ``(m, *D)`` and one X ``(1, *D)`` or m, shaped as T (forward mode unless overridden)."""
        with torch.inference_mode(False):
            X, T = ordinary(X), ordinary(T)
            return torch.func.jvp(self.gradient, (X.expand_as(T),), (T,))[1]

    def rounding(self, X: Tensor, change: Tensor) -> Tensor:
        """How far ℓ(X), as computed, may lie from ℓ of outputs that differ from X by at most ``change``, ``(n,)``.

        ∇ℓ has the Lipschitz constant 1 (the weight of a sample), sums of card(X) terms err as ``pairwise`` says.
        """
        eps, b = torch.finfo(X.dtype).eps, self.bias(X)[:, None]
        if self.has_bias:
            change = change + eps * (X.abs() + b.abs())
        first = (self._fixed(X + b).abs() * change).flatten(1).sum(1)
        second = self._weighted(change.square()).flatten(1).sum(1)
        return first + second + (math.log2(change[0].numel()) + 8) * eps * self._terms(X, b)

    def _fixed(self, X: Tensor) -> Tensor:
        """∇ℓ at outputs that the bias has shifted already."""
        return self.gradient(X)

    def _weighted(self, per_sample: Tensor) -> Tensor:
        return per_sample

    def _terms(self, X: Tensor, b: Tensor) -> Tensor:
        """The moduli that add up to ℓ(X), ``(n,)``, at the bias b ``(n, 1, *D[1:])``."""
        return self(X)

    def in_units(self, step: int) -> tuple["Loss", int, int]:
        """(ℓ', b, v) with ℓ(X) = 2^v ℓ'(2^{−b} X) and data about 1 in ℓ', b a multiple of ``step``; exact, and equal
        as functions of X also where an output bias takes up a shift of Y."""
        return self, 0, 0

    @abstractmethod
    def conjugate(self, G: Tensor) -> Tensor:
        """ℓ*(G) = sup_X ⟨G, X⟩ − ℓ(X), ``(n,)``, summed by ``pairwise``; +∞ outside its domain."""

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
        at_cap, before = self._at(cap.clamp(max=1e300), G), self._at((cap * (1 - EDGE)).clamp(max=1e300), G)
        if bool((at_cap < before).all()):
            return cap
        high = self._bracket(G, cap)
        low = torch.zeros_like(high)
        at_low, at_high = self._at(low, G), self._at(high, G)
        ratio = (5**0.5 - 1) / 2
        left, right = high - ratio * (high - low), low + ratio * (high - low)
        at_left, at_right = self._at(left, G), self._at(right, G)
        for _ in range(GOLDEN):
            values = torch.stack([at_low, at_left, at_right, at_high])
            if bool((values.amax(0) - values.amin(0) <= FLAT * torch.finfo(G.dtype).eps * at_left.abs()).all()):
                break
            worse = at_right >= at_left
            low, at_low = torch.where(worse, low, left), torch.where(worse, at_low, at_left)
            high, at_high = torch.where(worse, right, high), torch.where(worse, at_right, at_high)
            new = torch.where(worse, high - ratio * (high - low), low + ratio * (high - low))
            value = self._at(new, G)
            left, at_left, right, at_right = (
                torch.where(worse, a, b) for a, b in ((new, right), (value, at_right), (left, new), (at_left, value))
            )
        s, value = torch.where(at_left < at_right, left, right), torch.minimum(at_left, at_right)
        for end in (low, torch.zeros_like(high)):  # where the best scale is an end of the domain, others are outside
            better = (at_end := self._at(end, G)) <= value
            s, value = torch.where(better, end, s), torch.where(better, at_end, value)
        return torch.where(at_cap < value, cap, s)

    def along(self, X: Tensor, D: Tensor) -> tuple[Tensor, Tensor]:
        """The first two derivatives of ℓ at X along D, each ``(n,)``; a subclass may share work between them."""
        return inner(self.gradient(X), D), inner(self.hessian_product(X, D), D)

    def line_minimum(self, X: Tensor, D: Tensor, slope: float) -> Tensor:
        """argmin over α ≥ 0 of ℓ(X + αD) + slope·α, ``(n,)``: Newton on the derivative, kept in a bracket.

        ℓ ≥ 0, so that with a positive slope α ≤ ℓ(X)/slope. The pull −⟨∇ℓ, D⟩ of samples that are nearly right falls
        exponentially: Newton equates its logarithm with that of a slope, unless the pull was seen to turn. Where the
        time is up before, an α up to which it falls.
        """
        turns = torch.full_like(X.flatten(1)[:, 0], slope <= 0, dtype=torch.bool)

        def newton(value: Tensor, bend: Tensor) -> Tensor:
            pull = slope - value
            turns.logical_or_(pull <= 0)
            return torch.where(turns, -value, (pull / slope).log() * pull if slope > 0 else pull) / bend

        def derivatives(a: Tensor) -> tuple[Tensor, Tensor]:
            first, second = self.along(X + column(a, X) * D, D)
            return first + slope, second

        low = torch.zeros_like(X.flatten(1)[:, 0])
        high = self(X) / slope * (1 + 1e-9) if slope > 0 else torch.full_like(low, torch.inf)
        first, bend = derivatives(low)
        falls, a = first < 0, low
        new = torch.where(bend > 0, newton(first, bend), torch.ones_like(low)).clamp(min=1e-300, max=1e300)
        new = torch.where(new < high, new, high / 2)
        for step in range(2 * BISECTIONS):
            still = falls & ((new - a).abs() > SETTLED * new.abs())
            if not bool(still.any()):
                break
            if over():
                return low
            a = torch.where(still, new, a)
            value, bend = derivatives(a)
            low, high = torch.where(value < 0, a, low), torch.where(value < 0, high, a)
            new = a + newton(value, bend)
            middle = torch.where(high > 4 * low, (low * high).sqrt(), (low + high) / 2)
            middle = torch.where(low == 0, high / 4, torch.where(torch.isinf(high), 2 * a, middle))
            safe = (new > low) & (new < high) & (new < 10 * a) & (step % 8 < 7)
            new = torch.where(safe, new, torch.where(value == 0, a, middle))
        return torch.where(falls, a, torch.zeros_like(a))

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
    return pairwise(A * B)
