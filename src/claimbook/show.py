"""What chapters display besides claims: figures, and numbers for the prose.

`show(figure, "fig-name")` is the last expression of a cell whose header gives caption, name and alternative text.
It returns the figure as one reproducible SVG (text stays text, dense artists stay raster images inside it), so the
page shows it the same way in a build, in a plain `jupyter-book build .` and in a reader's Jupyter. When the
environment variable CLAIMBOOK_FIGURES names a folder, name.svg and name.pdf are also written there, and the same figure
laid out anew for a wide column of text: name-wide.svg for pages, name.png for previews of links.

`number("name", value)` makes a value usable in the prose of the chapter: {glue:text}`name:.2e`.
"""

from __future__ import annotations

import io
import math
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .claims import METADATA
from .legible import faults

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FOLDER = "CLAIMBOOK_FIGURES"
WIDE = "-wide"
WIDER = (1.4, 1.2)
"""A wide column of text against the figure's own width, and the height that goes with it; letters keep their size."""
_NAME = re.compile(r"fig-[a-z0-9-]+")
_STYLE: dict[Any, Any] = {"svg.hashsalt": "claimbook", "svg.fonttype": "path", "pdf.fonttype": 42}


@dataclass(frozen=True)
class Shown:
    """A figure ready to be displayed: its name and its SVG text."""

    name: str
    svg: str

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> tuple[dict, dict]:
        data = {"image/svg+xml": self.svg, "text/plain": f"Figure {self.name}"}
        return data, {METADATA: {"figure": self.name}}


def _bytes(figure: Figure, kind: str, metadata: dict[str, Any], **options: Any) -> bytes:
    stream = io.BytesIO()
    figure.savefig(stream, format=kind, metadata=metadata, bbox_inches="tight", facecolor="white", **options)
    return stream.getvalue()


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
    with mpl.rc_context(_STYLE):
        svg = _bytes(figure, "svg", {"Date": None, "Creator": None})
        unreadable = faults(figure)
        if unreadable:
            raise ValueError(f"figure {name!r} cannot be read: {'; '.join(unreadable)}")
        folder = os.environ.get(FOLDER)
        if folder:
            Path(folder).mkdir(parents=True, exist_ok=True)
            (Path(folder) / f"{name}.svg").write_bytes(svg)
            (Path(folder) / f"{name}.pdf").write_bytes(
                _bytes(figure, "pdf", {"CreationDate": None, "Creator": None, "Producer": None})
            )
            figure.set_size_inches(*(size * by for size, by in zip(figure.get_size_inches(), WIDER, strict=True)))
            (Path(folder) / f"{name}{WIDE}.svg").write_bytes(_bytes(figure, "svg", {"Date": None, "Creator": None}))
            (Path(folder) / f"{name}.png").write_bytes(_bytes(figure, "png", {"Software": None}, dpi=110))
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
