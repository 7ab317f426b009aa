"""Sums of regularizers of one degree, which are regularizers of that degree (section 5)."""

import math
from dataclasses import dataclass, replace
from typing import final

from torch import Tensor

from ..factors import Factors
from ..settings import instance, number
from .base import INSIDE, Regularizer
from .form import NormProduct, Shapes
from .powers import sum_of


def _several(terms: object) -> tuple[object, ...]:
    if not isinstance(terms, tuple | list):
        raise TypeError(f"WeightedSum: terms is a {type(terms).__name__}: pass a tuple of regularizers.")
    return tuple(terms)


@final
@dataclass(frozen=True)
class WeightedSum(Regularizer):
    """θ = Σ_j a_j θ_j with positive weights a_j (1 unless given). ``ValueError`` for unequal degrees or bad weights."""

    terms: tuple[Regularizer, ...]
    weights: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        terms = tuple(instance("a term of WeightedSum", term, Regularizer, INSIDE) for term in _several(self.terms))
        if not isinstance(self.weights, tuple | list):
            raise TypeError(f"WeightedSum: weights is a {type(self.weights).__name__}: pass a tuple of numbers.")
        given = (number("WeightedSum: a weight, one positive number for each regularizer,", a) for a in self.weights)
        weights = tuple(given) or (1.0,) * len(terms)
        if not terms:
            raise ValueError("WeightedSum needs at least one regularizer.")
        if len(weights) != len(terms) or not all(0 < a < float("inf") for a in weights):
            raise ValueError(f"weights = {weights} for {len(terms)} regularizers: give one positive number for each.")
        degrees = sorted({term.degree for term in terms})
        if any(math.isnan(degree) for degree in degrees):
            raise ValueError("one of the terms has no degree: put MaxNorm around the sum instead.")
        if len(degrees) > 1:
            raise ValueError(
                f"a sum of regularizers of degrees {degrees} has no degree: raise each to one degree first, e.g. "
                "BalancedWeightDecay in place of WeightDecay."
            )
        object.__setattr__(self, "terms", terms)
        object.__setattr__(self, "weights", weights)

    @property
    def degree(self) -> int | float:
        return self.terms[0].degree

    @property
    def constrained(self) -> bool:
        return any(term.constrained for term in self.terms)

    def product(self, shapes: Shapes) -> NormProduct | None:
        first, *others = (term.product(shapes) for term in self.terms)
        if first is None or any(form is None or replace(form, constant=first.constant) != first for form in others):
            return None
        constants = (form.constant for form in (first, *others) if form is not None)
        return replace(first, constant=math.fsum(a * c for a, c in zip(self.weights, constants, strict=True)))

    def theta(self, *W: Tensor) -> Tensor:
        return sum_of([a * term.theta(*W) for a, term in zip(self.weights, self.terms, strict=True)])

    def project(self, *W: Tensor) -> Factors:
        for term in self.terms:
            W = term.project(*W)
        return W
