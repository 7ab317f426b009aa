"""Elemental regularizers θ: positively homogeneous, positive semidefinite functions of one subnetwork's weights."""

from .base import Regularizer
from .cones import NonNegative
from .decay import L1Decay, PowerDecay, WeightDecay
from .norms import Norm, ProductOfNorms, SumOfSquares
from .path_norm import PathNorm
from .powers import BalancedWeightDecay, SumOfPowers
from .sums import WeightedSum

__all__ = [
    "BalancedWeightDecay",
    "L1Decay",
    "NonNegative",
    "Norm",
    "PathNorm",
    "PowerDecay",
    "ProductOfNorms",
    "Regularizer",
    "SumOfPowers",
    "SumOfSquares",
    "WeightDecay",
    "WeightedSum",
]
