"""The polar Ω° of a pair (φ, θ), the induced Ω, and λ_max."""

from . import cones, convolution, deep_linear, deep_relu, matrix, relu, tensor  # noqa: F401  (they register their pairs)
from .bound import Oracle, Polar, PolarBound, lambda_max, polar_of
from .omega import omega

__all__ = ["Oracle", "Polar", "PolarBound", "lambda_max", "omega", "polar_of"]
