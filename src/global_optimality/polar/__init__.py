"""The polar Ω° of a pair (φ, θ), the induced Ω, and λ_max."""

from .bound import Oracle, Polar, PolarBound, oracle
from .lookup import lambda_max, oracle_of, polar_of
from .omega import omega
from .relu_sum import ReluMaximum, max_relu_sum

__all__ = [
    "Oracle",
    "Polar",
    "PolarBound",
    "ReluMaximum",
    "lambda_max",
    "max_relu_sum",
    "omega",
    "oracle",
    "oracle_of",
    "polar_of",
]
