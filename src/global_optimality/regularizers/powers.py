"""Sums of powers of norms that match the degree K of K layers; with Euclidean norms both induce the Ω of ∏‖wᵏ‖."""

from abc import abstractmethod
from dataclasses import dataclass
from functools import reduce
from typing import final

import torch
from torch import Tensor

from ..factors import Factors, whole_numbers
from .base import Regularizer
from .form import NormProduct, Shapes, euclidean


@dataclass(frozen=True)
class OfEuclideanNorms(Regularizer):
    """A function of the Euclidean norms of K = ``layers`` factors, degree K, with the polar of their product."""

    layers: int

    def __post_init__(self) -> None:
        check_layers(type(self).__name__, self.layers)

    @property
    def degree(self) -> int:
        return self.layers

    def product(self, shapes: Shapes) -> NormProduct | None:
        return euclidean(self.layers) if len(shapes) == self.layers else None

    def theta(self, *W: Tensor) -> Tensor:
        check_count(self.layers, W)
        return self.of_squares([squares(w) for w in W])

    def gradient(self, *W: Tensor) -> Factors:
        check_count(self.layers, W)
        return times(self.slopes([squares(w) for w in W]), W)

    @abstractmethod
    def of_squares(self, s: list[Tensor]) -> Tensor:
        """θ from the squared norms, each ``(n, r)``: at least the product of the norms, equal where all agree."""

    @abstractmethod
    def slopes(self, s: list[Tensor]) -> list[Tensor]:
        """2 ∂θ/∂s_k, each ``(n, r)``: by what factor k is multiplied in the gradient."""


@final
@dataclass(frozen=True)
class SumOfPowers(OfEuclideanNorms):
    """θ(w¹, …, wᴷ) = (1/K) Σ ‖wᵏ‖ᴷ, Euclidean norms, degree K = ``layers`` (section 5). ``ValueError`` for K < 1."""

    def of_squares(self, s: list[Tensor]) -> Tensor:
        return sum_of([power(part, self.layers / 2) for part in s]) / self.layers

    def slopes(self, s: list[Tensor]) -> list[Tensor]:
        return [power(part, self.layers / 2 - 1) for part in s]


@final
@dataclass(frozen=True)
class BalancedWeightDecay(OfEuclideanNorms):
    """θ(w¹, …, wᴷ) = ((1/K) Σ ‖wᵏ‖²)^{K/2}: weight decay raised to degree K = ``layers``. ``ValueError`` for K < 1."""

    def of_squares(self, s: list[Tensor]) -> Tensor:
        return power(sum_of(s) / self.layers, self.layers / 2)

    def slopes(self, s: list[Tensor]) -> list[Tensor]:
        return [power(sum_of(s) / self.layers, self.layers / 2 - 1)] * self.layers


@final
@dataclass(frozen=True)
class WeightedPowers(Regularizer):
    """θ = Σ_k (κ_k/p) ‖wᵏ‖^{p/κ_k}, Euclidean norms: degree p = ``power`` if α scales wᵏ by α^κ_k, κ = ``exponents``.

    With p factors and all κ_k = 1 it is ``SumOfPowers(p)``. ``ValueError`` unless 1 ≤ κ_k < p: then θ has a gradient.
    """

    exponents: tuple[int, ...]
    power: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "exponents", whole_numbers("WeightedPowers: exponents", self.exponents))
        check_layers("WeightedPowers", self.power)
        if not self.exponents or not all(1 <= kappa < self.power for kappa in self.exponents):
            raise ValueError(
                f"WeightedPowers({self.exponents}, {self.power}): every exponent must be at least 1 and below the "
                "degree; mapping.exponents and mapping.degree of a network with biases fit."
            )

    @property
    def degree(self) -> int:
        return self.power

    def theta(self, *W: Tensor) -> Tensor:
        check_count(len(self.exponents), W)
        terms = [k * power(squares(w), self.power / (2 * k)) for k, w in zip(self.exponents, W, strict=True)]
        return sum_of(terms) / self.power

    def gradient(self, *W: Tensor) -> Factors:
        check_count(len(self.exponents), W)
        return times([power(squares(w), self.power / (2 * k) - 1) for k, w in zip(self.exponents, W, strict=True)], W)


def times(s: list[Tensor], W: Factors) -> Factors:
    """Each factor ``(n, r, *D_k)`` times its number ``(n, r)`` of every subnetwork."""
    return tuple(w * c.view(*c.shape, *(1,) * (w.dim() - 2)) for c, w in zip(s, W, strict=True))


def squares(w: Tensor) -> Tensor:
    """Sum of the squares of each subnetwork's factor: ``(n, r, *D_k)`` → ``(n, r)``."""
    return w.flatten(2).square().sum(2)


def power(s: Tensor, exponent: float) -> Tensor:
    """s^exponent for s ≥ 0, with all derivatives 0 (instead of NaN) at s = 0 where the exponent is not an integer."""
    if exponent == int(exponent):
        return s ** int(exponent)
    if exponent > 1 and not s.requires_grad:
        return s**exponent
    alive = s > 0
    return torch.where(alive, torch.where(alive, s, 1.0) ** exponent, 0.0)


def sum_of(terms: list[Tensor]) -> Tensor:
    """The sum of tensors of one shape."""
    return reduce(torch.add, terms)


def check_layers(name: str, layers: int) -> None:
    """``ValueError`` unless a regularizer is told at least one layer, ``TypeError`` unless a whole number of them."""
    whole_numbers(f"{name}: (layers,)", (layers,))
    if layers < 1:
        raise ValueError(f"{name}({layers}): the number of layers K must be at least 1.")


def check_count(layers: int, W: tuple[Tensor, ...]) -> None:
    """``ValueError`` unless there is one factor for each layer."""
    if len(W) != layers:
        raise ValueError(
            f"the regularizer is for {layers} layers but got {len(W)} factors: build it with layers={len(W)}."
        )
