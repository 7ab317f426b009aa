"""How a cost grows: the exponent of a power law through at least four sizes, with its interval; who is faster where."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

LEAST = 4
"""A line through fewer sizes says nothing about growth."""


def growth(sizes: Sequence[float], seconds: Sequence[float]) -> dict[str, float]:
    """Slope of the least-squares line of log seconds over log size, and its 95 % interval by Student's t.

    ``ValueError`` for fewer than LEAST different sizes.
    """
    if len(set(sizes)) < LEAST:
        raise ValueError(f"{len(set(sizes))} sizes: an exponent needs at least {LEAST}.")
    line: Any = stats.linregress(np.log(sizes), np.log(seconds))
    half = float(stats.t.ppf(0.975, len(sizes) - 2)) * line.stderr
    return {"exponent": line.slope, "low": line.slope - half, "high": line.slope + half, "sizes": len(set(sizes))}


def growths(table: pd.DataFrame, by: str, size: str, seconds: str = "cpu_seconds") -> pd.DataFrame:
    """``growth`` of every way in the column ``by`` that was measured at enough sizes."""
    rows = []
    for name, part in table[table[seconds].notna()].groupby(by, sort=False):
        if part[size].nunique() >= LEAST:
            rows.append({by: name, **growth(part[size].tolist(), part[seconds].tolist())})
    return pd.DataFrame(rows)


def medians(table: pd.DataFrame, size: str, value: str = "cpu_seconds") -> pd.DataFrame:
    """A row a size, a column a way: the median over all draws, in which what did not arrive (NaN) counts as longest.

    NaN where a way was not measured, or did not arrive in most draws: a median of the others would flatter it.
    """
    order = list(dict.fromkeys(table["way"]))
    late = table.assign(**{value: table[value].fillna(np.inf)})
    return late.groupby([size, "way"])[value].median().unstack("way")[order].replace(np.inf, np.nan)


def arrived(table: pd.DataFrame, when: str) -> pd.DataFrame:
    """The table with the seconds of those that did not arrive (column ``when`` false) made NaN."""
    return table.assign(cpu_seconds=table["cpu_seconds"].where(table[when].astype(bool)))


def wins(table: pd.DataFrame, size: str, ours: str = "ours") -> pd.DataFrame:
    """A row a size and peer: of its draws those that each closed, and those in which our time is the shorter one.

    A way that did not arrive (``arrived``) loses to one that did; where neither did, nobody wins.
    """
    seconds = table.pivot(index=[size, "draw"], columns="way", values="cpu_seconds")
    own, rows = seconds[ours], []
    for peer in (way for way in dict.fromkeys(table["way"]) if way != ours):
        first = own.fillna(np.inf) < seconds[peer].fillna(np.inf)
        count = pd.DataFrame({"draws": 1, "closed": own.notna(), "peer_closed": seconds[peer].notna(), "faster": first})
        rows.append(count.groupby(level=0).sum().reset_index().assign(peer=peer))
    return pd.concat(rows, ignore_index=True)[[size, "peer", "draws", "closed", "peer_closed", "faster"]]


def spread(table: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """A row a size and way: median, least and largest seconds over the draws, ``times`` ours in words, how they ended.

    A draw that met a limit (``status``) counts as the longest; ``times`` is then the least that is known, from
    ``at_least``.
    """
    rows = []
    for key, part in table.groupby(by, sort=False):
        late = part["status"] != "done"
        middle, ratio = (float(part[name].fillna(np.inf).median()) for name in ("cpu_seconds", "ratio"))
        least = part["at_least"].min()
        if np.isfinite(ratio):
            times = f"{ratio:.{0 if ratio >= 10 else 2}f}"
        else:
            times = f"more than {least:.0f}" if np.isfinite(least) else "not known"
        ended = (
            "all done" if not late.any() else f"{(~late).sum()} of {len(part)} done; {part.loc[late, 'status'].iloc[0]}"
        )
        told: dict[str, Any] = {"median": middle if np.isfinite(middle) else np.nan}
        told |= {"least": part["cpu_seconds"].min(), "most": part["cpu_seconds"].max(), "times": times}
        rows.append(dict(zip(by, key, strict=True)) | told | {"megabytes": part["megabytes"].median(), "ended": ended})
    return pd.DataFrame(rows)


def ends_of(table: pd.DataFrame) -> pd.DataFrame:
    """A row a work and way: megabytes at the smallest and at the largest size, and how it ended there."""
    rows = []
    for (work, way), part in table.groupby(["work", "way"], sort=False):
        first, last = (part.iloc[place] for place in (0, -1))
        told = {"first": first["size"], "first_megabytes": first["megabytes"]}
        told |= {"last": last["size"], "last_megabytes": last["megabytes"], "ended": last["status"]}
        rows.append({"work": work, "way": way, **told})
    return pd.DataFrame(rows)
