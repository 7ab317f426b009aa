"""The polar Ω° of a pair (φ, θ), the induced Ω, and λ_max."""

from .bound import Oracle, Polar, PolarBound, oracle
from .lookup import lambda_max, oracle_of, polar_of
from .omega import omega

__all__ = ["Oracle", "Polar", "PolarBound", "lambda_max", "omega", "oracle", "oracle_of", "polar_of"]
