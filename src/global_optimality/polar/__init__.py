"""The polar Ω° of a pair (φ, θ), the induced Ω, and λ_max.

Lower bounds come from one ascent for each kind of mathematics: ``ascent.climb`` follows gradients of any φ;
``great_circles.ascents`` searches circles exactly, for ‖Qᵀ(Su)₊‖ alone, and ``relu_enclosure.ascent`` takes its ends
onto their faces; ``signs`` alternates between corners, where a maximum norm has no gradient to follow.
"""

from .bound import Oracle, Polar, PolarBound, Unfinished, oracle
from .lookup import lambda_max, oracle_of, polar_of
from .omega import omega
from .relu_sum import ReluMaximum, max_relu_sum

__all__ = [
    "Oracle",
    "Polar",
    "PolarBound",
    "ReluMaximum",
    "Unfinished",
    "lambda_max",
    "max_relu_sum",
    "omega",
    "oracle",
    "oracle_of",
    "polar_of",
]
