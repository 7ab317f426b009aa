"""The figures of the chapter Weight decay and the degree mismatch."""

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, MaxNLocator, NullLocator

from ..shared.path_figures import STEPS
from ..shared.style import COLOUR, LEVELS, MARKER, ON_MAP, canvas, styled

KINDS = {
    "global minimum": (COLOUR.global_optimum, MARKER.global_optimum, 15),
    "local minimum": (COLOUR.local_minimum, MARKER.local_minimum, 10),
    "saddle": (COLOUR.escape, MARKER.saddle, 9),
}
DEGREES = {2: (COLOUR.descent, "o", "-"), 3: (COLOUR.slide, "s", "--"), 4: (COLOUR.escape, "D", "-.")}
LOOKS = {
    "weight decay, q = 2": (COLOUR.descent, "o", "-"),
    "repaired decay, q = 3": (COLOUR.slide, "s", "--"),
    "product of norms, q = 3": (COLOUR.append, "P", ":"),
    "fourth powers, q = 4": (COLOUR.escape, "D", "-."),
}


@styled
def landscapes(grid: pd.DataFrame, points: pd.DataFrame) -> Figure:
    """f of one chain of three weights on the plane w₂ = w₃, one panel a degree, with its critical points."""
    degrees = grid["q"].unique()
    figure, panels = canvas(3.0, columns=len(degrees), sharey=True)
    shown: dict[str, Artist] = {}
    for axes, q in zip(panels, degrees, strict=True):
        table = grid[grid["q"] == q].pivot(index="b", columns="a", values="objective")
        levels = np.linspace(0.2, 1.3, 23)
        filled = axes.contourf(table.columns, table.index, table.to_numpy(), levels=levels, cmap=LEVELS, extend="both")
        filled.set_rasterized(True)
        axes.contour(table.columns, table.index, table.to_numpy(), levels=[0.5], colors=ON_MAP, linewidths=1.2)
        for row in points[points["q"] == q].itertuples():
            colour, marker, size = KINDS[str(row.kind)]
            places = {(row.weight, row.weight), (row.weight, -row.weight)}
            for a, b in places:
                (drawn,) = axes.plot(a, b, marker, color=colour, markersize=size, markeredgecolor="white")
            shown[str(row.kind)] = drawn
        axes.set(xlabel="$w_1$", title=f"$q = {q}$", aspect="equal")
        axes.xaxis.set_major_locator(FixedLocator([-1, 0, 1]))
        axes.yaxis.set_major_locator(FixedLocator([-1, 0, 1]))
    panels[0].set_ylabel("$w_2 = w_3$")
    figure.legend(list(shown.values()), list(shown), loc="outside lower center", ncols=3)
    return figure


@styled
def thresholds(curves: pd.DataFrame, table: pd.DataFrame) -> Figure:
    """Top: f along equal weights for several λ. Bottom: both thresholds against K, predicted and measured."""
    figure, (top, bottom) = canvas(6.2, rows=2, height_ratios=(5, 4))
    colours = (COLOUR.descent, COLOUR.slide, COLOUR.escape, COLOUR.saddle)
    for (lam, rows), colour, line in zip(curves.groupby("lam"), colours, ("-", "--", "-.", ":"), strict=False):
        top.plot(rows["a"], rows["objective"], line, color=colour, label=rf"$\lambda = {lam:.4g}$")
    top.axhline(0.5, color=COLOUR.faint, linewidth=1, zorder=0)
    top.set(xlabel="$w_1 = w_2 = w_3$", ylabel="$f$", ylim=(None, 0.8))
    top.legend(loc="lower left")
    marks = {(1, "tie"): (COLOUR.escape, "s", None), (1, "vanishing"): (COLOUR.escape, "s", "none")}
    marks |= {(2, "tie"): (COLOUR.descent, "o", None), (2, "vanishing"): (COLOUR.descent, "o", "none")}
    words = {"tie": "zero becomes global", "vanishing": "the other minimum vanishes"}
    for (q, kind), (colour, marker, fill) in marks.items():
        rows = table[table["q"] == q]
        bottom.plot(rows["K"], rows[kind], ":", color=colour, linewidth=1.4)
        bottom.plot(
            rows["K"], rows[f"{kind}_measured"], marker, color=colour, mfc=fill, markersize=8,
            label=rf"$\ell_{q}$: {words[kind]}",
        )  # fmt: skip
    bottom.set(
        xlabel="depth $K$ (dotted: predicted, marks: measured)",
        ylabel=r"$\lambda$",
        ylim=(0, 1.1 * table["vanishing"].max()),
    )
    bottom.xaxis.set_major_locator(MaxNLocator(integer=True))
    figure.legend(*bottom.get_legend_handles_labels(), loc="outside lower center", ncols=2, columnspacing=0.8)
    return figure


@styled
def basin(table: pd.DataFrame, marks: dict[str, float]) -> Figure:
    """Share of starts that zero captures against the norm at which every chain starts, one line a size."""
    figure, axes = canvas(3.9)
    looks = zip((COLOUR.descent, COLOUR.slide, COLOUR.escape, COLOUR.append), ("o", "s", "D", "P"), strict=True)
    for (r, rows), (colour, marker) in zip(table.groupby("size"), looks, strict=False):
        axes.plot(rows["norm"], rows["captured"], marker=marker, color=colour, markersize=5, label=f"$r = {r}$")
    for (text, place), line in zip(marks.items(), ("--", ":"), strict=True):
        axes.axvline(place, color=COLOUR.curve, linestyle=line, linewidth=1.4, label=text)
    axes.set(
        xlabel=r"norm $\rho$ of every subnetwork at the start", ylabel="share captured by zero", ylim=(-0.04, 1.04)
    )
    figure.legend(loc="outside lower center", ncols=2)
    return figure


@styled
def phases(table: pd.DataFrame) -> Figure:
    """Share of starts captured by zero over λ and the scale of the start, one panel for each (K, q, r)."""
    groups = list(table.groupby(["K", "q", "size"], sort=False))
    columns = min(3, len(groups))
    rows = -(-len(groups) // columns)
    figure, panels = canvas(2.35 * rows + 0.4, rows=rows, columns=columns, sharex=True, sharey=True, squeeze=False)
    for axes, (_, cells) in zip(panels.flat, groups, strict=True):
        K, q, r = cells[["K", "q", "size"]].iloc[0]
        grid = cells.pivot(index="deviation", columns="share_of_tie", values="captured")
        image = axes.pcolormesh(
            grid.columns, grid.index, grid.to_numpy(), cmap=LEVELS, vmin=0, vmax=1, shading="nearest", rasterized=True
        )
        axes.axvline(1, color=ON_MAP, linewidth=1.2, linestyle="--")
        axes.axvline(cells["vanishing"].iloc[0], color=COLOUR.escape, linewidth=1.6, linestyle=":")
        axes.set(yscale="log", title=f"$K={K}$, $q={q}$, $r={r}$")
        axes.title.set_fontsize(10)
        axes.set_yticks([0.1, 0.3, 1.0], ["0.1", "0.3", "1"])
        axes.yaxis.set_minor_locator(NullLocator())
    figure.supxlabel(r"$\lambda$ / ($\lambda$ at which zero becomes global)", fontsize=11)
    figure.supylabel("standard deviation at the start", fontsize=11)
    figure.colorbar(image, ax=panels, label="share captured by zero", location="top", aspect=40, shrink=0.8)
    return figure


@styled
def from_zero(table: pd.DataFrame) -> Figure:
    """Change of f when one subnetwork grows from zero in the polar's direction, for each degree of θ."""
    figure, axes = canvas(3.4)
    for q, rows in table.groupby("q"):
        colour, _, line = DEGREES[int(str(q))]
        axes.plot(rows["t"], rows["change"], line, color=colour, label=rf"$q = {q}$")
    axes.axhline(0, color=COLOUR.faint, linewidth=1, zorder=0)
    depth = -table["change"].min()
    axes.set(
        xlabel="$t$, the output that the new subnetwork adds", ylabel="change of $f$", ylim=(-1.1 * depth, 0.5 * depth)
    )
    axes.legend(loc="lower left")
    return figure


@styled
def walks(tables: dict[str, tuple[pd.DataFrame, float]]) -> Figure:
    """f along Theorem 2's construction, one panel a degree of θ."""
    figure, panels = canvas(2.2 * len(tables) + 0.5, rows=len(tables), squeeze=False)
    shown: dict[str, Artist] = {}
    for axes, (title, (table, level)) in zip(panels[:, 0], tables.items(), strict=True):
        axes.plot(table["point"], table["objective"], color=COLOUR.faint, linewidth=1, zorder=1)
        if level > 0:
            axes.axhline(level, color=COLOUR.global_optimum, linestyle="--", linewidth=1.4, zorder=0)
        for kind, (colour, marker, label) in STEPS.items():
            rows = table["step"] == kind
            if rows.any():
                size = 10 if marker == MARKER.descent else 5.5
                (drawn,) = axes.plot(
                    table["point"][rows], table["objective"][rows], marker, color=colour, markersize=size
                )
                shown[label] = drawn
        low = table["objective"].min()
        axes.set(ylabel="$f$", title=title, ylim=(0.95 * min(low, level or low), 1.45 * low))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    panels[-1, 0].set_xlabel("point of the path (dashed: the least $f$ of all sizes)")
    figure.legend(list(shown.values()), list(shown), loc="outside lower center", ncols=2)
    return figure


@styled
def splitting(copies: pd.DataFrame, sizes: pd.DataFrame) -> Figure:
    """Left: Θ of m scaled copies against m. Right: the least f against r when q > p, beside λ/(r + 2λ)."""
    figure, (left, right) = canvas(3.9, columns=2)
    looks = (
        (COLOUR.descent, "o"),
        (COLOUR.local_minimum, "v"),
        (COLOUR.slide, "s"),
        (COLOUR.escape, "D"),
        (COLOUR.append, "P"),
    )
    for ((p, q), rows), (colour, marker) in zip(copies.groupby(["p", "q"], sort=False), looks, strict=True):
        left.plot(rows["copies"], rows["ratio"], marker=marker, color=colour, markersize=5)
        last = rows.iloc[-1]
        left.annotate(
            f"$p={p}$, $q={q}$", (last["copies"], last["ratio"]), (6, 0), textcoords="offset points", va="center",
            fontsize=10,
        )  # fmt: skip
    left.set(xscale="log", yscale="log", xlabel="copies $m$", ylabel=r"$\Theta$ / $\Theta$ of one")
    right.plot(sizes["size"], sizes["closed_form"], ":", color=COLOUR.curve, label=r"$\lambda/(r+2\lambda)$")
    right.plot(sizes["size"], sizes["objective"], "D", color=COLOUR.escape, markersize=6, label="measured")
    right.set(xscale="log", yscale="log", xlabel="size $r$", ylabel="least $f_r$")
    for axes, ticks in ((left, copies["copies"].unique()), (right, sizes["size"].unique())):
        axes.set_xticks(ticks, [str(t) for t in ticks])
        axes.xaxis.set_minor_locator(NullLocator())
    left.set_yticks([0.1, 0.3, 1, 3], ["0.1", "0.3", "1", "3"])
    right.set_yticks([0.02, 0.05, 0.1, 0.2], ["0.02", "0.05", "0.1", "0.2"])
    for axes in (left, right):
        axes.yaxis.set_minor_locator(NullLocator())
    right.legend(loc="lower left")
    left.set_xlim(None, 9 * copies["copies"].max())
    return figure


@styled
def sizes(tables: dict[str, pd.DataFrame]) -> Figure:
    """Share of active subnetworks (upper rows) and spread over starts (lower) against r: a column a regularizer."""
    figure, panels = canvas(1.75 * 2 * len(tables) + 0.6, rows=2 * len(tables), columns=len(LOOKS), sharey="row")
    for (upper, lower), (title, table) in zip(np.split(panels, len(tables)), tables.items(), strict=True):
        for place, (theta, (colour, marker, line)) in enumerate(LOOKS.items()):
            rows, label = table[table["theta"] == theta], theta.replace(", ", "\n").replace(" ", "\n", 1)
            look = {"color": colour, "marker": marker, "linestyle": line, "markersize": 6}
            upper[place].plot(rows["size"], rows["active"] / rows["size"], **look)
            lower[place].plot(rows["size"], rows["spread"].clip(lower=1e-16), **look)
            upper[place].set(ylim=(0, 1.1), title=label if table is next(iter(tables.values())) else "")
            upper[place].title.set_fontsize(10)
            lower[place].set_yscale("log")
            for axes in (upper[place], lower[place]):
                axes.set_xscale("log")
                axes.set_xticks([1, 4, 16], ["1", "4", "16"])
                axes.xaxis.set_minor_locator(NullLocator())
            upper[place].tick_params(labelbottom=False)
        upper[0].set_ylabel(f"{title}:\nactive share")
        lower[0].set_ylabel("spread")
    figure.supxlabel("size $r$", fontsize=11)
    return figure
