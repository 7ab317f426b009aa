"""Paths of Theorem 2 as tables."""

import pandas as pd


def largest_rise(table: pd.DataFrame) -> float:
    """The largest increase over any earlier point of the path, relative to f there."""
    lowest = table["objective"].cummin()
    return float(((table["objective"] - lowest) / lowest).max())
