"""Figures of Theorem 2's path."""

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from .style import COLOUR, MARKER, canvas, styled

STEPS = {
    "START": (COLOUR.curve, MARKER.append, "start"),
    "DESCEND": (COLOUR.descent, MARKER.descent, "descend"),
    "SLIDE": (COLOUR.slide, MARKER.slide, "slide"),
    "APPEND": (COLOUR.append, MARKER.append, "append a zero"),
    "ESCAPE": (COLOUR.escape, MARKER.escape, "escape along the atom"),
}


@styled
def path(tables: dict[str, pd.DataFrame], optimum: float, height_label: str = "$(f-F^*)/F^*$") -> Figure:
    """f − F* along Theorem 2's path, one panel a start."""
    figure, panels = canvas(2.5 * len(tables) + 0.5, rows=len(tables), squeeze=False)
    shown: dict[str, Line2D] = {}
    for axes, (title, table) in zip(panels[:, 0], tables.items(), strict=True):
        height = ((table["objective"] - optimum) / optimum).clip(lower=1e-12)
        axes.plot(table["point"], height, color=COLOUR.faint, linewidth=1, zorder=1)
        for kind, (colour, marker, label) in STEPS.items():
            rows = table["step"] == kind
            if rows.any():
                order = {"APPEND": 4, "DESCEND": 3}.get(kind, 2)
                size = 11 if marker == MARKER.descent else 5.5
                look = {"color": colour, "markersize": size, "zorder": order}
                (drawn,) = axes.plot(table["point"][rows], height[rows], marker, **look)
                shown[label] = drawn
        axes.set(yscale="log", ylabel=height_label, title=title)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    panels[-1, 0].set_xlabel("point of the path")
    figure.legend(list(shown.values()), list(shown), loc="outside lower center", ncols=3)
    return figure
