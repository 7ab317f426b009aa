"""Editions of one source: the book (solutions folded away), the students' (none) and the instructors' (with marking).

An edition changes executed notebooks on their way to the site and to the download; nothing runs again.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import Any

from nbformat.v4 import new_code_cell, new_markdown_cell

from .claims import METADATA
from .pieces import Piece, pieces
from .problems import CONTROL, TAGS, solution_of
from .questions import LETTERS

ORDER = "order"
"""Metadata of a staged cell: its place in the source, by which a downloaded notebook runs."""


class Edition(Enum):
    """Who reads: anyone, a student who hands in, or who marks."""

    BOOK = "book"
    STUDENT = "student"
    INSTRUCTOR = "instructor"


def edited(notebook: Any, edition: Edition) -> Any:
    """An executed notebook as the pages of an edition show it.

    The questions and checks of a problem come before its solution; controls go, and what the edition leaves out.
    A notebook without problems stays as it is, less its solutions for students.
    """
    parts = [part for part in pieces(notebook, (*TAGS, CONTROL)) if part.kind != CONTROL]
    solutions = {id(part) for part in solution_of(parts)}
    if not any(part.kind in TAGS for part in parts) and (edition is not Edition.STUDENT or not solutions):
        return notebook
    if edition is Edition.STUDENT:
        parts = [part for part in parts if id(part) not in solutions]
    if edition is not Edition.INSTRUCTOR:
        parts = [part for part in parts if not is_marking(part)]
    for order, part in enumerate(parts):
        part.cell.metadata[METADATA] = {ORDER: order}
        if part.kind == "check":
            part.cell.metadata["tags"] = ["hide-input", *part.cell.metadata.get("tags", [])]
            part.cell.metadata["mystnb"] = {"code_prompt_show": "Show the check", "code_prompt_hide": "Hide the check"}
        if part.kind == "ask":
            part.cell.metadata["tags"] = ["remove-input", *part.cell.metadata.get("tags", [])]
    notebook["cells"] = [parts[i].cell for i in _shown(parts, solutions)]
    return notebook


def is_marking(part: Piece) -> bool:
    """Whether this part says how an answer is marked."""
    return part.kind == "admonition" and part.options.get("class") == "marking"


def _shown(parts: list[Piece], solutions: set[int]) -> list[int]:
    """The order on the page: checks and questions move before the solution that stands before them."""
    order: list[int] = []
    place = None
    for index, part in enumerate(parts):
        if part.kind == "solution-start":
            place = len(order)
        elif part.kind in ("exercise-start", "heading"):
            place = None
        if place is not None and part.kind in ("check", "ask") and id(part) not in solutions:
            order.insert(place, index)
            place += 1
        else:
            order.append(index)
    return order


def in_source_order(cells: list[Any]) -> list[Any]:
    """The cells of a staged notebook in the order in which they run."""
    places = [cell.metadata.get(METADATA, {}).get(ORDER) for cell in cells]
    if None in places or not cells:
        return cells
    return [cell for _, cell in sorted(zip(places, cells, strict=True), key=lambda pair: pair[0])]


def asked(cell: Any) -> list[Any] | None:
    """The cells that ask a question in a notebook: its text, and a line for the answer; None if the cell asks none."""
    for output in cell.get("outputs", ()):
        question = output.get("metadata", {}).get(METADATA, {}).get("question")
        if question:
            choices = "".join(f"\n{LETTERS[i]}. {text}" for i, text in enumerate(question["choices"]))
            text = f"**Question.** {question['text']}" + (f"\n{choices}" if choices else "")
            wanted = "a letter in quotes" if choices else "a number"
            code = f"from claimbook import judge\n\nanswer = None  # {wanted}\njudge({question['key']!r}, answer)"
            return [
                new_markdown_cell(_spaced(text), id=f"{cell['id']}-text"),
                new_code_cell(code, id=f"{cell['id']}-answer"),
            ]
    return None


def _spaced(text: str) -> str:
    """Choices as paragraphs of their own: a list numbered with letters is no Markdown."""
    return re.sub(r"\n(?=[a-h]\. )", "\n\n", text)
