"""The figures of the page with the proofs: the set A and its hull, paths through outputs, and how rare traps are."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from scipy.spatial import ConvexHull

from ..shared.style import COLOUR, MARKER, canvas, styled, write

PIECES = {
    "slide": (0.0, COLOUR.slide, MARKER.slide, "slide"),
    "exchange": (1.0, COLOUR.append, MARKER.append, "exchange at constant output"),
    "cross": (2.0, COLOUR.descent, MARKER.plateau, "cross to the optimum"),
}
"""Where a piece starts on the axis, its colour, marker and name."""


@styled
def paths(tables: dict[str, tuple[pd.DataFrame, pd.DataFrame]]) -> Figure:
    """f along the proof's path and along the straight line of weights, one panel a problem."""
    figure, panels = canvas(2.6 * len(tables) + 0.5, rows=len(tables), squeeze=False, sharex=True)
    for axes, (title, (path, straight)) in zip(panels[:, 0], tables.items(), strict=True):
        axes.plot(
            3 * straight["t"],
            straight["objective"],
            "--",
            color=COLOUR.negative_control,
            label="straight line of weights",
        )
        place = path["piece"].map({piece: start for piece, (start, *_) in PIECES.items()}) + path["t"]
        axes.plot(place, path["objective"], color=COLOUR.faint, linewidth=1.2, zorder=1)
        for piece, (_, colour, marker, label) in PIECES.items():
            rows = path["piece"] == piece
            axes.plot(place[rows], path["objective"][rows], marker, color=colour, ms=5, zorder=2, label=label)
        axes.set(ylabel="$f$", title=title)
    panels[-1, 0].set_xticks([0, 1, 2, 3], ["start", "one unit free", "cheapest", "optimum"])
    handles, labels = panels[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2)
    return figure


@styled
def traps(table: pd.DataFrame) -> Figure:
    """Share of instances, and of the sets of r rays, that hold a trap, against r; a line for each card(X)."""
    figure, (left, right) = canvas(3.4, columns=2, sharex=True)
    most = table[table["rays"] == table["card"] + (table["rays"] - table["card"]).max()]
    sizes = range(1, int(table["card"].max()) + 2)
    for card, style in zip(sorted(most["card"].unique()), ("-o", "--s", "-.^", ":D"), strict=False):
        rows = most[most["card"] == card].groupby("r").agg({"trapped": "sum", "instances": "sum", "sets": "mean"})
        shares = {"instances": rows["trapped"] / rows["instances"], "sets": rows["sets"]}
        for axes, share in zip((left, right), shares.values(), strict=True):
            line = share.reindex(range(1, card + 1)).tolist()
            axes.plot(range(1, card + 1), line, style, color=COLOUR.descent, label=f"card(X) = {card}")
        left.plot([card, card + 1], [(rows["trapped"] / rows["instances"])[card], 0], ":", color=COLOUR.faint, zorder=1)
        left.plot(card + 1, 0, MARKER.global_optimum, color=COLOUR.global_optimum, ms=11, clip_on=False)
    left.set(xlabel="units r", ylabel="share", title="instances with a trap", xticks=list(sizes), ylim=(0, 1.05))
    right.set(xlabel="units r", title="starts in a trap", yscale="log")
    handles, labels = left.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2)
    return figure


@styled
def unit_ball(
    outputs: pd.DataFrame, atoms: pd.DataFrame, optimum: np.ndarray, target: np.ndarray, cost: float
) -> Figure:
    """A, its convex hull, the hull scaled by Ω(X*), and the line that supports it at X*, across −∇ℓ."""
    figure, axes = canvas(5.0)
    points = outputs[["x1", "x2"]].to_numpy()
    corners = points[ConvexHull(points).vertices]
    closed = np.vstack([corners, corners[:1]])
    for _, part in outputs.groupby("sign"):
        axes.fill(part["x1"], part["x2"], color=COLOUR.descent, alpha=0.3, linewidth=0)
        axes.plot(part["x1"], part["x2"], color=COLOUR.descent, linewidth=1.8)
    axes.plot(*closed.T, "--", color=COLOUR.curve, linewidth=1.4)
    axes.plot(*(cost * closed).T, color=COLOUR.curve, linewidth=1.4)
    normal = (target - optimum) / np.linalg.norm(target - optimum)
    along = np.array([-normal[1], normal[0]])
    for scale, line in ((cost, "-"), (1.0, "--")):
        ends = scale * optimum / cost + np.outer([-2.2, 2.2], along)
        axes.plot(*ends.T, line, color=COLOUR.escape, linewidth=1.4)
    axes.plot(atoms["x1"], atoms["x2"], MARKER.slide, color=COLOUR.descent, markersize=8, mec="black", mew=0.8)
    axes.annotate("", target, optimum, arrowprops={"arrowstyle": "-|>", "color": COLOUR.escape, "linewidth": 2})
    axes.plot(*optimum, MARKER.global_optimum, color=COLOUR.global_optimum, markersize=17, mec="black", mew=0.8)
    axes.plot(*target, "o", color=COLOUR.curve, markersize=7)
    edge = (points[points[:, 0].argmin()] + points[points[:, 1].argmax()]) / 2
    write(axes, "$Y$", tuple(target), (12, 2))
    write(axes, "$X^*$", tuple(optimum), (4, 17))
    write(axes, r"$-\nabla\ell$", tuple((target + optimum) / 2), (20, 6), color=COLOUR.escape)
    write(axes, "$A$", tuple(0.45 * points[points.sum(axis=1).argmax()]), (0, 0), color=COLOUR.descent, fontsize=14)
    write(axes, "conv $A$", tuple(edge), (-14, 12))
    write(axes, r"$\Omega(X^*)$ conv $A$", tuple(cost * edge), (-34, 14))
    reach = 1.2 * max(np.abs(cost * corners).max(), np.abs(target).max())
    axes.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal")
    axes.set(xlabel="output for sample 1", ylabel="output for sample 2")
    return figure
