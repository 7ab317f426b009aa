"""Regularizers side by side on the digits: the choice of λ, and the comparison with more sizes and steps."""

from pathlib import Path
from typing import Any

import pandas as pd

import book.implications
from book.implications.four_digits import chosen, compare, digits
from book.implications.four_digits import tuning as tune
from claimbook.files import digest
from claimbook.sweeps import Sweep
from claimbook.tables import read_table

TRAIN, SIZE = 80, 12
TUNED = Path(book.implications.__file__).parent / "data" / "tuning.csv"

Chunk = dict[str, Any]
Batch = list[Chunk]


def tuning(shared: Chunk, _: Batch) -> pd.DataFrame:
    """Validation accuracy for every λ tried; the chapter reads its λ from here. The starts are not the chapter's."""
    return tune(digits(TRAIN, seed=0), r=SIZE, runs=shared["starts"], steps=shared["steps"], seed=1)


def subnetworks(shared: Chunk, _: Batch) -> pd.DataFrame:
    """The comparison of the chapter with more sizes and steps, at the λ recorded by ``tuning``."""
    tuned = read_table(TUNED)[0]
    return compare(digits(TRAIN, seed=0), chosen(tuned), [shared["size"]], runs=20, steps=500, seed=0)


TUNING = Sweep(tuning, {"starts": [10], "steps": [200]})


def after_tuning() -> Sweep:
    """The sweep of ``subnetworks``, which reads the table of the other one."""
    return Sweep(subnetworks, {"size": [1, 2, 4, 8, 16]}, data={TUNED.name: digest(TUNED.read_bytes())})
