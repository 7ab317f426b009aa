"""The polar Ω° of a pair (φ, θ), the induced Ω, and λ_max."""

from . import cones, matrix, relu  # noqa: F401  (they register their pairs)
from .bound import Oracle, Polar, PolarBound, lambda_max, polar_of
from .omega import omega

__all__ = ["Oracle", "Polar", "PolarBound", "lambda_max", "omega", "polar_of"]
