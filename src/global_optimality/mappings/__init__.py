"""Elemental mappings φ: positively homogeneous functions of one subnetwork's weights."""

from .base import Gates, Mapping
from .matrix_product import MatrixProduct
from .relu_unit import ReluUnit

__all__ = ["Gates", "Mapping", "MatrixProduct", "ReluUnit"]
