"""Parallel against dense at equal parameters: the recorded runs of the chapter Implications."""

import pandas as pd

from book.implications.dense import PAIRS, parallel_against_dense


def dense(*, draws: int = 5, runs: int = 10, steps: int = 4000) -> pd.DataFrame:
    """Three sizes, three λ, five draws of the noise, ten starts."""
    return parallel_against_dense(PAIRS, (0.02, 0.1, 0.5), draws=range(draws), runs=runs, steps=steps, window=600)
