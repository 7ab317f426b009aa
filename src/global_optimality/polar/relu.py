"""The polar of one hidden layer, max ‖Qᵀ(S u)₊‖ over ‖u‖ = 1: exact when S has rank at most 3, else enclosed."""

from dataclasses import dataclass
from typing import final

from torch import Tensor

from ..arrangement import Arrangement, arrangement
from ..factors import Factors
from ..mappings import Mapping, ReluUnit
from ..regularizers import Norm, ProductOfNorms, Regularizer, SumOfSquares
from ..relu_polar import maximisers, relu_polar
from .bound import Oracle, Polar, PolarBound, register
from .great_circles import ascents


@register(ReluUnit, SumOfSquares)
def _balanced(mapping: Mapping, regularizer: Regularizer) -> Polar:
    assert isinstance(mapping, ReluUnit)
    return Exact(arrangement(mapping.S))


@register(ReluUnit, ProductOfNorms)
def _product(mapping: Mapping, regularizer: Regularizer) -> Polar:
    assert isinstance(mapping, ReluUnit) and isinstance(regularizer, ProductOfNorms)
    if regularizer.norms != (Norm.TWO, Norm.TWO):
        raise LookupError(
            f"no polar is known for ReluUnit with {regularizer}: use two Euclidean norms, or pass your own polar."
        )
    return _balanced(mapping, regularizer)


@final
@dataclass(frozen=True, eq=False)
class Exact(Oracle):
    """Every cell, arc and vertex of the sorted arrangement of S, of rank at most 3."""

    arrangement: Arrangement

    def __call__(self, Q: Tensor) -> PolarBound:
        bound = relu_polar(self.arrangement, Q)
        u, v = bound.u.to(Q), bound.v.to(Q)
        return PolarBound(bound.lower.to(Q), bound.upper.to(Q), (u[:, None], v[:, None]))

    def atoms(self, Q: Tensor, count: int, above: float) -> Factors:
        _, u, v = maximisers(self.arrangement, Q[0], count, above=above)
        if not len(u):
            return self(Q).atom
        return u.to(Q)[None], v.to(Q)[None]

    def ascend(self, Q: Tensor, W: Factors, count: int, above: float) -> Factors:
        _, u, v = ascents(self.arrangement.hyperplanes.S, Q[0].double(), W[0][0].double(), count)
        return u.to(Q)[None], v.to(Q)[None]
