"""The figures of the chapter Cost and scaling."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

from ..shared.style import COLOUR, canvas, styled

LOOKS = ((COLOUR.descent, "o", "-"), (COLOUR.escape, "D", "--"), (COLOUR.slide, "s", "-."), (COLOUR.saddle, "X", ":"),
         (COLOUR.append, "P", "-"))  # fmt: skip
"""Colour, mark and line of the ways, ours first."""


def _curves(axes: Axes, table: pd.DataFrame) -> None:
    """A curve a column over the index, both axes logarithmic; none for a column that knows nothing."""
    for (way, column), (colour, marker, line) in zip(table.items(), LOOKS, strict=False):
        known = column.dropna()
        if known.empty:
            continue
        axes.plot(
            known.index, known, marker=marker, linestyle=line, color=colour, linewidth=1.5, markersize=6, label=str(way)
        )
    axes.set(xscale="log", yscale="log", ylabel="processor seconds")
    wide = table.index.max() > 200 * table.index.min()  # more labels would touch
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 3.0) if wide else (1.0, 2.0, 3.0, 5.0)))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.yaxis.set_minor_formatter(NullFormatter())


@styled
def beside_peers(table: pd.DataFrame, size: str = "starts") -> Figure:
    """Seconds of the same work by its size, a column a way."""
    figure, axes = canvas(3.6)
    _curves(axes, table)
    axes.set(xlabel=size)
    axes.legend(loc="best")
    axes.margins(y=0.2)
    return figure


@styled
def time_to_gap(table: pd.DataFrame) -> Figure:
    """Seconds until a gap is reached, by samples; a column a way and gap."""
    figure, axes = canvas(3.6)
    _curves(axes, table)
    axes.set(xlabel="samples $N$")
    axes.legend(loc="lower right")
    axes.margins(y=0.15)
    return figure
