"""What sections 5 and 6 name, trained: dropout, the path norm, batch normalization, non-negative factors; by draw."""

from typing import Any

import pandas as pd

from book.implications import trained
from book.matrix_factorization.non_negative import of_higher_rank
from claimbook.sweeps import Sweep

Chunk = dict[str, Any]
Batch = list[Chunk]


def dropout_by_masks(shared: Chunk, _: Batch) -> pd.DataFrame:
    """Four ways to draw masks, three starts each."""
    return trained.dropout(draws=[shared["draw"]], runs=3, r=8, steps=2000)


def path_norm(shared: Chunk, _: Batch) -> pd.DataFrame:
    """Chains of three layers, small and usual starts, three regularizers."""
    return trained.path_norm((3,), (0.1, 0.5), draws=[shared["draw"]], runs=6, steps=800)


def normalized_networks(shared: Chunk, _: Batch) -> pd.DataFrame:
    """Batch normalization with 3 and 30 hidden units on correlated inputs."""
    return trained.normalized(draws=[shared["draw"]], sizes=(3, 30), runs=4, steps=2000)


def non_negative_columns(shared: Chunk, _: Batch) -> pd.DataFrame:
    """Matrices of two columns, three λ."""
    return of_higher_rank((2,), (0.05, 0.1, 0.2), draws=[shared["draw"]])


SECTION_SIX = {
    "dropout_by_masks": Sweep(dropout_by_masks, {"draw": range(6)}),
    "path_norm": Sweep(path_norm, {"draw": range(5)}),
    "normalized_networks": Sweep(normalized_networks, {"draw": range(6)}),
    "non_negative_columns": Sweep(non_negative_columns, {"draw": range(8)}),
}
