"""Certificates of global optimality for networks of parallel, positively homogeneous subnetworks.

After B. D. Haeffele and R. Vidal, Global Optimality in Neural Network Training, CVPR 2017.
"""

from .certificate import Certificate, Verdict, certify
from .descent import LBFGS, Descent, GradientDescent, NewtonCG, minimise
from .effort import Effort
from .exact import Verification, verify_certificate
from .losses import CrossEntropyLoss, LogisticLoss, MaskedSquaredLoss, SquaredLoss
from .mappings import (
    AlexNet,
    BiasedReluUnit,
    ConvPool,
    DeepBiasedRelu,
    DeepLinear,
    DeepRelu,
    MatrixProduct,
    NormalizedConvPool,
    NormalizedRelu,
    Pooling,
    RankOneTensor,
    ReluUnit,
)
from .meta_algorithm import DescentPath, Step, meta_algorithm
from .optimal_face import OptimalFace, optimal_face, prediction_bounds
from .polar import PolarBound, ReluMaximum, lambda_max, max_relu_sum, omega, polar_of
from .problem import Problem
from .progress import progress_to
from .regularizers import (
    BalancedWeightDecay,
    DropoutPenalty,
    L1Decay,
    MaxNorm,
    NonNegative,
    Norm,
    OnLayers,
    PathNorm,
    PowerDecay,
    ProductOfNorms,
    SumOfPowers,
    SumOfSquares,
    WeightDecay,
    WeightedPowers,
    WeightedSum,
)
from .saved_certificate import SavedCertificate, load_certificate, save_certificate
from .sliding_frank_wolfe import Solution, solve, solve_path
from .status import Status
from .streams import generator
from .torch_networks import CertificationCost, NetworkCertificate, certification_cost, certify_network

__all__ = [
    "LBFGS",
    "AlexNet",
    "BalancedWeightDecay",
    "BiasedReluUnit",
    "Certificate",
    "CertificationCost",
    "ConvPool",
    "CrossEntropyLoss",
    "DeepBiasedRelu",
    "DeepLinear",
    "DeepRelu",
    "Descent",
    "DescentPath",
    "DropoutPenalty",
    "Effort",
    "GradientDescent",
    "L1Decay",
    "LogisticLoss",
    "MaskedSquaredLoss",
    "MatrixProduct",
    "MaxNorm",
    "NetworkCertificate",
    "NewtonCG",
    "NonNegative",
    "Norm",
    "NormalizedConvPool",
    "NormalizedRelu",
    "OnLayers",
    "OptimalFace",
    "PathNorm",
    "PolarBound",
    "Pooling",
    "PowerDecay",
    "Problem",
    "ProductOfNorms",
    "RankOneTensor",
    "ReluMaximum",
    "ReluUnit",
    "SavedCertificate",
    "Solution",
    "SquaredLoss",
    "Status",
    "Step",
    "SumOfPowers",
    "SumOfSquares",
    "Verdict",
    "Verification",
    "WeightDecay",
    "WeightedPowers",
    "WeightedSum",
    "certification_cost",
    "certify",
    "certify_network",
    "generator",
    "lambda_max",
    "load_certificate",
    "max_relu_sum",
    "meta_algorithm",
    "minimise",
    "omega",
    "optimal_face",
    "polar_of",
    "prediction_bounds",
    "progress_to",
    "save_certificate",
    "solve",
    "solve_path",
    "verify_certificate",
]
