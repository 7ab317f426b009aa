"""Pictures of recovered digits, and what their recovery costs."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from ..shared.style import COLOUR, MARKER, canvas, styled, tight

METHODS = {
    "rank growing": (COLOUR.descent, MARKER.slide),
    "soft-impute": (COLOUR.escape, MARKER.escape),
    "accelerated proximal gradient": (COLOUR.append, MARKER.local_minimum),
}


@styled
def pictures(table: pd.DataFrame) -> Figure:
    """Rows of digits: original, seen (hidden pixels hatched in colour), recovered."""
    kinds = list(dict.fromkeys(table["kind"]))
    images = list(dict.fromkeys(table["image"]))
    figure, panels = canvas(2.0, rows=len(kinds), columns=len(images), squeeze=False)
    for row, kind in enumerate(kinds):
        for column, image in enumerate(images):
            pixels = table[(table["kind"] == kind) & (table["image"] == image)]
            grey = np.full((8, 8), np.nan)
            grey[pixels["row"], pixels["column"]] = pixels["value"]
            axes = panels[row, column]
            axes.set_facecolor("#E8B04A")
            axes.imshow(np.ma.masked_invalid(grey), cmap="gray", vmin=0, vmax=16, interpolation="nearest")
            axes.set(xticks=[], yticks=[])
            if column == 0:
                axes.set_ylabel(kind, rotation=0, ha="right", va="center")
    tight(figure)
    return figure


@styled
def seconds_to_gap(table: pd.DataFrame) -> Figure:
    """Seconds until each method proves a relative gap, one panel a problem."""
    problems = list(dict.fromkeys(table["problem"]))
    figure, panels = canvas(3.6, columns=len(problems), squeeze=False, sharey=True)
    handles = {}
    for axes, problem in zip(panels[0], problems, strict=True):
        rows = table[table["problem"] == problem]
        for method, (colour, marker) in METHODS.items():
            of_method = rows[rows["method"] == method].sort_values("tol")
            (handles[method],) = axes.plot(
                of_method["tol"], of_method["seconds"], marker + "-", color=colour, markersize=7
            )
        axes.set(xscale="log", yscale="log", title=problem, xlabel="certified gap")
        axes.set_xticks(sorted(set(rows["tol"])))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.invert_xaxis()
        axes.margins(x=0.1)
    panels[0, 0].set_ylabel("seconds")
    figure.legend(list(handles.values()), list(handles), loc="outside lower center", ncols=2)
    return figure
