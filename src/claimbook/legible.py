"""Whether the letters of a figure can be read: none too small for a phone, no two tick labels on one another."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matplotlib.axis import Axis
    from matplotlib.figure import Figure
    from matplotlib.text import Text

PHONE = 366
"""Pixels that a phone has for a figure: 390 less the margins of the page."""

SMALLEST = 9.0
"""Pixels: the least size of letters that can be read; exponents and indices, which are smaller, aside."""

_TOUCH = 1.0
"""Pixels by which boxes of letters may overlap: their own margins."""


def _labels(axis: Axis) -> Iterator[Text]:
    scaled = axis.get_transform().transform
    low, high = sorted(scaled(axis.get_view_interval()))
    slack = 1e-6 * (high - low)
    for tick in (*axis.get_major_ticks(), *axis.get_minor_ticks()):
        shown = tick.label1
        if shown.get_visible() and shown.get_text().strip() and low - slack <= scaled(tick.get_loc()) <= high + slack:
            yield shown


def faults(figure: Figure) -> list[str]:
    """What cannot be read in a figure that was just drawn, in words; empty if all can."""
    axes = [a for a in figure.axes if a.get_visible() and a.axison]
    labels = [label for a in axes for axis in (a.xaxis, a.yaxis) for label in _labels(axis)]
    boxes = [(label.get_text(), label.get_window_extent().padded(-_TOUCH)) for label in labels]
    found = [f"tick labels {one} and {two} overlap" for (one, a), (two, b) in combinations(boxes, 2) if a.overlaps(b)]
    shrink = min(1.0, PHONE / (96 * figure.get_figwidth()))
    texts = [t for a in axes for t in a.texts if t.get_visible() and t.get_text().strip()]
    legends = [*figure.legends, *(a.get_legend() for a in axes if a.get_legend() is not None)]
    texts += [*labels, *(t for legend in legends for t in legend.get_texts())]
    small = {t.get_text() for t in texts if float(t.get_fontsize()) * 4 / 3 * shrink < SMALLEST}
    return found + [f"“{text}” has letters under {SMALLEST:g} px on a phone" for text in sorted(small)]
