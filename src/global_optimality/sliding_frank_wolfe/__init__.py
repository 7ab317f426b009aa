"""The certified solver: networks of every size, to global optimality, with the bound that proves it."""

from .local import Local, OnFaces, Scaling, local_of
from .look import ascent
from .solution import Round, Solution
from .solve import solve, solve_path

__all__ = ["Local", "OnFaces", "Round", "Scaling", "Solution", "ascent", "local_of", "solve", "solve_path"]
