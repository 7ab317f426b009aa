"""Local descent on f_r, batched over runs (step 1 of Theorem 2's meta-algorithm)."""

from .lbfgs import LBFGS
from .methods import MOST_POINTS, GradientDescent, Method, Stop, never
from .minimise import Descent, minimise
from .newton import NewtonCG
from .point import largest_rise
from .scales import refit

__all__ = [
    "LBFGS",
    "MOST_POINTS",
    "Descent",
    "GradientDescent",
    "Method",
    "NewtonCG",
    "Stop",
    "largest_rise",
    "minimise",
    "never",
    "refit",
]
