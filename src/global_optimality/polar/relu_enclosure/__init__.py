"""Enclosure of the polar of one hidden ReLU layer for d > 3."""

from .branch_and_bound import Enclosure, Ended, enclose, refine

__all__ = ["Enclosure", "Ended", "enclose", "refine"]
