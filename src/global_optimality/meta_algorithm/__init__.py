"""Theorem 2's meta-algorithm: its path from any start, and the null vectors that it slides along."""

from ..descent.null_space import null_vectors
from .algorithm import meta_algorithm
from .path import DescentPath, Step

__all__ = ["DescentPath", "Step", "meta_algorithm", "null_vectors"]
