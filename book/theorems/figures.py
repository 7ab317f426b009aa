"""The figure of the page with the proofs: the path through outputs against the straight line through weights."""

import pandas as pd
from matplotlib.figure import Figure

from ..shared.style import COLOUR, MARKER, canvas, styled

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
