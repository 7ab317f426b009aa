"""Certificates of global optimality for networks of parallel, positively homogeneous subnetworks.

After B. D. Haeffele and R. Vidal, Global Optimality in Neural Network Training, CVPR 2017.
"""

from .certificate import Certificate, Verdict, certify
from .descent import LBFGS, Descent, GradientDescent, NewtonCG, minimise
from .losses import MaskedSquaredLoss, SquaredLoss
from .mappings import AlexNet, ConvPool, DeepLinear, DeepRelu, MatrixProduct, Pooling, RankOneTensor
from .meta_algorithm import Path, Step, meta_algorithm
from .polar import PolarBound, lambda_max, omega, polar_of
from .problem import Problem
from .regularizers import (
    BalancedWeightDecay,
    L1Decay,
    NonNegative,
    Norm,
    PathNorm,
    ProductOfNorms,
    SumOfPowers,
    SumOfSquares,
    WeightDecay,
    WeightedSum,
)
from .status import Status
from .streams import generator

__all__ = [
    "LBFGS",
    "AlexNet",
    "BalancedWeightDecay",
    "Certificate",
    "ConvPool",
    "DeepLinear",
    "DeepRelu",
    "Descent",
    "GradientDescent",
    "L1Decay",
    "MaskedSquaredLoss",
    "MatrixProduct",
    "NewtonCG",
    "NonNegative",
    "Norm",
    "Path",
    "PathNorm",
    "PolarBound",
    "Pooling",
    "Problem",
    "ProductOfNorms",
    "RankOneTensor",
    "SquaredLoss",
    "Status",
    "Step",
    "SumOfPowers",
    "SumOfSquares",
    "Verdict",
    "WeightDecay",
    "WeightedSum",
    "certify",
    "generator",
    "lambda_max",
    "meta_algorithm",
    "minimise",
    "omega",
    "polar_of",
]
