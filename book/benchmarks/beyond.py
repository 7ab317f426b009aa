"""What lies beyond the paper: the recorded sweeps of the chapter of that name."""

import pandas as pd

from book.beyond_the_paper.fixed_width import timings
from book.beyond_the_paper.needed_width import descents
from book.beyond_the_paper.optima import Setting, faces
from book.beyond_the_paper.unseen import generalisation

TEACHERS = tuple(f"teacher, d = {d}" for d in (2, 3))
SIZES = {TEACHERS[0]: (20, 60, 200, 1000), TEACHERS[1]: (20, 60, 120)}


def optimal_faces(*, draws: int = 20) -> pd.DataFrame:
    """Twenty settings of N, d, λ and noise, twenty draws each."""
    sizes = [Setting(family, N, share) for family in TEACHERS for N in SIZES[family] for share in (0.3, 0.03)]
    noises = [Setting(family, 60, 0.03, noise) for family in TEACHERS for noise in (0.0, 1.0)]
    middle = [Setting(family, 60, 0.1) for family in TEACHERS]
    return faces([*sizes, *middle, *noises], range(draws))


def faces_with_bias(*, draws: int = 12) -> pd.DataFrame:
    """A column of ones among the inputs: what makes weights of optima ambiguous."""
    settings = [Setting(f"{name}, bias", 20, share) for name in ("line", "plane") for share in (0.3, 0.1, 0.03)]
    return faces(settings, range(draws))


def fixed_width(*, draws: int = 5) -> pd.DataFrame:
    """Processor time of exact training against N: widths 1, 2 and 3 by enumeration, free width by ``solve``."""
    widths = {1: (20, 40, 80, 160, 320, 640), 2: (10, 20, 40, 80), 3: (10, 14, 20)}
    return timings(widths, (20, 40, 80, 160, 320, 640, 1280), draws=range(draws))


def needed_width(*, draws: int = 6, runs: int = 10, steps: int = 2500) -> pd.DataFrame:
    """Adam from starts of three scales, sizes 1 to 64, on twenty samples in the plane."""
    setting = Setting("teacher, d = 2", 20, 0.1)
    return descents(setting, (1, 2, 4, 8, 16, 32, 64), draws=range(draws), runs=runs, steps=steps)


def unseen(*, draws: int = 5) -> pd.DataFrame:
    """The bound beside the measured test error, planted and random labels, N to 3000."""
    return generalisation((30, 100, 300, 1000, 3000), seeds=range(draws))
