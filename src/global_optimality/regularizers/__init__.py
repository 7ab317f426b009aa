"""Elemental regularizers θ: positively homogeneous, positive semidefinite functions of one subnetwork's weights."""

from .base import Regularizer
from .cones import NonNegative
from .decay import L1Decay, PowerDecay, WeightDecay
from .dropout import DropoutPenalty, dropout_lam
from .form import FREE_BIAS, Norm, NormProduct, euclidean
from .max_norm import MaxNorm
from .norms import ProductOfNorms, SumOfSquares
from .on_layers import OnLayers
from .path_norm import PathNorm
from .powers import BalancedWeightDecay, SumOfPowers, WeightedPowers
from .sums import WeightedSum

__all__ = [
    "FREE_BIAS",
    "BalancedWeightDecay",
    "DropoutPenalty",
    "L1Decay",
    "MaxNorm",
    "NonNegative",
    "Norm",
    "NormProduct",
    "OnLayers",
    "PathNorm",
    "PowerDecay",
    "ProductOfNorms",
    "Regularizer",
    "SumOfPowers",
    "SumOfSquares",
    "WeightDecay",
    "WeightedPowers",
    "WeightedSum",
    "dropout_lam",
    "euclidean",
]
