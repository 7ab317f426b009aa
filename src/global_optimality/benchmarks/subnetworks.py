"""Regularizers side by side on the digits: the choice of λ, and the comparison at the size of the full tier."""

import pandas as pd

from ..experiments.digits_subnetworks import chosen, compare, digits
from ..experiments.digits_subnetworks import tuning as tune

TRAIN, SIZE = 80, 12


def tuning(*, runs: int = 10, steps: int = 200) -> pd.DataFrame:
    """Validation accuracy for every λ tried; the chapter reads its λ from here. The starts are not the chapter's."""
    return tune(digits(TRAIN, seed=0), r=SIZE, runs=runs, steps=steps, seed=1)


def subnetworks(*, runs: int = 20, steps: int = 1000, sizes: tuple[int, ...] = (1, 2, 3, 6, 12, 24)) -> pd.DataFrame:
    """The comparison of the chapter with more sizes and five times the steps."""
    return compare(digits(TRAIN, seed=0), chosen(tuning()), sizes, runs=runs, steps=steps, seed=0)
