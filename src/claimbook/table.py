"""Tables for readers: headers in words, three significant digits, a sign for what is missing, badges, a caption.

pandas' Styler writes the cells; what it lacks (a held first column that names its row, a box that scrolls and that the
keyboard reaches) is added. Without HTML the same table is plain text.
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import pandas as pd
from bs4 import BeautifulSoup
from markupsafe import Markup, escape

from .templates import render

MISSING = "–"
DIGITS = 3
SHORT_NAME = 18
"""Letters of a row's name that stay on one line."""
_SCIENTIFIC = (1e-3, 1e7)  # outside, a number is written with a power of ten


@dataclass(frozen=True)
class Badge:
    """How a verdict is shown; `kind` is good, bad, open or plain, and chooses colour and sign."""

    text: str
    kind: str = "plain"

    SIGNS = {"good": "✓ ", "bad": "✗ ", "open": "? ", "plain": ""}  # noqa: RUF012

    def __str__(self) -> str:
        return self.SIGNS[self.kind] + self.text


@dataclass(frozen=True)
class Table:
    """A table ready to be displayed."""

    caption: str
    html: str
    text: str

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/html": self.html, "text/plain": self.text}


def number_cell(value: float, digits: int = DIGITS) -> str:
    """A number with so many significant digits; thousands apart, powers of ten in one way, ∞ and what is missing."""
    if math.isnan(value):
        return MISSING
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    size = abs(float(f"{value:.{digits - 1}e}"))  # as it will be shown
    if size == 0:
        return "0"
    least, most = _SCIENTIFIC
    if not least <= size < most:
        mantissa, _, exponent = f"{value:.{digits - 1}e}".partition("e")
        return f"{mantissa}e{int(exponent)}".replace("-", "−")
    decimals = max(0, digits - 1 - math.floor(math.log10(size)))
    return _spaced(f"{value:.{decimals}f}")


def _spaced(text: str) -> str:
    """Groups of three digits before the point, from five digits on; a minus sign that is one."""
    whole, point, rest = text.partition(".")
    if len(whole.lstrip("-")) > 4:
        whole = f"{int(whole):,}".replace(",", "\u202f")
    return f"{whole}{point}{rest}".replace("-", "−")


def _whole(column: pd.Series) -> bool:
    """Whether all numbers of a column are whole and small enough to be counts."""
    values = [float(v) for v in column if isinstance(v, numbers.Real) and not isinstance(v, bool)]
    return all(v.is_integer() and abs(v) < 1e7 for v in values if math.isfinite(v))


def _cell(value: Any, whole: bool, digits: int, badges: Mapping[str, Badge]) -> str | Badge:
    if value is None or value is pd.NaT or value is pd.NA:
        return MISSING
    if isinstance(value, bool) or type(value).__name__ == "bool":
        return "yes" if value else "no"
    if isinstance(value, numbers.Real):
        if whole and math.isfinite(value):
            return _spaced(str(round(float(value))))
        return number_cell(float(value), digits)
    if isinstance(value, tuple):
        return ", ".join(str(_cell(v, whole, digits, badges)) for v in value)
    return badges.get(value, str(value)) if isinstance(value, str) else str(value)


def _html_cell(text: str | Badge) -> str:
    kind = text.kind if isinstance(text, Badge) else ""
    mantissa, _, exponent = str(text).partition("e")
    number = exponent.lstrip("−").isdigit() and mantissa.lstrip("−").replace(".", "").isdigit()
    exponent = exponent if number else ""
    missing = text == MISSING
    return render("cell.html", kind=kind, text=str(text), mantissa=mantissa, exponent=exponent, missing=missing)


def _header(label: Any, above: Any, headers: Mapping[str, str], badges: Mapping[str, Badge]) -> str:
    """The header of a column; a label that is a value is named after what it is a value of."""
    if isinstance(label, tuple):
        return ", ".join(_header(part, None, headers, badges) for part in label if part != "")
    if isinstance(label, str):
        return headers.get(label) or (badges[label].text if label in badges else label)
    shown = f"{label:.6g}" if isinstance(label, float) else str(label)
    return f"{headers.get(above, above)} {shown}" if above else str(shown)


def _semantics(written: str, caption: str, aligned: list[str]) -> str:
    """Scopes for headers, a class for columns of numbers, and the scrolling box."""
    soup = BeautifulSoup(written, "html.parser")
    table: Any = soup.find("table")
    table.attrs = {}
    for row in table.find_all("tr"):
        for place, cell in enumerate(row.find_all(["th", "td"])):
            heading = cell.name == "th"
            if place == 0 and not heading:
                cell.name = "th"
            cell.attrs = {"class": aligned[place]}
            if place == 0 or heading:
                cell["scope"] = "col" if heading else "row"
            if place == 0 and not heading and cell.string and len(cell.string) <= SHORT_NAME:
                cell.string = cell.string.replace(" ", "\u00a0")
    return render("table.html", caption=caption, table=Markup(table))


def table(
    frame: pd.DataFrame,
    caption: str,
    *,
    headers: Mapping[str, str] | None = None,
    digits: Mapping[str, int] | None = None,
    badges: Mapping[str, Badge] | None = None,
) -> Table:
    """A data frame as a table for readers; its index, unless it only counts, becomes the first columns.

    `headers`: column → its name in words, with the unit. `digits`: column → significant digits, where DIGITS are not
    enough to tell values apart. `badges`: text of a cell → how it is shown. ValueError for a header with an underscore
    and for a missing caption: name the column, say what the table shows.
    """
    headers, digits, badges = headers or {}, digits or {}, badges or {}
    if not caption.strip():
        raise ValueError("a table needs a caption: say in a sentence what it shows")
    above = frame.columns.name
    counted = isinstance(frame.index, pd.RangeIndex) and frame.index.name is None
    flat = frame if counted else frame.rename_axis(columns=None).reset_index()
    names = [_header(label, above, headers, badges) for label in flat.columns]
    bad = [name for name in names if "_" in name]
    if bad:
        raise ValueError(f"table {caption!r}: the headers {bad} are names of variables: say them in words in `headers`")
    cells: dict[int, list[str | Badge]] = {}
    aligned = []
    for place, label in enumerate(flat.columns):
        column = flat.iloc[:, place]
        whole = _whole(column)
        cells[place] = [_cell(value, whole, digits.get(label, DIGITS), badges) for value in column]
        numeric = all(isinstance(v, numbers.Real) for v in column if v is not None) and column.dtype != bool
        aligned.append("number" if numeric else "text")
    shown = pd.DataFrame({place: pd.Series(column, dtype=object) for place, column in cells.items()})
    plain = shown.map(str).set_axis(names, axis="columns")
    styler = shown.set_axis([escape(name) for name in names], axis="columns").style
    styler = styler.hide(axis="index").format(cast(Any, _html_cell)).set_caption(escape(caption))
    written = styler.to_html(cell_ids=False, uuid="", table_uuid="")
    return Table(caption, _semantics(written, caption, aligned), f"{caption}\n{plain.to_string(index=False)}")
