"""Elemental mappings φ: positively homogeneous functions of one subnetwork's weights."""

from .alexnet import AlexNet
from .base import Gates, Mapping, Reduction
from .biased_relu import BiasedReluUnit
from .conv_pool import ConvPool, Pooling
from .deep_biased_relu import DeepBiasedRelu
from .deep_linear import DeepLinear
from .deep_relu import DeepRelu
from .matrix_product import MatrixProduct
from .normalized_conv_pool import NormalizedConvPool
from .normalized_relu import NormalizedRelu
from .rank_one_tensor import RankOneTensor
from .relu_unit import ReluUnit

__all__ = [
    "AlexNet",
    "BiasedReluUnit",
    "ConvPool",
    "DeepBiasedRelu",
    "DeepLinear",
    "DeepRelu",
    "Gates",
    "Mapping",
    "MatrixProduct",
    "NormalizedConvPool",
    "NormalizedRelu",
    "Pooling",
    "RankOneTensor",
    "Reduction",
    "ReluUnit",
]
