"""The figures of the chapter Implications."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullFormatter, NullLocator, PercentFormatter

from ..shared.style import COLOUR, MARKER, canvas, styled

LOOKS = {
    "weight decay": (COLOUR.descent, MARKER.slide), "path norm": (COLOUR.slide, MARKER.plateau),
    "batch norm": (COLOUR.saddle, MARKER.escape), "dropout": (COLOUR.escape, MARKER.local_maximum),
    "max-norm": (COLOUR.global_optimum, MARKER.local_minimum), "ℓ1 decay": (COLOUR.negative_control, MARKER.saddle),
}  # fmt: skip
"""A colour and a shape for every method."""

FLOOR = 1e-12


def _sizes(axes: Axes, sizes: np.ndarray) -> None:
    axes.set_xscale("log")
    axes.set_xticks(sizes, [str(r) for r in sizes])
    axes.xaxis.set_minor_locator(NullLocator())


@styled
def size_limits(dropout: pd.DataFrame, max_norm: pd.DataFrame) -> Figure:
    """Minima against r. Top: dropout beside the balanced problem. Bottom: a balanced problem within balls."""
    figure, (top, bottom) = canvas(5.6, rows=2)
    looks = {"balanced": (COLOUR.descent, MARKER.slide), "dropout": (COLOUR.escape, MARKER.local_maximum)}
    for name, (colour, marker) in looks.items():
        rows = dropout[dropout["regularizer"] == name].groupby("size", as_index=False).mean(numeric_only=True)
        top.plot(rows["size"], rows["closed_form"], color=colour, linewidth=1.4)
        top.plot(rows["size"], rows["objective"], marker, color=colour, markersize=7, label=name)
    _sizes(top, dropout["size"].unique())
    top.set(ylabel="minimum of $f_r$", ylim=(0, None))
    top.legend(loc="lower left")
    shades = (COLOUR.saddle, COLOUR.global_optimum, COLOUR.slide)
    for (radius, rows), colour, marker in zip(max_norm.groupby("radius"), shades, ("v", "s", "o"), strict=False):
        excess = rows["objective"] - rows["optimum"]
        bottom.plot(rows["size"], rows["by_hand"] - rows["optimum"], color=colour, linewidth=1.4)
        bottom.plot(rows["size"], excess, marker, color=colour, markersize=7, label=f"radius {radius:g}")
    _sizes(bottom, max_norm["size"].unique())
    bottom.set(xlabel="size $r$", ylabel="$f_r - F^*$ with max-norm")
    bottom.legend(loc="upper right")
    return figure


@styled
def side_by_side(summary: pd.DataFrame) -> Figure:
    """A row a method, a mark a size: test accuracy and effective number of subnetworks, with intervals."""
    figure, panels = canvas(3.9, columns=2, sharey=True)
    methods, sizes = list(LOOKS), sorted(summary["size"].unique())
    marks = (("o", "white"), ("s", None))
    for axes, column, unit in zip(panels, ("accuracy", "effective"), (100, 1), strict=True):
        for place, (size, (marker, fill)) in enumerate(zip(sizes, marks, strict=True)):
            rows = summary[summary["size"] == size].set_index("method").loc[methods]
            height = np.arange(len(methods)) + 0.3 * (place - 0.5)
            for y, method, row in zip(height, methods, rows.itertuples(), strict=True):
                colour = LOOKS[method][0]
                axes.errorbar(
                    unit * getattr(row, column), y, xerr=unit * getattr(row, f"{column}_ci"), fmt=marker, color=colour,
                    mfc=fill or colour, capsize=3, markersize=6,
                )  # fmt: skip
            axes.plot([], [], marker, color=COLOUR.curve, mfc=fill or COLOUR.curve, label=f"$r$ = {size}")
    panels[0].set_yticks(range(len(methods)), methods)
    panels[0].invert_yaxis()
    panels[0].set_xlabel("test accuracy, %")
    panels[1].set(xlabel="effective size", xlim=(0, 1.1 * max(sizes)))
    for axes in panels:
        axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    panels[0].set_xlim(None, 100 * (summary["accuracy"] + summary["accuracy_ci"]).max() + 0.8)
    handles, labels = panels[1].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2)
    return figure


@styled
def recorded_sizes(summary: pd.DataFrame) -> Figure:
    """Recorded runs: effective size and mean objective against r, one line a method."""
    figure, (top, bottom) = canvas(6.2, rows=2, sharex=True)
    sizes = np.array(sorted(summary["size"].unique()))
    for method, (colour, marker) in LOOKS.items():
        rows = summary[summary["method"] == method]
        top.plot(rows["size"], rows["effective"], "-", marker=marker, color=colour, markersize=6, linewidth=1.4)
        relative = rows["objective"] / rows["objective"].iloc[0]
        bottom.plot(rows["size"], relative, "-", marker=marker, color=colour, markersize=6, linewidth=1.4, label=method)
    _sizes(bottom, sizes)
    top.set(yscale="log", ylabel="effective size")
    top.set_yticks(sizes, [str(r) for r in sizes])
    top.yaxis.set_minor_locator(NullLocator())
    bottom.set(xlabel="size $r$", ylabel="$f_r$ over $f_1$", ylim=(0, None))
    figure.legend(loc="outside lower center", ncols=3)
    return figure


@styled
def boosting(rounds: pd.DataFrame, weak: pd.DataFrame) -> Figure:
    """f above the certified optimum by round of boosting, polar against random learner, under the certified gap."""
    figure, axes = canvas(3.6)
    looks = (
        (rounds, MARKER.slide, COLOUR.descent, "the polar names the unit"),
        (weak, MARKER.saddle, COLOUR.negative_control, "the best of 20 random units"),
    )
    for table, marker, colour, label in looks:
        excess = table["excess"] / (1 + table["excess"])
        axes.plot(table["round"], excess, "-", marker=marker, color=colour, markersize=4, linewidth=1.2, label=label)
    gap = {"color": COLOUR.lower_bound, "linewidth": 1.2, "label": "certified gap, with the polar"}
    axes.plot(rounds["round"], rounds["relative_gap"], **gap)
    axes.set(yscale="log", xlabel="round", ylabel="share of $f$")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    figure.legend(loc="outside lower center", ncols=2)
    return figure


@styled
def ways(table: pd.DataFrame) -> Figure:
    """Ways to build a sum of subnetworks: a row a way, its excess and its number of units."""
    figure, axes = canvas(0.36 * len(table) + 1.0)
    height = np.arange(len(table))
    excess = table["excess"].clip(lower=FLOOR)
    axes.hlines(height, FLOOR / 3, excess, color=COLOUR.faint, linewidth=1)
    axes.plot(excess, height, "o", color=COLOUR.descent, markersize=7)
    axes.set_yticks(height, [f"{name} ({size})" for name, size in zip(table.index, table["size"], strict=True)])
    axes.set(xscale="log", xlim=(FLOOR / 3, 40), xlabel="$(f-F^*)/F^*$")
    axes.invert_yaxis()
    return figure


@styled
def sizes(tables: dict[str, pd.DataFrame]) -> Figure:
    """The number of subnetworks that suffices against card(X), mean and range over draws; the bound is the diagonal."""
    figure, axes = canvas(4.2)
    marks = zip(tables.items(), ("o", "s", "D", "^"), LOOKS.values(), strict=False)
    most = max(table["card"].max() for table in tables.values())
    axes.plot([1, most], [1, most], "--", color=COLOUR.curve, linewidth=1.2)
    axes.text(most, most, "card$(X)$ ", ha="right", va="bottom")
    for (name, table), marker, (colour, _) in marks:
        for place, (_, part) in enumerate(sorted(table.groupby("share"), reverse=True)):
            rows = part.groupby("card", as_index=False)["size"].agg(["mean", "min", "max"])
            axes.fill_between(rows["card"], rows["min"], rows["max"], color=colour, alpha=0.12, linewidth=0)
            axes.plot(
                rows["card"], rows["mean"], "-", marker=marker, color=colour, linewidth=1, markersize=6,
                mfc=colour if place else "white", label=None if place else name,
            )  # fmt: skip
    for fill, words in (("white", "open: the larger $\\lambda$"), (COLOUR.curve, "full: the smaller $\\lambda$")):
        axes.plot([], [], "o", color=COLOUR.curve, mfc=fill, markersize=6, label=words)
    axes.set(xscale="log", yscale="log", xlabel="card$(X)$", ylabel="subnetworks that suffice", ylim=(0.8, 3 * most))
    figure.legend(loc="outside lower center", ncols=2)
    return figure


@styled
def depth(table: pd.DataFrame) -> Figure:
    """Chains against depth, a column a method: share of runs at the minimum with intervals, and the median excess."""
    methods = list(table["method"].unique())
    figure, panels = canvas(5.6, rows=2, columns=len(methods), sharex=True, sharey="row", squeeze=False)
    marks, colours = ("X", "s", "o", "v"), (COLOUR.escape, COLOUR.descent, COLOUR.slide, COLOUR.negative_control)
    for (top, bottom), method in zip(panels.T, methods, strict=True):
        rows = table[table["method"] == method]
        for (start, part), marker, colour in zip(rows.groupby("start", sort=False), marks, colours, strict=False):
            error = [part["close"] - part["low"], part["high"] - part["close"]]
            look = {"marker": marker, "color": colour, "markersize": 6, "linewidth": 1.4}
            top.errorbar(part["K"], part["close"], yerr=np.abs(error), capsize=3, label=start, **look)
            bottom.plot(part["K"], part["excess"].clip(lower=1e-8), **look)
        top.set(title=method, ylim=(-0.06, 1.06))
        top.yaxis.set_major_formatter(PercentFormatter(1))
        bottom.set(yscale="log", xlabel="layers $K$")
        bottom.xaxis.set_major_locator(MaxNLocator(integer=True))
        bottom.xaxis.set_minor_formatter(NullFormatter())
    panels[0, 0].set_ylabel("within 1 % of $F^*$")
    panels[1, 0].set_ylabel("median $(f-F^*)/F^*$")
    figure.legend(*panels[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return figure


@styled
def rivals(ended: pd.DataFrame, errors: pd.DataFrame) -> Figure:
    """Parallel and dense networks, a column a λ: share at the best and test error against the number of weights."""
    lams = sorted(ended["lam"].unique())
    figure, panels = canvas(5.0, rows=2, columns=len(lams), sharex=True, sharey="row")
    looks = {"parallel": (COLOUR.descent, "o"), "dense": (COLOUR.escape, "s")}
    for (top, bottom), lam in zip(panels.T, lams, strict=True):
        for name, (colour, marker) in looks.items():
            for axes, table, middle in ((top, ended, "close"), (bottom, errors, "mean")):
                rows = table[(table["architecture"] == name) & (table["lam"] == lam)]
                error = np.abs([rows[middle] - rows["low"], rows["high"] - rows[middle]])
                look = {"marker": marker, "color": colour, "markersize": 6, "linewidth": 1.4, "capsize": 3}
                axes.errorbar(rows["weights"], rows[middle], yerr=error, label=name, **look)
        top.set(title=rf"$\lambda$ = {lam:g}", ylim=(0, 1))
        top.yaxis.set_major_formatter(PercentFormatter(1))
        bottom.set(xlabel="weights", ylim=(0, 1.1 * errors["high"].max()))
        _sizes(bottom, ended["weights"].unique())
    panels[0, 0].set_ylabel("within 1 % of the best")
    panels[1, 0].set_ylabel("test error")
    figure.legend(*panels[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return figure


@styled
def known_minimum(ends: dict[str, pd.Series], close: float) -> Figure:
    """Excess of every run over a known minimum, a row a way to train; the line is at ``close``."""
    figure, axes = canvas(0.5 * len(ends) + 1.0)
    for place, (excess, (colour, marker)) in enumerate(zip(ends.values(), LOOKS.values(), strict=False)):
        height = place + 0.5 * (np.arange(len(excess)) / max(len(excess) - 1, 1) - 0.5)
        axes.plot(excess.clip(lower=1e-7), height, marker, color=colour, markersize=4, mfc="none", alpha=0.7)
    axes.axvline(close, color=COLOUR.curve, linewidth=1)
    axes.set_yticks(range(len(ends)), list(ends))
    axes.set(xscale="log", xlabel="excess over the minimum, relative", ylim=(len(ends) - 0.5, -0.5))
    return figure
