"""Elemental regularizers θ: positively homogeneous, positive semidefinite functions of one subnetwork's weights."""

from .base import Regularizer
from .cones import NonNegative
from .norms import Norm, ProductOfNorms, SumOfSquares

__all__ = ["NonNegative", "Norm", "ProductOfNorms", "Regularizer", "SumOfSquares"]
