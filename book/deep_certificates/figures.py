"""The figures of the chapter Deep networks, certified."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, MaxNLocator, MultipleLocator, NullFormatter

from ..shared.style import COLOUR, LEVELS, MARKER, canvas, styled, tight

FLOOR = 1e-10
"""Distances are drawn from here on: about the accuracy of the conic solver."""


@styled
def branches(table: pd.DataFrame) -> Figure:
    """The best objective of r parallel deep linear branches, down to the nuclear norm's."""
    figure, axes = canvas(3.4)
    optimum = table["optimum"].iloc[0]
    axes.axhline(optimum, color=COLOUR.global_optimum, label="nuclear norm: singular value thresholding")
    axes.plot(
        table["size"], table["grouped"], "--", color=COLOUR.curve, linewidth=1.2, label="singular values shared out"
    )
    axes.plot(table["size"], table["objective"], MARKER.slide, color=COLOUR.descent, label="best of many descents")
    axes.set(xlabel="parallel branches $r$", ylabel="objective $f_r$")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(loc="upper right")
    return figure


@styled
def cones(heights: pd.DataFrame, arcs: Sequence[tuple[float, float, float]], lam: float) -> Figure:
    """What a unit in each direction earns at the optimum, and the bounds (bound, from, to) of arcs, in units of λ."""
    figure, axes = canvas(3.4)
    axes.plot(np.degrees(heights["angle"]), heights["optimum"], color=COLOUR.escape, label="earned")
    for bound, a, b in arcs:
        axes.plot(np.degrees([a, a, b, b]), [0, bound / lam, bound / lam, 0], color=COLOUR.descent, linewidth=1)
    axes.plot([], [], color=COLOUR.descent, linewidth=1, label="proved on this arc")
    axes.axhline(1, color=COLOUR.lower_bound, linestyle=":", linewidth=1.3, label="its cost")
    axes.set(xlabel="direction of $u$, degrees", ylabel=r"in units of $\lambda$", xlim=(0, 360), ylim=(0, None))
    axes.xaxis.set_major_locator(MultipleLocator(90))
    figure.legend(loc="outside lower center", ncols=3)
    return figure


@styled
def rays(samples: pd.DataFrame, optimum: pd.DataFrame, knots: pd.DataFrame) -> Figure:
    """First output: the optimum of deep networks without bias, and what free biases would fit."""
    figure, axes = canvas(3.4)
    axes.plot(
        knots["x"], knots["y"], "--", color=COLOUR.negative_control, linewidth=1.4, label="free biases: a kink anywhere"
    )
    axes.plot(optimum["x"], optimum["y"], color=COLOUR.descent, label="no biases: two rays, at every depth")
    axes.plot(samples["x"], samples["y"], "o", color=COLOUR.curve, markersize=5, label="samples")
    axes.set(xlabel="$x$", ylabel="first output")
    figure.legend(loc="outside lower center", ncols=1)
    return figure


@styled
def enumerated(table: pd.DataFrame) -> Figure:
    """Bounds of the search in units of the enumeration's value, against the cones made: a panel a direction Q."""
    groups = list(table.groupby("direction"))
    figure, panels = canvas(2.1 * -(-len(groups) // 2) + 0.9, rows=-(-len(groups) // 2), columns=2, sharey=True)
    for axes, (k, rows) in zip(np.ravel(panels), groups, strict=False):
        axes.fill_between(rows["cones"], rows["lower"], rows["upper"], color=COLOUR.faint, alpha=0.4, linewidth=0)
        axes.plot(rows["cones"], rows["upper"], "-v", color=COLOUR.curve, markersize=5, label="upper bound")
        axes.plot(rows["cones"], rows["lower"], "-^", color=COLOUR.descent, markersize=5, label="lower bound")
        axes.axhline(1, color=COLOUR.global_optimum, linewidth=1.4, zorder=0, label="enumeration")
        axes.axhline(
            rows["one_sign"].iloc[0],
            color=COLOUR.escape,
            linestyle=":",
            linewidth=1.8,
            label="a pattern of signs left out",
        )
        axes.set(xscale="log", title=f"direction {int(str(k)) + 1}", xlabel="cones made", ylim=(0, None))
    for axes in np.ravel(panels)[::2]:
        axes.set_ylabel("relative to its value")
    for axes in np.ravel(panels)[len(groups) :]:
        axes.set_visible(False)
    figure.legend(*np.ravel(panels)[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return figure


@styled
def search(table: pd.DataFrame, level: float) -> Figure:
    """Bounds of the polar at the certified weights, in units of λ, against the cones made: the whole, and the end."""
    figure, (top, bottom) = canvas(5.4, rows=2)
    for axes in (top, bottom):
        axes.fill_between(table["cones"], table["lower"], table["upper"], color=COLOUR.faint, alpha=0.4, linewidth=0)
        axes.plot(table["cones"], table["upper"], color=COLOUR.lower_bound, label="upper bound (proved)")
        axes.plot(table["cones"], table["lower"], color=COLOUR.descent, label="lower bound (best subnetwork found)")
        axes.axhline(level, color=COLOUR.escape, linestyle=":", label="upper bounds below this line certify")
        axes.set(ylabel=r"$\Omega^\circ(-\nabla\ell)\,/\,\lambda$")
    top.set(xscale="log", yscale="log")
    low, high = min(table["lower"]), max(table["upper"])
    ticks = [t for t in (0.2, 0.5, 1, 2, 5, 10, 20) if low <= t <= 1.3 * high]
    top.yaxis.set_major_locator(FixedLocator(ticks))
    top.set_yticks(ticks, [f"{t:g}" for t in ticks])
    top.yaxis.set_minor_formatter(NullFormatter())
    last = table[table["upper"] <= 1.15 * max(table["lower"])]
    bottom.set(xlabel="cones made", xlim=(min(last["cones"], default=0), max(table["cones"]) + 1), ylim=(0.98, 1.12))
    figure.legend(*top.get_legend_handles_labels(), loc="outside lower center", ncols=1)
    return figure


@styled
def fits(samples: pd.DataFrame, curves: dict[str, pd.DataFrame], objective: list[float]) -> Figure:
    """A panel a network: its function among the samples, and its objective with what the step before gained."""
    figure, panels = canvas(2.9, columns=len(curves), sharey=True)
    looks = (("-", COLOUR.curve), ("-", COLOUR.escape), ("-", COLOUR.descent))
    values = zip(objective, [None, *objective], strict=False)
    drawn = zip(np.ravel(panels), curves.items(), looks, values, strict=False)
    for axes, (name, curve), (line, colour), (f, before) in drawn:
        axes.plot(samples["x"], samples["y"], "o", color=COLOUR.negative_control, markersize=4.5)
        axes.plot(curve["x"], curve["y"], line, color=colour, linewidth=2.4)
        gained = "" if before is None else f"\ngains {100 * (1 - f / before):.2g} %"
        axes.set_title(f"{name}\n$f$ = {f:.4g}{gained}", fontsize=10.5, va="bottom")
        axes.set(xlabel="$x$")
    np.ravel(panels)[0].set_ylabel("$y$")
    return figure


@styled
def tensors(table: pd.DataFrame) -> Figure:
    """Enclosures of the tensor polar at the best networks found: a bar a case, in units of λ."""
    figure, axes = canvas(0.42 * len(table) + 1.7)
    looks = {
        "CERTIFIED": (COLOUR.slide, MARKER.slide),
        "UNDECIDED": (COLOUR.escape, MARKER.escape),
        "REFUTED": (COLOUR.local_maximum, MARKER.local_maximum),
    }
    names = []
    for place, row in enumerate(table.to_dict("records")):
        colour, marker = looks[row["verdict"]]
        axes.plot(
            [row["polar_lower"], row["polar"]],
            [place, place],
            color=colour,
            linewidth=5,
            solid_capstyle="butt",
            alpha=0.5,
        )
        axes.plot([row["polar_lower"], row["polar"]], [place, place], marker, color=colour, markersize=6)
        names.append(
            f"{row['side']} × {row['side']} pixels, {row['share']:g} $\\lambda_{{\\max}}$, $r$ = {row['size']}"
        )
    for verdict, (colour, marker) in looks.items():
        if verdict in set(table["verdict"]):
            axes.plot([], [], marker, color=colour, label=verdict)
    axes.axvline(1, color=COLOUR.global_optimum, linewidth=1.5, zorder=0)
    axes.set_yticks(range(len(names)), names)
    axes.set(xlabel=r"enclosure of $\Omega^\circ(-\nabla\ell)\,/\,\lambda$")
    axes.invert_yaxis()
    figure.legend(loc="outside lower center", ncols=3)
    return figure


@styled
def pictures(table: pd.DataFrame) -> Figure:
    """Images above, their reconstructions below."""
    count = len(set(table["sample"]))
    figure, panels = canvas(1.9, rows=2, columns=count)
    top = table["value"].max()
    for line, kind in enumerate(("image", "reconstruction")):
        for sample in range(count):
            rows = table[(table["kind"] == kind) & (table["sample"] == sample)]
            axes = panels[line, sample]
            grid = rows.pivot(index="row", columns="column", values="value").to_numpy()
            axes.imshow(grid, cmap=LEVELS, vmin=0, vmax=top)
            axes.set(xticks=[], yticks=[])
    panels[0, 0].set_ylabel("image", rotation=0, ha="right", va="center")
    panels[1, 0].set_ylabel("rebuilt", rotation=0, ha="right", va="center")
    tight(figure)
    return figure
