"""The figures of the chapter Certified training on real data."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter, StrMethodFormatter

from ..shared.style import COLOUR, canvas, styled
from .plane_figures import components

ROLES = (
    (COLOUR.descent, "o", "-"),
    (COLOUR.escape, "D", "--"),
    (COLOUR.slide, "s", "-."),
    (COLOUR.append, "P", ":"),
)


@styled
def ten_classes(grid: pd.DataFrame, digits: pd.DataFrame) -> Figure:
    """Where the certified network names which digit, and held-out digits as numerals, the wrong ones bold."""
    figure, axes = canvas(5.0)
    table = grid.pivot(index="x2", columns="x1", values="y")
    for named in np.unique(table.to_numpy()):
        inside = (table.to_numpy() == named).astype(float)
        axes.contour(table.columns, table.index, inside, levels=[0.5], colors=COLOUR.faint, linewidths=1.2)
    right = digits["digit"] == digits["named"]
    for rows, colour, weight in ((right, COLOUR.descent, "normal"), (~right, COLOUR.escape, "bold")):
        chosen = digits.loc[rows]
        for x, y, digit in zip(chosen["x1"], chosen["x2"], chosen["digit"], strict=True):
            axes.text(x, y, f"{digit:.0f}", color=colour, fontsize=10, weight=weight, ha="center", va="center")
    axes.plot([], [], marker="$8$", color=COLOUR.descent, linestyle="", label="told right")
    axes.plot([], [], marker="$\\mathbf{8}$", color=COLOUR.escape, linestyle="", label="told wrong")
    components(axes, grid)
    figure.legend(loc="outside lower center", ncols=2, title="held-out digits; grey: borders of the classes")
    return figure


@styled
def regression_path(table: pd.DataFrame, linear: float) -> Figure:
    """Errors and number of units against λ, every point certified."""
    figure, (top, bottom) = canvas(4.8, rows=2, sharex=True, height_ratios=(3, 2))
    top.plot(table["share"], table["test_error"], "-o", color=COLOUR.escape, markersize=5, label="held out")
    top.plot(table["share"], table["train_error"], "--s", color=COLOUR.descent, markersize=5, label="training")
    top.axhline(linear, color=COLOUR.curve, linestyle=":", linewidth=1.6, label="linear fit, held out")
    top.set(xscale="log", ylabel="mean square error")
    top.legend(loc="upper left")
    bottom.plot(table["share"], table["units"], "-o", color=COLOUR.slide, markersize=5)
    bottom.set(xlabel=r"$\lambda/\lambda_{\max}$", ylabel="units")
    bottom.yaxis.set_major_locator(MaxNLocator(integer=True))
    return figure


@styled
def activations(table: pd.DataFrame) -> Figure:
    """ReLU and sigmoid networks by size: objective over the certified optimum, and share of units in use."""
    figure, (top, bottom) = canvas(5.0, rows=2, sharex=True)
    for (name, rows), (colour, marker, style) in zip(table.groupby("activation"), ROLES, strict=False):
        for axes, column in ((top, "objective"), (bottom, "share")):
            mean = rows.pivot_table(index="size", values=column, aggfunc="mean")
            axes.plot(rows["size"], rows[column], marker, color=colour, markersize=4, mfc="none")
            axes.plot(mean.index, mean[column], style, color=colour, linewidth=1.6, label=str(name))
    top.axhline(1, color=COLOUR.global_optimum, linewidth=2, label="certified optimum, ReLU")
    top.set(ylabel="$f_r/F^*$")
    top.legend(loc="center right")
    bottom.set(xscale="log", xlabel="size $r$", ylabel="share of units in use", ylim=(0, 1.08))
    bottom.set_xticks(table["size"].unique(), [str(r) for r in table["size"].unique()])
    bottom.xaxis.set_minor_formatter(NullFormatter())
    return figure


@styled
def enclosures(table: pd.DataFrame, *, floor: float = 1e-8) -> Figure:
    """The proved gap against the effort, one curve for each dimension."""
    figure, axes = canvas(3.4)
    for (d, rows), (colour, marker, style) in zip(table.groupby("d"), ROLES, strict=False):
        gap = rows["relative_gap"].clip(lower=floor)
        axes.plot(rows["cones"], gap, style, marker=marker, color=colour, markersize=6, label=f"$d = {d}$")
    axes.set(xscale="log", yscale="log", xlabel="cones that may be bounded", ylabel="proved relative gap")
    axes.set_ylim(floor / 2, 3)
    axes.legend(loc="lower left")
    return figure


@styled
def frontier(table: pd.DataFrame) -> Figure:
    """Seconds of the processor until a certificate, by N, a curve for each d; open markers were not certified."""
    figure, axes = canvas(3.4)
    for (d, rows), (colour, marker, style) in zip(table.groupby("d"), ROLES, strict=False):
        done = rows["relative_gap"] <= rows["tol"]
        axes.plot(rows["N"], rows["cpu_seconds"], style, color=colour, linewidth=1.4)
        axes.plot(rows["N"][done], rows["cpu_seconds"][done], marker, color=colour, markersize=7, label=f"$d = {d}$")
        axes.plot(rows["N"][~done], rows["cpu_seconds"][~done], marker, color=colour, markersize=7, mfc="white")
    axes.set(xscale="log", yscale="log", xlabel="samples $N$", ylabel="CPU seconds")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axis.set_minor_formatter(NullFormatter())
    axes.legend(loc="best", ncols=2)
    return figure
