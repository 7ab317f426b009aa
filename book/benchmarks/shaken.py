"""Theorem 1 without the polar: the recorded runs of the chapter One hidden layer."""

import pandas as pd

from book.one_hidden_layer.shaken import Shakes, shaken


def shaken_descents(*, draws: int = 6, runs: int = 14) -> pd.DataFrame:
    """Six draws of the data, six sizes, 14 starts each: 504 runs."""
    return shaken(range(draws), (1, 2, 3, 4, 6, 10), runs=runs, shakes=Shakes(noises=16))
