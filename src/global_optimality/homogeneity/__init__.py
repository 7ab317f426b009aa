"""Positive homogeneity, measured: of any function, of the usual layers, of a pair (φ, θ), of a user's network."""

from .layers import LayerRow, layer_table
from .measure import Degree, Homogeneity, check_degree, measure_degree, random_points
from .optimizer import optimizer_decays
from .pair import Nondegeneracy, PairTest, check_declared, check_nondegenerate, check_pair
from .report import Mismatch, Report, report, report_module

__all__ = [
    "Degree",
    "Homogeneity",
    "LayerRow",
    "Mismatch",
    "Nondegeneracy",
    "PairTest",
    "Report",
    "check_declared",
    "check_degree",
    "check_nondegenerate",
    "check_pair",
    "layer_table",
    "measure_degree",
    "optimizer_decays",
    "random_points",
    "report",
    "report_module",
]
