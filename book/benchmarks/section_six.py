"""What sections 5 and 6 name, trained: dropout, the path norm, batch normalization, non-negative factors."""

import pandas as pd

from book.implications import trained
from book.matrix_factorization.non_negative import of_higher_rank


def dropout_by_masks(*, draws: int = 6, runs: int = 3, steps: int = 2000) -> pd.DataFrame:
    """Four ways to draw masks, six matrices, three starts each."""
    return trained.dropout(draws=range(draws), runs=runs, r=8, steps=steps)


def path_norm(*, draws: int = 5, runs: int = 6, steps: int = 800) -> pd.DataFrame:
    """Chains of three layers, small and usual starts, three regularizers."""
    return trained.path_norm((3,), (0.1, 0.5), draws=range(draws), runs=runs, steps=steps)


def normalized_networks(*, draws: int = 6, runs: int = 4, steps: int = 2000) -> pd.DataFrame:
    """Batch normalization with 3 and 30 hidden units on correlated inputs."""
    return trained.normalized(draws=range(draws), sizes=(3, 30), runs=runs, steps=steps)


def non_negative_columns(*, draws: int = 8) -> pd.DataFrame:
    """Matrices of two columns, three λ."""
    return of_higher_rank((2,), (0.05, 0.1, 0.2), draws=range(draws))
