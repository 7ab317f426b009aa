"""The figure of a gap that closes from both sides."""

import pandas as pd
from matplotlib.figure import Figure

from ..shared.style import COLOUR, canvas, styled


@styled
def closing(table: pd.DataFrame) -> Figure:
    """Objective and best proved bound against the step, the gap between them shaded; below, the gap on a log scale."""
    figure, (upper, lower) = canvas(4.6, rows=2, sharex=True, height_ratios=(3, 2))
    last = table["objective"].iloc[-1]
    upper.fill_between(table["step"], table["bound"], table["objective"], color=COLOUR.faint, alpha=0.4, linewidth=0)
    upper.plot(table["step"], table["objective"], color=COLOUR.descent, label="objective of the descent")
    upper.plot(table["step"], table["bound"], color=COLOUR.escape, linestyle="--", label="best bound proved so far")
    upper.plot(table["step"], table["bound_here"], ".", color=COLOUR.escape, markersize=4, label="bound at this step")
    upper.axhline(last, color=COLOUR.global_optimum, linewidth=1.2, zorder=0)
    upper.set(ylabel="$f$", ylim=(-0.06 * last, 2.2 * last))
    lower.plot(table["step"], table["gap"].clip(lower=1e-16), color=COLOUR.curve)
    lower.set(xscale="log", yscale="log", xlabel="step of gradient descent", ylabel="gap over $f$")
    figure.legend(loc="outside lower center", ncols=2)
    return figure
