"""A notebook cut into pieces: code cells as they are, text at every directive of the outermost level."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from nbformat import NotebookNode

_FENCE = re.compile(r"^(`{3,}|~{3,}|:{3,})(?:\{([\w:-]+)\} *(.*))?")
_HEADING = re.compile(r"^#{1,6} ")


@dataclass(frozen=True)
class Piece:
    """A cell, or a part of one. `kind`: the directive's name, or the tag of a code cell, or text, heading, code.

    `argument` and `body` are the directive's; `line` is its place in the file, from 1.
    """

    kind: str
    cell: Any
    line: int
    argument: str = ""
    body: str = ""

    @property
    def options(self) -> dict[str, str]:
        """The directive's options, `:name: value`."""
        return dict(re.findall(r"^:([\w-]+): *(.*)$", self.body, re.MULTILINE))


def _markdown(text: str, line: int, id: str) -> Iterable[Piece]:
    lines, index, plain, start = text.split("\n"), 0, [], 0
    made: list[tuple[str, list[str], int, str]] = []

    def flush() -> None:
        if any(entry.strip() for entry in plain):
            made.append(("text", list(plain), start, ""))
        plain.clear()

    while index < len(lines):
        fence = _FENCE.match(lines[index])
        if fence is None and not _HEADING.match(lines[index]):
            start = index if not plain else start
            plain.append(lines[index])
            index += 1
            continue
        if fence is None:
            flush()
            made.append(("heading", [lines[index]], index, ""))
            index += 1
            continue
        close = re.compile(rf"^{re.escape(fence[1][0])}{{{len(fence[1])},}} *$")
        end = next((i for i in range(index + 1, len(lines)) if close.match(lines[i])), len(lines) - 1)
        if fence[2]:
            flush()
            made.append((fence[2], lines[index : end + 1], index, fence[3].strip()))
        else:
            start = index if not plain else start
            plain += lines[index : end + 1]
        index = end + 1
    flush()
    for number, (kind, part, offset, argument) in enumerate(made):
        text, name = "\n".join(part).strip("\n"), id if len(made) == 1 else f"{id}-{number}"
        # nbformat's own way to make a cell would check each against its schema: a third of an unchanged build
        cell = NotebookNode(cell_type="markdown", id=name, metadata=NotebookNode(), source=text)
        body = "\n".join(part[1:-1]) if kind not in ("text", "heading") else ""
        yield Piece(kind, cell, line + offset + 2, argument, body)  # a cell's text begins after an empty line


def pieces(notebook: Any, tags: Iterable[str]) -> list[Piece]:
    """The pieces of a notebook in order; a code cell with one of `tags` is of that kind."""
    lines = notebook.metadata.get("source_map") or [0] * len(notebook.cells)
    found: list[Piece] = []
    for line, cell in zip(lines, notebook.cells, strict=True):
        if cell.cell_type == "markdown":
            found += _markdown(cell.source, line, cell["id"])
        else:
            own = [tag for tag in tags if tag in cell.metadata.get("tags", [])]
            found.append(Piece(own[0] if own else "code", cell, line + 1))
    return found
