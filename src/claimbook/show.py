"""What chapters display besides claims: figures, and numbers for the prose.

`show(figure, "fig-name")` is the last expression of a cell whose header gives caption, name and alternative text.
It returns the figure as one reproducible SVG (letters are outlines, dense artists stay raster images inside it), so the
page shows it the same way in a build, in a plain `jupyter-book build .` and in a reader's Jupyter. When the
environment variable CLAIMBOOK_FIGURES names a folder, name.svg and name.pdf (its letters are text) are also written
there, and the same figure laid out anew for a wide column of text: name-wide.svg for pages and, of the first figure
only, name.png for the preview that a link to the page shows.

`number("name", value)` makes a value usable in the prose of the chapter: {glue:text}`name:.2e`.
"""

from __future__ import annotations

import io
import math
import os
import re
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .claims import METADATA
from .legible import faults

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from matplotlib.figure import Figure

FOLDER = "CLAIMBOOK_FIGURES"
WIDE = "-wide"
WIDER = (1.4, 1.2)
"""A wide column of text against the figure's own width, and the height that goes with it; letters keep their size."""
_NAME = re.compile(r"fig-[a-z0-9-]+")
_STYLE: dict[Any, Any] = {"svg.hashsalt": "claimbook", "svg.fonttype": "path", "pdf.fonttype": 3}
_NO_DATE: dict[str, dict[str, None]] = {
    "svg": {"Date": None, "Creator": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
    "png": {"Software": None},
}
"""What would make a file differ from the one of yesterday."""


@dataclass(frozen=True)
class Shown:
    """A figure ready to be displayed: its name and its SVG text."""

    name: str
    svg: str

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> tuple[dict, dict]:
        data = {"image/svg+xml": self.svg, "text/plain": f"Figure {self.name}"}
        return data, {METADATA: {"figure": self.name}}


@contextmanager
def _laid_out(figure: Figure) -> Iterator[Callable[..., bytes]]:
    """A function that draws the figure in a format; all formats share one layout, which is made once."""
    import matplotlib as mpl

    engine = figure.get_layout_engine()
    figure.draw_without_rendering()
    box = figure.get_tightbbox().padded(mpl.rcParams["savefig.pad_inches"])
    figure.set_layout_engine(None)  # "none" would lay out again at each drawing

    def drawn(kind: str, **options: Any) -> bytes:
        stream = io.BytesIO()
        figure.savefig(stream, format=kind, metadata=_NO_DATE[kind], bbox_inches=box, facecolor="white", **options)
        return stream.getvalue()

    try:
        yield drawn
    finally:
        figure.set_layout_engine(engine)


def show(figure: Figure, name: str) -> Shown:
    """The figure as the last value of a cell; `name` is `fig-…`, the name in the cell's header.

    Raises ValueError for a malformed name and for letters that cannot be read (too small, tick labels on one another),
    TypeError for anything but a Matplotlib figure.
    """
    import matplotlib as mpl
    from matplotlib import pyplot as plt
    from matplotlib.figure import Figure

    if not isinstance(figure, Figure):
        raise TypeError(f"show needs a matplotlib Figure, not a {type(figure).__name__}")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ValueError(f"figure name {name!r}: write it as fig-name, in a-z, 0-9 and -")
    folder = Path(os.environ[FOLDER]) if os.environ.get(FOLDER) else None
    with mpl.rc_context(_STYLE):
        with _laid_out(figure) as drawn:
            svg = drawn("svg")
            if unreadable := faults(figure):
                raise ValueError(f"figure {name!r} cannot be read: {'; '.join(unreadable)}")
            if folder:
                folder.mkdir(parents=True, exist_ok=True)
                (folder / f"{name}.svg").write_bytes(svg)
                (folder / f"{name}.pdf").write_bytes(drawn("pdf"))
        if folder:
            figure.set_size_inches(*(size * by for size, by in zip(figure.get_size_inches(), WIDER, strict=True)))
            with _laid_out(figure) as drawn:
                (folder / f"{name}{WIDE}.svg").write_bytes(drawn("svg"))
                if not any(folder.glob("*.png")):
                    (folder / f"{name}.png").write_bytes(drawn("png", dpi=110))
    plt.close(figure)
    return Shown(name, svg.decode())


def number(name: str, value: Any) -> None:
    """Store a value under `name` for the prose of this chapter, without showing it below the cell."""
    from IPython.display import display

    if not isinstance(name, str):
        raise TypeError(f"number: the name is a {type(name).__name__}: pass the word that the prose uses, and a value.")
    item = getattr(value, "item", None)  # of an array or a tensor with one entry
    if math.prod(getattr(value, "shape", ())) != 1:
        raise ValueError(f"number {name!r}: the value has shape {tuple(value.shape)}: pass one number of it.")
    plain = value if isinstance(value, str) else repr(value if item is None else item())
    prefix = "application/papermill.record/"
    metadata = {"scrapbook": {"name": name, "mime_prefix": prefix}}
    display({f"{prefix}text/plain": plain}, raw=True, metadata=metadata)
