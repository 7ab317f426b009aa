"""Paths of Theorem 2 as tables."""

import pandas as pd
import torch

from global_optimality.descent import largest_rise as of_path


def largest_rise(table: pd.DataFrame) -> float:
    """The largest increase over any earlier point of the path, relative to f there."""
    return of_path(torch.tensor(table["objective"].to_numpy()))
