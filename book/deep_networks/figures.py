"""The figures of the chapter Deep parallel networks."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import NullLocator

from ..shared.style import COLOUR, MARKER, canvas, styled, write

SUBNETWORK = (COLOUR.descent, COLOUR.escape, COLOUR.slide, COLOUR.append)
"""One colour a subnetwork."""

ENDINGS = {
    "close": ("at the best", COLOUR.slide, ""),
    "trapped": ("settled above it", COLOUR.escape, "///"),
    "falling": ("still falling", COLOUR.faint, ""),
}
"""How runs ended: the name in the legend, a colour and a hatch."""

Drawn = tuple[pd.DataFrame, pd.DataFrame]
"""Nodes and connections, as ``experiment.drawn`` places them."""


def _network(axes: Axes, nodes: pd.DataFrame, edges: pd.DataFrame) -> None:
    order = edges.sort_values("share")
    lines = order[["x0", "y0", "x1", "y1"]].to_numpy().reshape(-1, 2, 2)
    colours = [SUBNETWORK[i % len(SUBNETWORK)] for i in order["subnetwork"]]
    axes.add_collection(
        LineCollection(
            list(lines), colors=colours, linewidths=0.3 + 2.7 * order["share"].to_numpy(),
            alpha=(0.15 + 0.85 * order["share"]).to_list(),
            linestyles=["--" if negative else "-" for negative in order["negative"]],
        )
    )  # fmt: skip
    colours = [COLOUR.curve if i < 0 else SUBNETWORK[i % len(SUBNETWORK)] for i in nodes["subnetwork"]]
    axes.scatter(nodes["x"], nodes["y"], s=70, c=colours, edgecolor="white", linewidth=1.2, zorder=3)
    axes.margins(x=0.12, y=0.08)
    axes.set_xticks(sorted(nodes["layer"].unique()))
    last = max(nodes["layer"].tolist())
    axes.set_xticklabels(["in", *(str(k) for k in range(1, last)), "out"])
    axes.yaxis.set_major_locator(NullLocator())
    axes.spines[["left", "bottom"]].set_visible(False)
    axes.tick_params(length=0)


def _ticks(axis: Axis, values: list[int]) -> None:
    axis.set_ticks(values, [str(v) for v in values])
    axis.set_minor_locator(NullLocator())


@styled
def subnetworks(left: Drawn, right: Drawn) -> Figure:
    """Figure 3 of the paper from trained weights: units of one hidden layer, and parallel deep subnetworks."""
    figure, panels = canvas(4.2, columns=2, width_ratios=(2, 3))
    for axes, (nodes, edges) in zip(panels, (left, right), strict=True):
        _network(axes, nodes, edges)
        r, layers = edges["subnetwork"].nunique(), edges["layer"].nunique()
        axes.set_title(f"$r = {r}$, {layers} layers of weights")
    signs = [
        Line2D([], [], color=COLOUR.curve, linestyle="-", linewidth=1.6, label="positive weight"),
        Line2D([], [], color=COLOUR.curve, linestyle="--", linewidth=1.6, label="negative weight"),
    ]
    figure.legend(handles=signs, loc="outside lower center", ncols=2, handlelength=2.4)
    return figure


@styled
def endings(table: pd.DataFrame) -> Figure:
    """Stacked shares of how runs ended against r: a row of panels a method, a column a depth."""
    methods, depths = table["method"].unique(), sorted(table["layers"].unique())
    figure, panels = canvas(
        1.2 + 1.4 * len(methods), rows=len(methods), columns=len(depths), sharex=True, sharey=True, squeeze=False
    )
    sizes = sorted(table["size"].unique())
    for row, method in zip(panels, methods, strict=True):
        for axes, layers in zip(row, depths, strict=True):
            cells = table[(table["method"] == method) & (table["layers"] == layers)].set_index("size").reindex(sizes)
            base = 0 * cells["close"]
            for column, (_, colour, hatch) in ENDINGS.items():
                axes.bar(
                    range(len(sizes)), cells[column], bottom=base, width=0.9, color=colour, hatch=hatch,
                    edgecolor="white", linewidth=0.4,
                )  # fmt: skip
                base = base + cells[column]
            axes.set(ylim=(0, 1), yticks=(0, 0.5, 1))
            axes.set_xticks(
                range(len(sizes)), [str(r) if place % 2 == 0 or len(sizes) < 4 else "" for place, r in enumerate(sizes)]
            )
        row[0].set_ylabel(method)
    for axes, layers in zip(panels[0], depths, strict=True):
        axes.set_title(f"$K = {layers}$")
    panels[-1, 1].set_xlabel("subnetworks $r$", x=1.1)
    looks = [
        Patch(facecolor=colour, hatch=hatch, edgecolor="white", label=name) for name, colour, hatch in ENDINGS.values()
    ]
    figure.legend(handles=looks, loc="outside lower center", ncols=3)
    return figure


@styled
def live(table: pd.DataFrame) -> Figure:
    """Share of runs at the best, with intervals, one curve a depth: against r, and against live subnetworks."""
    figure, panels = canvas(3.4, columns=2, sharey=True)
    looks = zip(("o", "s", "D", "v"), SUBNETWORK[:1] + SUBNETWORK[2:] + SUBNETWORK[1:2], strict=True)
    for (layers, rows), (marker, colour) in zip(table.groupby("layers"), looks, strict=False):
        error = [rows["close"] - rows["low"], rows["high"] - rows["close"]]
        for axes, column in zip(panels, ("size", "live"), strict=True):
            axes.errorbar(
                rows[column], rows["close"], yerr=error, marker=marker, color=colour, markersize=5, linewidth=1.4,
                capsize=2, label=f"$K = {layers}$",
            )  # fmt: skip
    ticks = sorted(table["size"].unique())
    for axes, name in zip(panels, ("subnetworks $r$", "live at the start, mean"), strict=True):
        axes.set(xscale="log", xlabel=name)
        _ticks(axes.xaxis, ticks)
    panels[0].set(ylabel="share at the best", ylim=(-0.05, 1.05))
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return figure


@styled
def sizes(table: pd.DataFrame) -> Figure:
    """Subnetworks of certified optima against card(X), mean and range over draws, beside card(X) itself."""
    figure, axes = canvas(3.2)
    table = table.groupby("card", as_index=False)["size"].agg(["mean", "min", "max"])
    axes.plot(table["card"], table["card"], color=COLOUR.negative_control, linestyle="--", linewidth=1.4)
    axes.fill_between(table["card"], table["min"], table["max"], color=COLOUR.descent, alpha=0.2, linewidth=0)
    axes.plot(table["card"], table["mean"], MARKER.slide, linestyle="-", color=COLOUR.descent)
    last = table.iloc[-1]
    write(axes, "card$(X)$", (last["card"], last["card"]), (-14, 0), ha="right", color=COLOUR.negative_control)
    write(axes, "certified optimum", (last["card"], last["mean"]), (4, -36), ha="right", color=COLOUR.descent)
    axes.set(xscale="log", yscale="log", xlabel=r"card$(X)$: number of outputs", ylabel="subnetworks")
    for axis in (axes.xaxis, axes.yaxis):
        _ticks(axis, table["card"].tolist())
    return figure


@styled
def digits(table: pd.DataFrame) -> Figure:
    """Every run on the digits against r: excess of the training objective, and test accuracy."""
    figure, (top, bottom) = canvas(4.8, rows=2, sharex=True)
    spread = 2 ** (0.35 * (table["run"] / max(table["run"].max(), 1) - 0.5))
    for axes, column in ((top, "excess"), (bottom, "accuracy")):
        axes.plot(table["size"] * spread, table[column], "o", color=COLOUR.descent, markersize=4, mfc="none")
        medians = table.groupby("size")[column].median()
        axes.plot(medians.index, medians, MARKER.escape, color=COLOUR.escape, markersize=7)
    top.set(ylabel="excess over the best run", ylim=(-0.04 * max(table["excess"]), None))
    bottom.set(xscale="log", xlabel="size $r$", ylabel="test accuracy")
    _ticks(bottom.xaxis, sorted(table["size"].unique()))
    looks = [
        Line2D([], [], marker="o", linestyle="", color=COLOUR.descent, mfc="none", markersize=4, label="a run"),
        Line2D([], [], marker=MARKER.escape, linestyle="", color=COLOUR.escape, markersize=7, label="median"),
    ]
    figure.legend(handles=looks, loc="outside lower center", ncols=2)
    return figure
