"""Theorem 1 without the polar: the recorded runs of the chapter One hidden layer."""

import pandas as pd

from book.one_hidden_layer.shaken import Shakes, shaken


def shaken_descents(*, draws: int = 6, runs: int = 7) -> pd.DataFrame:
    """Six draws of the data, six sizes, two λ; a small λ asks for more units."""
    tables = [
        shaken(range(draws), (1, 2, 3, 4, 6, 10), runs=runs, shakes=Shakes(noises=24), lam=lam).assign(lam=lam)
        for lam in (1.0, 0.3)
    ]
    return pd.concat(tables, ignore_index=True)
