"""The figures of the chapter Certified training on real data."""

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter, StrMethodFormatter

from ..shared.style import COLOUR, ON_MAP, canvas, styled, write
from .plane_figures import components

ROLES = (
    (COLOUR.descent, "o", "-"),
    (COLOUR.escape, "D", "--"),
    (COLOUR.slide, "s", "-."),
    (COLOUR.append, "P", ":"),
)


HUES = "tab10"
"""Ten hues for ten classes; each region also carries its numeral."""


@styled
def ten_classes(grid: pd.DataFrame, digits: pd.DataFrame, *, numerals: int = 110) -> Figure:
    """Top: where the network names which digit; held-out digits, the wrong ones bold. Bottom: named against true."""
    figure, (upper, lower) = canvas(8.6, rows=2, height_ratios=(5, 4))
    table = grid.pivot(index="x2", columns="x1", values="y")
    reach = float(grid["x1"].max())
    shown = {"extent": (-reach, reach, -reach, reach), "origin": "lower", "interpolation": "nearest"}
    upper.imshow(table.to_numpy(), cmap=HUES, vmin=-0.5, vmax=9.5, alpha=0.28, rasterized=True, **shown)
    right = digits["digit"] == digits["named"]
    for rows, weight in ((right, "normal"), (~right, "bold")):
        chosen = digits.iloc[:numerals].loc[rows.iloc[:numerals]]
        for x, y, digit in zip(chosen["x1"], chosen["x2"], chosen["digit"], strict=True):
            upper.text(x, y, f"{digit:.0f}", fontsize=10.5, weight=weight, ha="center", va="center")
    for named, place in _centres(table).items():
        write(upper, f"{named}", place, (0, 0), fontsize=24, weight="bold", color=_hue(named), zorder=4)
    components(upper, grid)
    counts = pd.crosstab(digits["digit"], digits["named"]).reindex(index=range(10), columns=range(10), fill_value=0)
    share = counts.to_numpy() / counts.to_numpy().sum(axis=1, keepdims=True)
    blue = np.broadcast_to(to_rgb(COLOUR.descent), (*share.shape, 3))
    lower.imshow(np.dstack([blue, share]), rasterized=True)
    for (i, j), part in np.ndenumerate(share):
        if part >= 0.005:
            ink = ON_MAP if part > 0.55 else "black"
            lower.text(j, i, f"{100 * part:.0f}", ha="center", va="center", fontsize=10, color=ink)
    lower.set(xticks=range(10), yticks=range(10), xlabel="named, % of the row", ylabel="held-out digit")
    return figure


def _hue(named: int) -> str:
    return to_hex(colormaps[HUES](named))


def _centres(table: pd.DataFrame) -> dict[int, tuple[float, float]]:
    """For every class a place in its region, far from the borders: the cell that erosion removes last."""
    places = {}
    for named in np.unique(table.to_numpy()):
        inside = np.pad(table.to_numpy() == named, 1)
        while True:
            core = inside.copy()
            for axis in (0, 1):
                for step in (-1, 1):
                    core &= np.roll(inside, step, axis)
            if not core.any():
                break
            inside = core
        row, column = (int(i[len(i) // 2]) for i in np.nonzero(inside[1:-1, 1:-1]))
        places[int(named)] = (float(table.columns[column]), float(table.index[row]))
    return places


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
    axes.axhline(floor, color=COLOUR.negative_control, linewidth=1, linestyle=":", zorder=0, label="or smaller")
    axes.set(xscale="log", yscale="log", xlabel="cones that may be bounded", ylabel="proved relative gap")
    axes.set_ylim(floor / 2, 3)
    axes.legend(loc="center left")
    return figure


@styled
def frontier(table: pd.DataFrame) -> Figure:
    """Seconds of the processor until a certificate, by N, a curve for each d with its slope; open: not certified."""
    figure, axes = canvas(3.4)
    for (d, rows), (colour, marker, style) in zip(table.groupby("d"), ROLES, strict=False):
        done = rows["relative_gap"] <= rows["tol"]
        axes.plot(rows["N"], rows["cpu_seconds"], style, color=colour, linewidth=1.4)
        axes.plot(rows["N"][done], rows["cpu_seconds"][done], marker, color=colour, markersize=7, label=f"$d = {d}$")
        axes.plot(rows["N"][~done], rows["cpu_seconds"][~done], marker, color=colour, markersize=7, mfc="white")
        slope = np.polyfit(np.log(rows["N"]), np.log(rows["cpu_seconds"]), 1)[0]
        last = rows.iloc[-1]
        write(axes, f"$N^{{{slope:.1f}}}$", (last["N"], last["cpu_seconds"]), (0, 13), color=colour)
    axes.set(xscale="log", yscale="log", xlabel="samples $N$", ylabel="CPU seconds")
    axes.margins(x=0.08, y=0.14)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axis.set_minor_formatter(NullFormatter())
    axes.legend(loc="best", ncols=2)
    return figure
