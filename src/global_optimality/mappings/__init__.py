"""Elemental mappings φ: positively homogeneous functions of one subnetwork's weights."""

from .base import Mapping
from .matrix_product import MatrixProduct

__all__ = ["Mapping", "MatrixProduct"]
