"""Enclosure of the polar of one hidden ReLU layer for d > 3."""

from .branch_and_bound import CONES_UP_TO, Enclosure, by_cones, enclose, refine, work

__all__ = ["CONES_UP_TO", "Enclosure", "by_cones", "enclose", "refine", "work"]
