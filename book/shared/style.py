"""One look for every figure of the book: sizes that read on a laptop and on a phone, colours with fixed meanings."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum, unique
from functools import wraps
from typing import Any, ParamSpec

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.patheffects import withStroke
from matplotlib.transforms import Bbox

P = ParamSpec("P")

WIDTH = 5.4
"""Inches, 518 px: the layout of narrow columns. On a phone it shrinks to 366 px, letters of 10 pt to 9.4 px; none is
smaller. Wide columns have a layout of their own (claimbook.show)."""


@dataclass(frozen=True)
class Colours:
    """A colour for every role, after Okabe and Ito (2008): told apart without red–green vision, dark on white."""

    global_optimum: str = "#E69F00"
    lower_bound: str = "#222222"
    descent: str = "#0072B2"
    slide: str = "#009E73"
    append: str = "#CC79A7"
    escape: str = "#D55E00"
    saddle: str = "#5E3C99"
    local_minimum: str = "#56B4E9"
    local_maximum: str = "#A50026"
    plateau: str = "#009E73"
    negative_control: str = "#7F7F7F"
    curve: str = "#222222"
    faint: str = "#B8B8B8"


@unique
class Markers(StrEnum):
    """A shape for every role, no two alike, so that no figure speaks by colour alone."""

    global_optimum = "*"
    saddle = "X"
    local_minimum = "v"
    local_maximum = "^"
    plateau = "s"
    slide = "o"
    escape = "D"
    append = "P"
    descent = "."


COLOUR = Colours()
MARKER = Markers
LEVELS = "cividis"
"""The colour map of heat maps and surfaces: monotone in lightness, and the same to colour-blind readers."""

ON_MAP = "#FEFEFE"
"""The white of lines on a heat map: it stays white on a dark page, where plain white becomes the page's ground."""

DARK_ON_MAP = "#010101"
"""The black of lines on a heat map, likewise."""

RC: dict[str, Any] = {
    "font.family": "DejaVu Sans",
    "mathtext.fontset": "dejavusans",
    "font.size": 11,
    "axes.labelsize": 11,
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
    "xtick.labelsize": 10,
    "ytick.labelsize": 10,
    "legend.fontsize": 10,
    "legend.frameon": False,
    "legend.handlelength": 1.4,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.9,
    "axes.axisbelow": True,
    "lines.linewidth": 2.0,
    "lines.markersize": 8,
    "figure.facecolor": "white",
    "axes.facecolor": "white",
    "figure.dpi": 140,
    "path.simplify": True,
    "path.simplify_threshold": 0.5,
}


OUTPUT = ("backend", "svg", "pdf", "ps", "pgf", "savefig", "interactive", "agg", "webagg", "tk", "macosx", "docstring")
"""Groups of settings that concern files and windows, not looks: whoever saves the figure decides them."""


@contextmanager
def book_settings() -> Iterator[None]:
    """Matplotlib's defaults with RC on top, in the place of the reader's own settings."""
    defaults = mpl.rcParamsDefault.items()
    settings: Any = {k: v for k, v in defaults if k.partition(".")[0].partition("_")[0] not in OUTPUT} | RC
    with mpl.rc_context(settings):
        yield


class BookFigure(Figure):
    """A figure that is also laid out and *saved* under the book's settings: ticks are made then."""

    def savefig(self, *args: Any, **kwargs: Any) -> None:
        with book_settings():
            super().savefig(*args, **kwargs)

    def draw_without_rendering(self) -> None:
        with book_settings():
            super().draw_without_rendering()

    def get_tightbbox(self, *args: Any, **kwargs: Any) -> Bbox:
        with book_settings():
            return super().get_tightbbox(*args, **kwargs)


def styled(draw: Callable[P, Figure]) -> Callable[P, Figure]:
    """Run a figure function under the book's settings only, whatever the reader's own settings are."""

    @wraps(draw)
    def run(*args: P.args, **kwargs: P.kwargs) -> Figure:
        with book_settings():
            return draw(*args, **kwargs)

    return run


def sheet(height: float) -> Figure:
    """An empty figure of the book's width, without pyplot's state."""
    return BookFigure(figsize=(WIDTH, height), layout="constrained")


def canvas(height: float, *, rows: int = 1, columns: int = 1, **options: Any) -> tuple[Figure, Any]:
    """A sheet and its axes, as ``Figure.subplots`` gives them."""
    figure = sheet(height)
    return figure, figure.subplots(rows, columns, **options)


def tight(figure: Figure) -> None:
    """Rows and columns of pictures close together."""
    figure.set_layout_engine(ConstrainedLayoutEngine(w_pad=0.02, h_pad=0.02, wspace=0.02, hspace=0.02))


def halo(width: float = 3.0) -> list[withStroke]:
    """An outline in the page's ground that keeps letters legible on curves and heat maps."""
    return [withStroke(linewidth=width, foreground="white")]


def dots(
    axes: Axes, x: Any, y: Any, marker: str, colour: str, label: str | None = None, *, hollow: bool = False
) -> None:
    """Points without a line; hollow ones show what lies below them."""
    look: dict[str, Any] = {"mfc": "none", "mew": 1.5} if hollow else {}
    axes.plot(x, y, marker, color=colour, markersize=5, linestyle="none", label=label, **look)


def write(axes: Axes, text: str, at: tuple[float, float], offset: tuple[float, float] = (0, 8), **options: Any) -> None:
    """Text beside a data point, offset in points, with a halo."""
    settings = {"ha": "center", "va": "center", "path_effects": halo(), **options}
    axes.annotate(text, at, xytext=offset, textcoords="offset points", **settings)
