"""The figures of the chapter Matrix factorization: spectra, censuses, gaps, the polar, and the path of Theorem 2."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator, NullLocator

from ..shared.path_figures import STEPS
from ..shared.style import COLOUR, MARKER, canvas, dots, styled, write

FLOOR = 1e-16
"""Relative excesses at or below rounding are drawn here, at the foot of a logarithmic axis."""


@styled
def spectrum(table: pd.DataFrame) -> Figure:
    """Singular values of Y, the threshold λ, and what eq. (8) keeps of them."""
    figure, axes = canvas(3.2)
    axes.plot(table["index"], table["sigma"], "o", markersize=5, color=COLOUR.curve, label=r"$\sigma_i$ of $Y$")
    kept = table[table["kept"] > 0]
    dots(axes, kept["index"], kept["kept"], MARKER.slide, COLOUR.descent, r"kept, $\sigma_i-\lambda$", hollow=True)
    axes.axhline(table["lam"].iloc[0], color=COLOUR.escape, linestyle="--", linewidth=1.4)
    write(axes, r"$\lambda$", (table["index"].max(), table["lam"].iloc[0]), (-4, 9), color=COLOUR.escape)
    axes.set(yscale="log", xlabel=r"index $i$", ylabel="singular value", ylim=(0.5, None))
    axes.legend(loc="upper right")
    return figure


@styled
def census(table: pd.DataFrame) -> Figure:
    """Relative excess over F* of every run against r; the closed form of size r as a line."""
    figure, axes = canvas(3.9)
    first = table.drop_duplicates("size").sort_values("size")
    closed = (first["optimum_r"] - first["optimum"]) / first["optimum"]
    best = "best network of size $r$, closed form"
    axes.plot(first["size"], closed.clip(lower=FLOOR), color=COLOUR.curve, linewidth=1.2, label=best)
    spread = 0.5 * (table["run"] / max(table["run"].max(), 1) - 0.5)
    excess = table["excess"].clip(lower=FLOOR)
    dots(axes, table["size"] + spread, excess, MARKER.descent, COLOUR.descent, "one run")
    r = table["sufficient"].iloc[0]
    axes.axvline(r - 0.5, color=COLOUR.slide, linestyle="--", linewidth=1.4)
    write(axes, rf"$r\geq${r}: all global", (r - 0.5, 1e-5), (6, 0), ha="left", color=COLOUR.slide)
    axes.axhline(1e-9, color=COLOUR.faint, linewidth=1.4, label="$10^{-9}$: counts as global below")
    axes.set(yscale="log", xlabel="size $r$", ylabel="$(f-F^*)/F^*$", ylim=(FLOOR / 3, 30))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    figure.legend(loc="outside lower center", ncols=2)
    return figure


@styled
def gap_against_gradient(table: pd.DataFrame) -> Figure:
    """Certified gap and true excess against the gradient norm, with lines of slope one and two."""
    figure, axes = canvas(3.8)
    x = table["relative_gradient"]
    dots(axes, x, table["relative_gap"].clip(lower=FLOOR), MARKER.escape, COLOUR.escape, "certified gap")
    dots(axes, x, table["excess"].clip(lower=FLOOR), MARKER.slide, COLOUR.descent, "true excess", hollow=True)
    t = np.geomspace(x.min(), x.max(), 100)
    middle = table["relative_gradient"].median()
    gap = float(np.exp(np.median(np.log(table["relative_gap"] / x))))
    axes.plot(t, gap * t, color=COLOUR.curve, linewidth=1)
    write(axes, "slope 1", (middle, gap * middle), (-24, 24))
    resolved = table[table["excess"] > 1e-14]
    square = float(np.exp(np.median(np.log(resolved["excess"] / resolved["relative_gradient"] ** 2))))
    above = square * t**2 > FLOOR
    axes.plot(t[above], square * t[above] ** 2, color=COLOUR.curve, linewidth=1, linestyle="--")
    write(axes, "slope 2", (1e-4, square * 1e-8), (34, -14))
    axes.legend(loc="upper left")
    axes.set(xlabel=r"gradient norm  $\|\nabla f\|/\sqrt{\lambda f}$", ylabel="relative to $f$")
    axes.set(xscale="log", yscale="log", ylim=(FLOOR / 3, 1))
    return figure


@styled
def polar_against_size(table: pd.DataFrame) -> Figure:
    """The polar of every run against r, beside max(1, σ_{r+1}/λ)."""
    first = table.drop_duplicates("size").sort_values("size")
    figure, axes = canvas(3.4)
    closed = r"$\max(1,\ \sigma_{r+1}/\lambda)$"
    axes.plot(first["size"], first["polar_r"], color=COLOUR.curve, linewidth=1.2, label=closed)
    dots(axes, table["size"], table["polar"], MARKER.slide, COLOUR.descent, "measured, every run", hollow=True)
    axes.axhline(1, color=COLOUR.slide, linestyle="--", linewidth=1.2)
    write(axes, "at most 1: globally optimal", (first["size"].max(), 1), (0, -13), ha="right", color=COLOUR.slide)
    axes.set(xlabel="size $r$", ylabel=r"$\Omega^\circ(Y-X)\,/\,\lambda$", ylim=(0, None))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(loc="upper right")
    return figure


@styled
def sufficient_sizes(table: pd.DataFrame) -> Figure:
    """Size of the certified network grown from one column against #{σ_i > λ}, beside the bound card(X)."""
    figure, axes = canvas(3.4)
    counts = table.groupby(["count", "size"]).size().reset_index(name="instances")
    card, most = int(table["card"].iloc[0]), int(max(table["count"].max(), table["size"].max()))
    ends, equal = (0.5, most + 1), np.linspace(0.8, most + 1, 60)
    axes.axhline(card, color=COLOUR.negative_control, linewidth=1.4)
    axes.plot(equal, equal, color=COLOUR.curve, linewidth=1)
    axes.scatter(
        counts["count"],
        counts["size"],
        s=40 + 30 * counts["instances"],
        color=COLOUR.descent,
        edgecolor="black",
        zorder=3,
    )
    write(
        axes, rf"enough by Theorem 2: card$(X)={card}$", (0.6, card), (0, -6), ha="left", va="top",
        color=COLOUR.negative_control,
    )  # fmt: skip
    write(axes, "one for each singular value", (most, most), (-8, 10), ha="right", color=COLOUR.curve)
    ticks = [1, 2, 5, 10, 20, 50, 100]
    axes.set(yscale="log", xlim=ends, ylim=(0.8, 1.5 * card))
    axes.set_yticks(ticks, [str(tick) for tick in ticks])
    axes.yaxis.set_minor_locator(NullLocator())
    axes.set_xticks(range(1, most + 2))
    axes.set(xlabel=r"number of singular values above $\lambda$", ylabel="size $r$ when certified")
    return figure


@styled
def path(tables: dict[str, pd.DataFrame]) -> Figure:
    """f − F* along the path of the meta-algorithm, one panel a start, each kind of piece in its colour."""
    figure, panels = canvas(2.6 * len(tables) + 0.5, rows=len(tables), squeeze=False)
    shown: dict[str, Line2D] = {}
    for axes, (title, table) in zip(panels[:, 0], tables.items(), strict=True):
        height = ((table["objective"] - table["optimum"]) / table["optimum"]).clip(lower=1e-12)
        axes.plot(table["point"], height, color=COLOUR.faint, linewidth=1, zorder=1)
        for kind, (colour, marker, label) in STEPS.items():
            of_kind = table["step"] == kind
            if of_kind.any():
                size = 7 if marker != MARKER.descent else 6
                (line,) = axes.plot(
                    table["point"][of_kind], height[of_kind], marker, color=colour, markersize=size, linestyle="none"
                )
                shown[label] = line
        axes.set(yscale="log", ylabel="$(f-F^*)/F^*$", title=title)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    panels[-1, 0].set_xlabel("point of the path, in between steps too")
    figure.legend(list(shown.values()), list(shown), loc="outside lower center", ncols=3)
    return figure


@styled
def non_negative(table: pd.DataFrame) -> Figure:
    """Certified gap of non-negative factorizations against λ: closed for large λ, open for small."""
    figure, axes = canvas(3.4)
    looks = {
        "CERTIFIED": (COLOUR.slide, MARKER.slide, "certified"),
        "UNDECIDED": (COLOUR.negative_control, MARKER.append, "undecided"),
        "REFUTED": (COLOUR.escape, MARKER.escape, "refuted: one more column helps"),
    }
    for verdict, (colour, marker, label) in looks.items():
        rows = table[table["verdict"] == verdict]
        if len(rows):
            gap = rows["relative_gap"].clip(lower=FLOOR)
            axes.plot(
                rows["share"],
                gap,
                marker,
                color=colour,
                markersize=7,
                mec="black",
                mew=0.6,
                linestyle="none",
                label=label,
            )
    axes.set(
        xscale="log",
        yscale="log",
        xlabel=r"$\lambda\,/\,\lambda_{\max}$",
        ylabel="certified relative gap",
        ylim=(FLOOR, 3),
    )
    shares = sorted(table["share"].unique())
    axes.set_xticks(shares, [f"{share:g}" for share in shares])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.legend(loc="lower left")
    return figure
