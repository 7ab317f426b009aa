"""Convex, once differentiable losses ℓ(Y, X): value, gradient and Fenchel conjugate."""

from .base import Loss
from .cross_entropy import CrossEntropyLoss
from .logistic import LogisticLoss
from .samples import SampleLoss
from .squared import MaskedSquaredLoss, SquaredLoss

__all__ = ["CrossEntropyLoss", "LogisticLoss", "Loss", "MaskedSquaredLoss", "SampleLoss", "SquaredLoss"]
