"""Regularizers side by side on the digits: the choice of λ, and the comparison with more sizes and steps."""

from pathlib import Path

import pandas as pd

import book.implications
from book.implications.four_digits import chosen, compare, digits
from book.implications.four_digits import tuning as tune
from claimbook.tables import read_table

TRAIN, SIZE = 80, 12


def tuning(*, runs: int = 10, steps: int = 200) -> pd.DataFrame:
    """Validation accuracy for every λ tried; the chapter reads its λ from here. The starts are not the chapter's."""
    return tune(digits(TRAIN, seed=0), r=SIZE, runs=runs, steps=steps, seed=1)


def subnetworks(*, runs: int = 20, steps: int = 500, sizes: tuple[int, ...] = (1, 2, 4, 8, 16)) -> pd.DataFrame:
    """The comparison of the chapter with more sizes and steps, at the λ recorded by ``tuning``."""
    tuned, _ = read_table(Path(book.implications.__file__).parent / "data" / "tuning.csv")
    return compare(digits(TRAIN, seed=0), chosen(tuned), sizes, runs=runs, steps=steps, seed=0)
