"""When an executed notebook counts as run: every condition, each failure named with its cell."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from .chapters import Chapter
from .claims import METADATA, Claim

_TRACEBACK = "Traceback (most recent call last)"
_ANSI = re.compile(r"\x1b\[[0-9;]*m")


def locate(chapter: Chapter, notebook: Any, index: int) -> str:
    """Cell `index` of the notebook for a message: its number among the code cells, its line, its first line."""
    code = [i for i, cell in enumerate(notebook.cells) if cell.cell_type == "code"]
    source = notebook.cells[index].source.strip()
    first = source.splitlines()[0] if source else ""
    line = (notebook.metadata.get("source_map") or {index: 0})[index] + 1
    number = f"cell {code.index(index) + 1} of {len(code)}" if index in code else f"text cell {index}"
    return f"{chapter.name}, {number} ({chapter.path.name}, line {line}): `{first}`"


def outputs(notebook: Any) -> Iterator[tuple[int, Any]]:
    """Every output with the index of its cell."""
    for index, cell in enumerate(notebook.cells):
        if cell.cell_type == "code":
            for output in cell.outputs:
                yield index, output


def _entries(notebook: Any, kind: str) -> list[tuple[int, Any]]:
    found = ((i, o.get("metadata", {}).get(METADATA, {})) for i, o in outputs(notebook))
    return [(i, entry[kind]) for i, entry in found if kind in entry]


def claims_in(notebook: Any) -> list[tuple[int, Claim]]:
    """(cell, claim) of every claim that the notebook displays."""
    return [(i, Claim.from_record(record)) for i, record in _entries(notebook, "claim")]


def figures_in(notebook: Any) -> list[tuple[int, str]]:
    """(cell, name) of every figure that the notebook shows."""
    return _entries(notebook, "figure")


def _cells(chapter: Chapter, notebook: Any) -> Iterator[str]:
    for index, cell in enumerate(notebook.cells):
        if cell.cell_type != "code" or not cell.source.strip():
            continue
        at = locate(chapter, notebook, index)
        errors = [o for o in cell.outputs if o.output_type == "error"]
        for output in errors:
            yield f"{at}: ended with {output.ename}: {_ANSI.sub('', output.evalue)}"
        if cell.execution_count is None and not errors:
            yield f"{at}: did not run"
        for output in cell.outputs:
            if output.output_type != "stream" or output.name != "stderr":
                continue
            text = _ANSI.sub("", output.text)
            if _TRACEBACK in text:
                yield f"{at}: printed a traceback: {text.strip().splitlines()[-1]}"
            elif "remove-stderr" not in cell.metadata.get("tags", []):
                yield (
                    f"{at}: printed to stderr, which readers would see: `{text.strip().splitlines()[-1]}` "
                    "(mend the cause, or tag the cell remove-stderr)"
                )


def _compare(kind: str, where: str, declared: tuple[str, ...], seen: list[str]) -> Iterator[str]:
    for name in declared:
        if name not in seen:
            yield f"{where}: the {kind} {name} did not appear"
    for name in dict.fromkeys(seen):
        if name not in declared:
            yield f"{where}: the {kind} {name} appeared but no cell names it"
        if seen.count(name) > 1:
            yield f"{where}: the {kind} {name} appeared {seen.count(name)} times"


def _figures(chapter: Chapter, notebook: Any) -> Iterator[str]:
    for index, name in figures_in(notebook):
        meta = notebook.cells[index].metadata.get("mystnb", {})
        figure, image = meta.get("figure", {}), meta.get("image", {})
        at = locate(chapter, notebook, index)
        if figure.get("name") != name:
            yield f"{at}: shows {name}, but mystnb: figure: name is {figure.get('name')!r}"
        if not str(figure.get("caption", "")).strip():
            yield f"{at}: {name} has no caption (mystnb: figure: caption)"
        if not str(image.get("alt", "")).strip():
            yield f"{at}: {name} has no alternative text (mystnb: image: alt)"
    for index, output in outputs(notebook):
        images = [m for m in output.get("data", {}) if m.startswith("image/")]
        if images and "figure" not in output.get("metadata", {}).get(METADATA, {}):
            yield f"{locate(chapter, notebook, index)}: displays an image by other means than show(figure, name)"


def problems(chapter: Chapter, notebook: Any) -> tuple[str, ...]:
    """Everything that keeps this executed notebook from counting as run; empty when it counts."""
    found = list(_cells(chapter, notebook))
    claims = claims_in(notebook)
    found += [f"{locate(chapter, notebook, i)}: claim {c.id} does not hold: {c}" for i, c in claims if not c.holds]
    if not found:
        found += _compare("claim", chapter.name, chapter.claims, [c.id for _, c in claims])
        found += _compare("figure", chapter.name, chapter.figures, [name for _, name in figures_in(notebook)])
        found += _figures(chapter, notebook)
    return tuple(found)
