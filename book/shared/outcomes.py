"""How descents ended: at the minimum, settled above it, or still falling; shares with intervals over data draws."""

from collections.abc import Sequence

import pandas as pd
from scipy import stats

from .descents import SETTLED

CLOSE = 1e-2
"""A run counts as global when it exceeds the minimum by at most CLOSE, relative."""


def intervals(table: pd.DataFrame, by: Sequence[str], column: str, *, level: float = 0.95) -> pd.DataFrame:
    """Mean of ``column`` and Student's interval over the means of the draws: the draws are the sample, not the runs."""
    keys = list(by)
    draws = table.groupby([*keys, "draw"], sort=False)[column].mean().groupby(keys, sort=False)
    n, mean = draws.size(), draws.mean()
    half = stats.t.ppf(0.5 + level / 2, (n - 1).clip(lower=1)) * draws.std() / n**0.5
    return pd.DataFrame({"mean": mean, "low": mean - half, "high": mean + half, "draws": n})


def lead(table: pd.DataFrame, other: pd.DataFrame, column: str, *, level: float = 0.95) -> pd.Series:
    """Mean of ``column`` less that of ``other``, draw by draw, with Student's interval over draws: mean, low, high."""
    differences = table.groupby("draw")[column].mean() - other.groupby("draw")[column].mean()
    return intervals(differences.rename("lead").reset_index().assign(all=0), ["all"], "lead", level=level).iloc[0]


def outcomes(table: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """Of rows with ``excess`` over the minimum and ``falls`` (``still_falls``), one a run: how they ended.

    Shares ``close`` (interval over draws), ``trapped`` (settled, and not close: the landscape holds them) and
    ``falling`` (neither: the method does); ``settled``: the share of converged runs. Median excess; mean ``live``.
    """
    keys, close, settled = list(by), table["excess"] <= CLOSE, table["falls"] < SETTLED
    table = table.assign(
        close=close.astype(float), settled=settled, trapped=settled & ~close, falling=~settled & ~close
    )
    groups, sure = table.groupby(keys, sort=False), intervals(table, keys, "close")
    means = groups[["live", "close", "settled", "trapped", "falling"]].mean()
    means = means.assign(low=sure["low"].clip(lower=0), high=sure["high"].clip(upper=1))
    return means.assign(excess=groups["excess"].median(), runs=groups.size(), draws=sure["draws"]).reset_index()
