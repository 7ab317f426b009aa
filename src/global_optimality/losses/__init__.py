"""Convex, once differentiable losses ℓ(Y, X): value, gradient and Fenchel conjugate."""

from .base import Loss
from .squared import MaskedSquaredLoss, SquaredLoss

__all__ = ["Loss", "MaskedSquaredLoss", "SquaredLoss"]
