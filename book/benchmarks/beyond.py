"""What lies beyond the paper: the recorded sweeps of the chapter of that name, a draw of the data a chunk."""

from typing import Any

import pandas as pd

from book.beyond_the_paper.fixed_width import timings
from book.beyond_the_paper.needed_width import descents
from book.beyond_the_paper.optima import Setting, counted_faces, faces
from book.beyond_the_paper.unseen import generalisation
from claimbook.sweeps import Sweep

TEACHERS = tuple(f"teacher, d = {d}" for d in (2, 3))
SIZES = {TEACHERS[0]: (20, 60, 200, 1000), TEACHERS[1]: (20, 60, 120)}
BLOCK = 1000
"""Draws in a chunk of the law of the smallest size."""

Chunk = dict[str, Any]
Batch = list[Chunk]


def optimal_faces(shared: Chunk, _: Batch) -> pd.DataFrame:
    """Twenty settings of N, d, λ and noise."""
    sizes = [Setting(family, N, share) for family in TEACHERS for N in SIZES[family] for share in (0.3, 0.03)]
    noises = [Setting(family, 60, 0.03, noise) for family in TEACHERS for noise in (0.0, 1.0)]
    middle = [Setting(family, 60, 0.1) for family in TEACHERS]
    return faces([*sizes, *middle, *noises], [shared["draw"]])


def many_faces(shared: Chunk, _: Batch) -> pd.DataFrame:
    """The smallest optima of BLOCK draws at one N."""
    draws = range(BLOCK * shared["block"], BLOCK * (shared["block"] + 1))
    return counted_faces(Setting(TEACHERS[0], shared["N"], 0.3), draws)


def faces_with_bias(shared: Chunk, _: Batch) -> pd.DataFrame:
    """A column of ones among the inputs: what makes weights of optima ambiguous."""
    settings = [Setting(f"{name}, bias", 20, share) for name in ("line", "plane") for share in (0.3, 0.1, 0.03)]
    return faces(settings, [shared["draw"]])


def fixed_width(shared: Chunk, _: Batch) -> pd.DataFrame:
    """Processor time of exact training against N: widths 1, 2 and 3 by enumeration, free width by ``solve``."""
    widths = {1: (20, 40, 80, 160, 320, 640), 2: (10, 20, 40, 80), 3: (10, 14, 20)}
    return timings(widths, (20, 40, 80, 160, 320, 640, 1280), draws=[shared["draw"]])


def needed_width(shared: Chunk, _: Batch) -> pd.DataFrame:
    """Adam from starts of three scales, sizes 1 to 64, on twenty samples in the plane."""
    setting = Setting(TEACHERS[0], 20, 0.1)
    return descents(setting, (1, 2, 4, 8, 16, 32, 64), draws=[shared["draw"]], runs=10, steps=2500)


def unseen(shared: Chunk, _: Batch) -> pd.DataFrame:
    """The bound beside the measured test error, planted and random labels, N to 3000."""
    return generalisation((30, 100, 300, 1000, 3000), seeds=[shared["seed"]])


BEYOND = {
    "optimal_faces": Sweep(optimal_faces, {"draw": range(20)}),
    "many_faces": Sweep(many_faces, {"N": [10, 20, 40, 80], "block": range(25)}),
    "faces_with_bias": Sweep(faces_with_bias, {"draw": range(12)}),
    "fixed_width": Sweep(fixed_width, {"draw": range(5)}),
    "needed_width": Sweep(needed_width, {"draw": range(6)}),
    "unseen": Sweep(unseen, {"seed": range(5)}),
}
