"""The certified solver: networks of every size, to global optimality, with the bound that proves it."""

from .local import Local, OnFaces, Scaling, local_of
from .look import ascent
from .path import solve_path
from .solution import Round, Solution
from .solve import solve

__all__ = ["Local", "OnFaces", "Round", "Scaling", "Solution", "ascent", "local_of", "solve", "solve_path"]
