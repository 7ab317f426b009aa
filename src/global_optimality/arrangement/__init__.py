"""Cells, arcs and vertices into which the hyperplanes s_iᵀu = 0 of the data cut the weight sphere."""

from .cells import Cells, cells, generic_count
from .circles import Arrangement, Sorted, arrangement, memory_of
from .hyperplanes import Hyperplanes, hyperplanes

__all__ = [
    "Arrangement",
    "Cells",
    "Hyperplanes",
    "Sorted",
    "arrangement",
    "cells",
    "generic_count",
    "hyperplanes",
    "memory_of",
]
