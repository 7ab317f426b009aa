"""The figures of the chapter Landscape: a section with points (a) to (h), two weights, a plateau, a staircase."""

# pandas and mplot3d come without types that pyright could follow:
# pyright: reportAttributeAccessIssue=false, reportArgumentType=false, reportOperatorIssue=false
# pyright: reportCallIssue=false, reportGeneralTypeIssues=false, reportIndexIssue=false

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from ..shared.style import COLOUR, LEVELS, MARKER, ON_MAP, canvas, halo, styled, write

KINDS = {
    "plateau": (COLOUR.plateau, MARKER.plateau),
    "global minimum": (COLOUR.global_optimum, MARKER.global_optimum),
    "local minimum": (COLOUR.local_minimum, MARKER.local_minimum),
    "local maximum": (COLOUR.local_maximum, MARKER.local_maximum),
    "saddle": (COLOUR.saddle, MARKER.saddle),
}

STEPS = {
    "DESCEND": (COLOUR.descent, "descend"),
    "SLIDE": (COLOUR.slide, "slide"),
    "APPEND": (COLOUR.append, "append"),
    "ESCAPE": (COLOUR.escape, "escape"),
}

LONG = 2.2
"""Width of a piece of descent on the staircase, where a slide or an escape has width 1."""


def _mark(axes: Axes, kind: str, x: object, y: object, size: float = 9) -> None:
    colour, marker = KINDS[kind]
    size = 1.6 * size if marker == "*" else size
    axes.plot(x, y, marker, color=colour, markersize=size, mec="black", mew=0.8, linestyle="none", zorder=5)


def _key(kinds: list[str]) -> list[Line2D]:
    handles = []
    for kind in kinds:
        colour, marker = KINDS[kind]
        if kind == "plateau":
            handles.append(Line2D([], [], color=colour, linewidth=7, solid_capstyle="butt", label=kind))
        else:
            size = 13 if marker == "*" else 9
            look = {"marker": marker, "markersize": size, "mec": "black", "mew": 0.8, "linestyle": "none"}
            handles.append(Line2D([], [], color=colour, label=kind, **look))
    return handles


@styled
def section(curve: pd.DataFrame, points: pd.DataFrame, lower_bound: float) -> Figure:
    """f along a line, every critical point marked and lettered; plateaus as bars, the proved least value dashed."""
    figure, axes = canvas(3.9)
    axes.plot(curve["t"], curve["objective"], color=COLOUR.curve, zorder=2)
    axes.axhline(lower_bound, color=COLOUR.lower_bound, linestyle=(0, (4, 3)), linewidth=1.1, zorder=1)
    left, right = curve["t"].min(), curve["t"].max()
    for row in points.itertuples():
        if row.kind == "plateau":
            ends = max(row.t, left), min(row.t_end, right)
            axes.plot(ends, [row.objective] * 2, color=COLOUR.plateau, linewidth=7, solid_capstyle="butt", zorder=3)
            at = (sum(ends) / 2, row.objective)
        else:
            at = (row.t, row.objective)
            _mark(axes, row.kind, *at)
        below = str(row.kind).endswith("minimum")
        write(axes, f"({row.point})", at, (0, -17 if below else 15), fontsize=12.5, fontweight="bold")
    top = float(curve["objective"].max())
    axes.set(xlim=(left, right), ylim=(lower_bound - 0.17 * top, 1.14 * top))
    axes.set_xlabel("t, the position on the line through the weights")
    axes.set_ylabel("f, the training objective")
    axes.text(right, lower_bound - 0.02 * top, "least value over all networks", ha="right", va="top", fontsize=10)
    kinds = [kind for kind in KINDS if kind in set(points["kind"])]
    figure.legend(handles=_key(kinds), loc="outside upper center", ncols=2, columnspacing=1.6, borderaxespad=0.1)
    return figure


@styled
def two_weights(plane: pd.DataFrame, points: pd.DataFrame) -> Figure:
    """Contours of f for one subnetwork (u, v), and of f for two on the plane u = v, with the minima marked."""
    figure, panels = canvas(3.5, columns=2, sharey=True)
    titles = {1: "one subnetwork", 2: "two, on the plane u = v"}
    names = {1: ("u", "v"), 2: ("u₁ = v₁", "u₂ = v₂")}
    levels = MaxNLocator(14).tick_values(plane["objective"].min(), 2.4 * points["objective"].max())
    for axes, (r, table) in zip(panels, plane.groupby("r"), strict=True):
        grid = table.pivot(index="b", columns="a", values="objective")
        filled = axes.contourf(grid.columns, grid.index, grid, levels, cmap=LEVELS, extend="max")
        filled.set_rasterized(True)
        axes.contour(grid.columns, grid.index, grid, levels, colors=ON_MAP, linewidths=0.4, alpha=0.6)
        if r == 1:
            for row in points.itertuples():
                _mark(axes, row.kind, row.u, row.v)
        else:
            radius = float(points["u"].max())
            angle = np.linspace(0, 2 * np.pi, 200)
            ring = {"color": COLOUR.global_optimum, "linewidth": 3.5, "path_effects": halo(5)}
            axes.plot(radius * np.cos(angle), radius * np.sin(angle), **ring)
            _mark(axes, "saddle", 0, 0)
        axes.set(aspect="equal", title=titles[r], xlabel=names[r][0], ylabel=names[r][1])
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        axes.yaxis.set_major_locator(MaxNLocator(5, integer=True))
        axes.tick_params(labelleft=True)
    options = {"location": "bottom", "aspect": 40, "shrink": 0.8, "pad": 0.02, "spacing": "proportional"}
    figure.colorbar(filled, ax=panels, ticks=levels[::4], label="f", **options)
    figure.legend(handles=_key(["global minimum", "saddle"]), loc="outside upper center", ncols=2, borderaxespad=0.1)
    return figure


CUTS = {
    "plateau": (":", COLOUR.descent, "on the plateau: a valley"),
    "edge": ("--", COLOUR.slide, "at its edge: flat"),
    "end": ("-", COLOUR.escape, "at the end: downhill"),
}


@styled
def plateau(surface: pd.DataFrame, edge: float) -> Figure:
    """f over slide t and amplitude ε as a map, with the slide and the descent on it; below, three cuts across it."""
    figure, (upper, lower) = canvas(5.9, rows=2, height_ratios=(1.3, 1))
    _map(figure, upper, surface)
    values = surface["t"].unique()
    for t, (line, colour, name) in zip((0.0, edge, 1.0), CUTS.values(), strict=True):
        nearest = values[np.abs(values - t).argmin()]
        cut = surface[surface["t"] == nearest]
        lower.plot(cut["amplitude"], cut["objective"], line, color=colour, label=f"t = {nearest:.2g}, {name}")
        upper.axvline(nearest, color=colour, linestyle=line, linewidth=2.2, zorder=2)
    lower.set(xlabel="amplitude, ε", ylabel="f")
    lower.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    lower.legend(loc="upper center", handlelength=2.2)
    return figure


def _map(figure: Figure, axes: Axes, surface: pd.DataFrame) -> None:
    grid = surface.pivot(index="amplitude", columns="t", values="objective")
    low, level = float(grid.to_numpy().min()), float(surface.loc[surface["amplitude"] == 0, "objective"].iloc[0])
    levels = np.linspace(low, level + 2.5 * (level - low), 15)
    filled = axes.contourf(grid.columns, grid.index, grid, levels, cmap=LEVELS, extend="max")
    filled.set_rasterized(True)
    axes.contour(grid.columns, grid.index, grid, levels, colors=ON_MAP, linewidths=0.5, alpha=0.6)
    dots = np.linspace(0, 1, 9)
    slide = {"color": COLOUR.slide, "mec": ON_MAP, "mew": 0.8, "markersize": 8, "linewidth": 2.5, "clip_on": False}
    axes.plot(dots, np.zeros(9), "-o", zorder=4, **slide)
    end = surface[(surface["t"] == surface["t"].max()) & (surface["amplitude"] >= 0)]
    fall = end[end["amplitude"] <= end.loc[end["objective"].idxmin(), "amplitude"]]
    axes.plot(fall["t"], fall["amplitude"], color=COLOUR.escape, linewidth=4.5, zorder=3, clip_on=False)
    star = {"color": COLOUR.global_optimum, "mec": "black", "mew": 0.8, "markersize": 15, "clip_on": False}
    axes.plot(fall["t"].tail(1), fall["amplitude"].tail(1), MARKER.global_optimum, zorder=5, **star)
    axes.set(xlabel="slide, t", ylabel="amplitude, ε", yticks=[-1, 0, 1])
    figure.colorbar(filled, ax=axes, label="f", ticks=MaxNLocator(5))


@styled
def staircase(path: pd.DataFrame, levels: pd.DataFrame) -> Figure:
    """f along Theorem 2's path, coloured by kind of step; below, f less the proved lower bound on a log scale."""
    figure, (upper, lower) = canvas(5.2, rows=2, sharex=True, height_ratios=(1.35, 1))
    table = path.assign(place=_places(path), gap=(path["objective"] - path["lower_bound"]))
    seen = {}
    for axes, column in ((upper, "objective"), (lower, "gap")):
        for piece, part in table.groupby("piece"):
            if part["step"].iloc[0] == "START":
                axes.plot(part["place"], part[column], "o", color=COLOUR.curve, markersize=7)
                continue
            colour, name = STEPS[part["step"].iloc[0]]
            joined = pd.concat([table[table["piece"] < piece].tail(1), part])
            (line,) = axes.plot(joined["place"], joined[column], color=colour, linewidth=3.2, solid_capstyle="round")
            axes.plot(part["place"].tail(1), part[column].tail(1), "o", color=colour, markersize=6)
            seen.setdefault(name, line)
    end = table.iloc[-1]
    _mark(upper, "global minimum", end["place"], end["objective"])
    bound = float(end["lower_bound"])
    upper.axhline(bound, color=COLOUR.lower_bound, linestyle=(0, (4, 3)), linewidth=1.1, zorder=1)
    stuck = levels[(levels["k"] > 0) & (levels["objective"] > 1.001 * bound)]
    for row in stuck.itertuples():
        upper.axhline(row.objective, color=COLOUR.faint, linewidth=1, zorder=0)
        upper.text(0.93 * end["place"], row.objective, f"rank {row.k}", ha="right", va="bottom", fontsize=10)
    height = stuck["objective"].max() - bound
    upper.set(ylabel="f", ylim=(bound - 0.7 * height, bound + 3.4 * height))
    upper.text(0, bound - 0.06 * height, "proved lower bound", va="top", fontsize=10)
    start = f"from f = {table['objective'].iloc[0]:.3g}"
    enters = table.loc[table["objective"] <= upper.get_ylim()[1], "place"].min()
    upper.text(enters + 0.15, upper.get_ylim()[1], start, va="top", fontsize=10)
    lower.set(yscale="log", ylabel="f − lower bound", xlabel="steps of the path")
    lower.set_xticks([])
    order = [name for _, name in STEPS.values() if name in seen]
    figure.legend([seen[n] for n in order], order, loc="outside upper center", ncols=len(order), borderaxespad=0.1)
    return figure


def _places(path: pd.DataFrame) -> pd.Series:
    """Where a point is drawn: pieces side by side, the points of one evenly spaced in it."""
    size = path.groupby("piece")["point"].transform("size")
    inside = (path.groupby("piece").cumcount() + 1) / size
    first = path.drop_duplicates("piece").set_index("piece")["step"]
    width = first.map({"DESCEND": LONG, "START": 0.0, "APPEND": 0.5}).fillna(1.0)
    start = width.cumsum() - width
    return path["piece"].map(start) + inside * path["piece"].map(width)
