"""The certified solver: networks of every size, to global optimality, with the bound that proves it."""

from .solution import Round, Solution
from .solve import solve, solve_path

__all__ = ["Round", "Solution", "solve", "solve_path"]
