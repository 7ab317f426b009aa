"""Independent references: the convex problems themselves, solved with numpy or CVXPY and never through factors."""

from .nuclear_norm import ConvexSolution, matrix_completion, nuclear_norm_approximation, shrink

__all__ = ["ConvexSolution", "matrix_completion", "nuclear_norm_approximation", "shrink"]
