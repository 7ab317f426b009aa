"""Digits in the plane: a network's decision, and networks of all widths against the certified one."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from ..shared.style import COLOUR, MARKER, canvas, dots, styled

FLOOR = 1e-16


def components(axes: Axes, grid: pd.DataFrame) -> None:
    """The plane of the first two principal components, as far as the grid reaches."""
    reach = grid["x1"].max()
    axes.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal")
    axes.set(xlabel="first component", ylabel="second component")


@styled
def digits_plane(samples: pd.DataFrame, grid: pd.DataFrame, units: pd.DataFrame) -> Figure:
    """Training digits in the plane, the certified network's decision, and its hyperplanes."""
    figure, axes = canvas(4.6)
    table = grid.pivot(index="x2", columns="x1", values="y")
    side = {"levels": [0.5, 1.5], "colors": [COLOUR.descent], "alpha": 0.2}
    axes.contourf(table.columns, table.index, table.to_numpy() > 0, **side)
    axes.contour(table.columns, table.index, table.to_numpy(), levels=[0], colors=COLOUR.curve, linewidths=2)
    for u in units[["u1", "u2", "u3"]].to_numpy():
        length = np.linalg.norm(u[:2])
        normal, t = u[:2] / length, np.array([-20.0, 20.0])
        foot = -u[2] / length * normal
        axes.plot(foot[0] - t * normal[1], foot[1] + t * normal[0], color=COLOUR.escape, linewidth=0.9, linestyle=":")
    for label, colour, marker, text in ((1, COLOUR.descent, "o", "5 to 9"), (-1, COLOUR.curve, "x", "0 to 4")):
        rows = samples["y"] == label
        axes.plot(samples["x1"][rows], samples["x2"][rows], marker, color=colour, markersize=4, label=text)
    components(axes, grid)
    figure.legend(loc="outside lower center", ncols=2, title="training digits")
    return figure


@styled
def widths(table: pd.DataFrame, accuracy: float) -> Figure:
    """Adam-trained networks against width: excess over the certified optimum, and test accuracy."""
    figure, (top, bottom) = canvas(5.2, rows=2, sharex=True)
    excess = table["excess"].clip(lower=1e-9)
    top.plot(table["size"], excess, "o", color=COLOUR.descent, markersize=5, label="true excess")
    dots(top, table["size"], table["relative_gap"], MARKER.escape, COLOUR.escape, "certified gap", hollow=True)
    top.set(yscale="log", ylabel="relative to $f$")
    top.legend(loc="best")
    bottom.plot(table["size"], table["accuracy"], "o", color=COLOUR.descent, markersize=5, label="trained by Adam")
    bottom.axhline(accuracy, color=COLOUR.global_optimum, linewidth=2, label="certified optimum")
    bottom.set(xscale="log", xlabel="width $r$", ylabel="test accuracy")
    bottom.set_xticks(table["size"].unique(), [str(r) for r in table["size"].unique()])
    bottom.xaxis.set_minor_formatter(NullFormatter())
    bottom.legend(loc="best")
    return figure
