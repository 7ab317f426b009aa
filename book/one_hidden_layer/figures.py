"""The figures of the chapter One hidden layer."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, MultipleLocator, NullFormatter

from ..shared.style import COLOUR, DARK_ON_MAP, MARKER, canvas, styled

FLOOR = 1e-16

DIVERGING = "PuOr_r"
"""The colour map of values of both signs: the same to colour-blind readers, and pale at zero."""


@styled
def success(table: pd.DataFrame) -> Figure:
    """Share of global runs against r with two standard errors, beside the closed form."""
    figure, axes = canvas(3.3)
    axes.plot(table["size"], table["closed_form"], color=COLOUR.curve, linewidth=1.2, label=r"$1-2(3/4)^r+(1/2)^r$")
    axes.errorbar(
        table["size"], table["share"], yerr=2 * table["standard_error"], fmt=MARKER.slide, color=COLOUR.descent,
        capsize=4, markersize=6, label=f"{table['runs'].iloc[0]} runs each, ± 2 standard errors",
    )  # fmt: skip
    axes.set(xlabel="size $r$", ylabel="share of global runs", ylim=(-0.04, 1.04))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(loc="lower right")
    return figure


@styled
def line(samples: pd.DataFrame, fitted: pd.DataFrame, units: pd.DataFrame) -> Figure:
    """The certified optimum in one dimension: samples, fitted function, and where each unit switches on."""
    figure, axes = canvas(3.3)
    axes.plot(fitted["x1"], fitted["y"], color=COLOUR.descent, label="certified optimum")
    axes.plot(samples["x1"], samples["y"], "o", color=COLOUR.curve, markersize=5, label="samples")
    for place in -units["u2"] / units["u1"]:
        axes.axvline(place, color=COLOUR.escape, linestyle=":", linewidth=1.6)
    axes.plot([], [], color=COLOUR.escape, linestyle=":", label="a unit switches on")
    axes.set(xlabel="$x$", ylabel="$y$")
    figure.legend(loc="outside lower center", ncols=3)
    return figure


@styled
def sweep(heights: pd.DataFrame, units: Sequence[float]) -> Figure:
    """What a unit earns over λ against its direction, at the zero network and at the optimum, with its units marked."""
    figure, axes = canvas(3.2)
    degrees = np.degrees(heights["angle"])
    axes.plot(degrees, heights["zero"], "--", color=COLOUR.curve, linewidth=1.3, label="zero network")
    axes.plot(degrees, heights["optimum"], color=COLOUR.escape, label="certified optimum")
    axes.axhline(1, color=COLOUR.lower_bound, linestyle=":", linewidth=1.3, label="its cost")
    axes.plot(np.degrees(units), np.ones(len(units)), "o", color=COLOUR.descent, mec="black", label="units in use")
    axes.set(xlabel="direction of $u$, degrees", ylabel=r"earned, in units of $\lambda$", xlim=(0, 360), ylim=(0, None))
    axes.xaxis.set_major_locator(MultipleLocator(90))
    figure.legend(loc="outside lower center", ncols=2)
    return figure


@styled
def kinks(places: pd.DataFrame, samples: pd.DataFrame) -> Figure:
    """Where units switch on, against λ; thin lines at the samples."""
    figure, axes = canvas(3.4)
    for x in samples["x1"]:
        axes.axvline(x, color=COLOUR.faint, linewidth=0.8, zorder=0)
    axes.plot(places["kink"], places["lam"], "o", color=COLOUR.escape, markersize=4.5)
    reach = 1.1 * samples["x1"].abs().max()
    axes.set(yscale="log", xlim=(-reach, reach), xlabel="$x$ at which a unit switches on", ylabel=r"$\lambda$")
    return figure


def _hyperplanes(axes: Axes, units: pd.DataFrame, reach: float) -> None:
    t = np.linspace(-4 * reach, 4 * reach, 2)
    for u in units[["u1", "u2", "u3"]].to_numpy():
        normal = u[:2] / np.linalg.norm(u[:2])
        foot = -u[2] / np.linalg.norm(u[:2]) * normal
        axes.plot(foot[0] - t * normal[1], foot[1] + t * normal[0], color=DARK_ON_MAP, linewidth=0.9)
    axes.set(xlim=(-reach, reach), ylim=(-reach, reach), xlabel="$x_1$", ylabel="$x_2$", aspect="equal")


@styled
def plane(samples: pd.DataFrame, fitted: pd.DataFrame, units: pd.DataFrame) -> Figure:
    """The certified optimum in the plane: fitted function, samples on its scale, and where each unit switches on."""
    figure, axes = canvas(4.9)
    grid = fitted.pivot(index="x2", columns="x1", values="y")
    most = float(samples["y"].abs().max())
    scale = {"cmap": DIVERGING, "vmin": -most, "vmax": most}
    reach = float(fitted["x1"].max())
    shown = {"extent": (-reach, reach, -reach, reach), "origin": "lower", "interpolation": "bilinear"}
    filled = axes.imshow(grid.to_numpy(), rasterized=True, **shown, **scale)
    _hyperplanes(axes, units, reach)
    look = {"edgecolor": DARK_ON_MAP, "linewidth": 1.4, "s": 85, "zorder": 3}
    axes.scatter(samples["x1"], samples["x2"], c=samples["y"], **look, **scale)
    figure.colorbar(filled, ax=axes, label="$y$", ticks=MaxNLocator(7, integer=True), extend="both", shrink=0.85)
    return figure


@styled
def census(table: pd.DataFrame, shares: pd.DataFrame) -> Figure:
    """Top: excess and certified gap of every run after descent. Bottom: share of global runs."""
    figure, (top, bottom) = canvas(6.0, rows=2, sharex=True, height_ratios=(3, 2))
    runs = table[table["stage"] == "descent"]
    spread = 10 ** (0.07 * (runs["run"] / max(runs["run"].max(), 1) - 0.5))
    top.plot(
        runs["size"] * spread, runs["relative_gap"].clip(lower=FLOOR), MARKER.escape, color=COLOUR.escape, markersize=4,
        mfc="none", label="certified gap",
    )  # fmt: skip
    top.plot(
        runs["size"] * spread, runs["excess"].clip(lower=FLOOR), "o", color=COLOUR.descent, markersize=4,
        label="true excess",
    )  # fmt: skip
    top.set(yscale="log", ylabel="relative to $f$", ylim=(FLOOR / 3, 300))
    top.legend(loc="center left")
    looks = {
        "descent": (COLOUR.descent, MARKER.slide, "-", "descent alone"),
        "escaped": (COLOUR.slide, MARKER.append, "--", "descent and polar"),
    }
    for stage, (colour, marker, style, label) in looks.items():
        rows = shares[shares["stage"] == stage]
        bottom.plot(rows["size"], rows["share"], style, marker=marker, color=colour, label=label)
    bottom.set(xscale="log", xlabel="size $r$", ylabel="share of global runs", ylim=(-0.05, 1.08))
    bottom.set_xticks(shares["size"].unique(), [str(r) for r in shares["size"].unique()])
    bottom.xaxis.set_minor_formatter(NullFormatter())
    bottom.legend(loc="lower right")
    return figure


@styled
def segment(table: pd.DataFrame) -> Figure:
    """Ω along a straight line of outputs, and the chord above it."""
    figure, axes = canvas(3.0)
    axes.plot(table["t"], table["chord"], "--", color=COLOUR.negative_control, linewidth=1.4, label="chord")
    axes.fill_between(table["t"], table["lower"], table["upper"], color=COLOUR.descent, alpha=0.5, linewidth=0)
    middle = (table["lower"] + table["upper"]) / 2
    axes.plot(
        table["t"], middle, "-o", color=COLOUR.descent, linewidth=1.4, markersize=5,
        label=r"$\Omega((1-t)X+tZ)$, enclosed",
    )  # fmt: skip
    axes.vlines(table["t"], middle, table["chord"], color=COLOUR.faint, linewidth=1, zorder=0)
    axes.set(xlabel="$t$", ylabel=r"$\Omega$", ylim=(0, None))
    axes.legend(loc="best")
    return figure


@styled
def shaken(table: pd.DataFrame) -> Figure:
    """Survivors with and without a zero unit: excess over the certified minimum against Ω°/λ less 1."""
    figure, panels = canvas(3.6, columns=2, sharex=True, sharey=True)
    alive = table[table["survived"]]
    kinds = ((True, "a unit is zero", COLOUR.slide, "o"), (False, "no unit is zero", COLOUR.escape, "X"))
    for axes, (zero, title, colour, marker) in zip(panels, kinds, strict=True):
        rows = alive[alive["zero_unit"] == zero]
        axes.plot(
            (rows["polar"] - 1).clip(lower=FLOOR), rows["excess"].clip(lower=FLOOR), marker, color=colour, markersize=5,
            mfc="none", alpha=0.6,
        )  # fmt: skip
        share = rows["same"].mean() if len(rows) else 0.0
        axes.set(xscale="log", yscale="log", xlabel=r"$\Omega^\circ/\lambda - 1$", title=title)
        axes.text(0.04, 0.96, f"{len(rows)} survive\n{share:.0%} at $F^*$", transform=axes.transAxes, va="top")
    panels[0].set_ylabel("$(f-F^*)/F^*$")
    return figure
