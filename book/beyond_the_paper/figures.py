"""The figures of the chapter Beyond the paper."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter, NullLocator, PercentFormatter

from ..shared.style import COLOUR, MARKER, canvas, styled

WIDTHS = {
    "1": (COLOUR.descent, "o"),
    "2": (COLOUR.slide, "s"),
    "3": (COLOUR.saddle, "^"),
    "free": (COLOUR.escape, MARKER.escape),
}
"""A colour and a mark for every width."""

SCALES = {"small": (COLOUR.saddle, "v"), "usual": (COLOUR.slide, "o"), "large": (COLOUR.escape, "^")}
"""A colour and a mark for every scale of the start."""


@styled
def all_optima(tables: dict[str, pd.DataFrame], samples: dict[str, list[float]]) -> Figure:
    """Predictions around the circle over all global optima, a panel a problem; bars: proved bounds, ticks: samples."""
    figure, panels = canvas(2.5 * len(tables), rows=len(tables), sharex=True)
    for axes, (title, table) in zip(panels, tables.items(), strict=True):
        angle = table["degrees"]
        axes.fill_between(angle, table["low"], table["high"], color=COLOUR.faint, label="all optima")
        axes.plot(angle, table["one"], color=COLOUR.descent, linewidth=1.4, label="one of them")
        sure = table.dropna()
        axes.vlines(sure["degrees"], sure["proved_low"], sure["proved_high"], color=COLOUR.lower_bound, linewidth=1.6)
        for end in ("proved_low", "proved_high"):
            label = "proved bounds" if end == "proved_low" else None
            axes.plot(sure["degrees"], sure[end], "_", color=COLOUR.lower_bound, markersize=9, label=label)
        axes.plot(samples[title], [axes.get_ylim()[0]] * len(samples[title]), "|", color=COLOUR.escape, markersize=9)
        axes.set(title=title, ylabel="prediction")
        axes.set_xticks([0, 90, 180, 270, 360], ["0°", "90°", "180°", "270°", "360°"])
    panels[0].legend(loc="upper right", ncols=3, bbox_to_anchor=(1.0, 1.34), handlelength=1.0)
    panels[-1].set_xlabel("angle of the input")
    return figure


def _logarithmic(axes: Axes, ticks: list[int]) -> None:
    axes.set_xscale("log")
    axes.set_xticks(ticks, [str(tick) for tick in ticks])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_minor_formatter(NullFormatter())


def _above(axes: Axes, columns: int) -> None:
    """The legend over the axes."""
    axes.legend(loc="lower left", bbox_to_anchor=(-0.02, 1.0), ncols=columns, handlelength=1.2, columnspacing=1.0)


@styled
def smallest_size(sizes: pd.DataFrame, pairs: pd.DataFrame) -> Figure:
    """Top: mean r* against N with intervals, beside the bound N. Bottom: r* against the local maxima of the dual."""
    figure, (top, bottom) = canvas(6.6, rows=2)
    looks = {("teacher, d = 2", 0.3): "o", ("teacher, d = 2", 0.03): "s", ("teacher, d = 3", 0.3): "v",
             ("teacher, d = 3", 0.03): "^"}  # fmt: skip
    colours = {"teacher, d = 2": COLOUR.descent, "teacher, d = 3": COLOUR.escape}
    for (family, share), marker in looks.items():
        part = sizes[(sizes["family"] == family) & (sizes["share"] == share)].sort_values("N")
        half = np.stack([part["mean"] - part["low"], part["high"] - part["mean"]])
        label = f"{family[-5:]}, {share:g} $\\lambda_{{\\max}}$"
        style = "-" if share < 0.1 else "--"
        top.errorbar(part["N"], part["mean"], half, color=colours[family], fmt=marker + style, markersize=6, capsize=3,
                     linewidth=1.4, label=label)  # fmt: skip
    ends = np.array([20, 1000])
    top.plot(ends, ends, color=COLOUR.negative_control, linewidth=1.2, label="the bound $r^* \\leq N$")
    _logarithmic(top, [20, 60, 120, 200, 1000])
    top.set(yscale="log", xlabel="samples $N$", ylabel="smallest size $r^*$")
    top.set_yticks([1, 2, 5, 10, 20, 100, 500], ["1", "2", "5", "10", "20", "100", "500"])
    top.yaxis.set_minor_locator(NullLocator())
    _above(top, 2)
    for (family, colour), marker in zip(colours.items(), ("s", "^"), strict=True):
        part = pairs[pairs["family"] == family]
        bottom.plot(part["maxima"], part["smallest"], marker, color=colour, markersize=4, alpha=0.5, label=family[-5:])
    _logarithmic(bottom, [1, 3, 10, 30, 100])
    bottom.legend(loc="upper left")
    bottom.set_xlabel("local maxima of the dual function")
    bottom.set_ylabel("smallest size $r^*$")
    return figure


@styled
def cost_of_width(means: pd.DataFrame) -> Figure:
    """Against N for each width, geometric means over the draws: processor time, and the number of convex programs."""
    figure, panels = canvas(5.4, rows=2, sharex=True)
    for axes, column in zip(panels, ("cpu_seconds", "programs"), strict=True):
        for width, (colour, marker) in WIDTHS.items():
            part = means[means["width"] == width].sort_values("N")
            label = "free width" if width == "free" else f"width {width}"
            axes.plot(part["N"], part[column], marker + "-", color=colour, markersize=6, linewidth=1.4, label=label)
        _logarithmic(axes, sorted(means.loc[means["N"] % 10 == 0, "N"].unique()))
        axes.set(yscale="log")
    panels[0].set(ylabel="processor time (s)")
    panels[1].set(xlabel="samples $N$", ylabel="convex programs")
    _above(panels[0], 4)
    return figure


@styled
def success(shares: pd.DataFrame) -> Figure:
    """The share of certified successes against r/r*: the mean over draws of the data for every scale of the start."""
    figure, axes = canvas(3.4)
    for scale, (colour, marker) in SCALES.items():
        part = shares[shares["scale"] == scale].sort_values("size")
        axes.fill_between(part["size"], part["low"].clip(0, 1), part["high"].clip(0, 1), color=colour, alpha=0.15)
        axes.plot(
            part["size"], part["mean"], marker + "-", color=colour, markersize=6, linewidth=1.4, label=f"{scale} start"
        )
    axes.axhline(0.9, color=COLOUR.negative_control, linewidth=1.0)
    _logarithmic(axes, sorted(shares["size"].unique()))
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.set(xlabel="size $r$", ylabel="certified successes", ylim=(-0.03, 1.03))
    _above(axes, 3)
    return figure


@styled
def unseen(table: pd.DataFrame, trivial: float) -> Figure:
    """The bound and the measured test error against N: planted and random labels."""
    figure, axes = canvas(4.0)
    looks = {"planted": (COLOUR.descent, "o"), "random": (COLOUR.escape, "^")}
    for labels, (colour, marker) in looks.items():
        part = table[table["labels"] == labels].groupby("N").mean(numeric_only=True).reset_index()
        axes.plot(part["N"], part["bound"], marker + "-", color=colour, linewidth=1.4, label=f"bound, {labels} labels")
        told = f"test error, {labels} labels"
        axes.plot(part["N"], part["test"], marker + "--", color=colour, mfc="none", linewidth=1.4, label=told)
    axes.axhline(trivial, color=COLOUR.negative_control, linewidth=1.0)
    _logarithmic(axes, sorted(table["N"].unique()))
    axes.set(yscale="log", xlabel="samples $N$", ylabel="error (loss clipped at 2)")
    _above(axes, 2)
    return figure
