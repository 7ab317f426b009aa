"""What of the solutions a folder gives away: archives and PDFs are read too, and the search index by its stems."""

from __future__ import annotations

import html
import io
import json
import re
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unicodedata import normalize

import nbformat
import snowballstemmer

from .cache import Record
from .chapters import Book
from .pieces import pieces
from .problems import TAGS, solution_of
from .project import Project

RUN = 7
"""Words in a row that tell a solution: shorter runs stand elsewhere by chance."""

LONG = 6
"""Letters of a word that tells a solution when it stands in the search index and nowhere else in the sources."""

_WORD = re.compile(r"[^\W\d_]{2,}")
_TAG = re.compile(r"<[^>]*>")
_NOT_TEXT = (".png", ".svg", ".woff", ".woff2", ".ttf", ".ico", ".gif", ".jpg", ".inv", ".whl", ".css")


@dataclass(frozen=True)
class Secrets:
    """What stands in solutions alone: runs of words by the page that they are from, and stems of long words."""

    runs: dict[tuple[str, ...], str]
    stems: frozenset[str]


def _words(text: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(text)]


def _runs(words: list[str]) -> Iterable[tuple[str, ...]]:
    return zip(*(words[i:] for i in range(RUN)), strict=False)


def secrets_of(project: Project, book: Book, records: Mapping[str, Record]) -> Secrets:
    """The words of all solutions of a book, less what its other text, its modules and its other outputs say too."""
    hidden: list[tuple[str, list[str]]] = []
    modules = [file for name in ("src", "book") for file in (project.root / name).rglob("*.py")]
    files = [*(path for _, path in book.pages), *modules]
    told: list[list[str]] = [_words(file.read_text(encoding="utf-8")) for file in files]
    for chapter in book.chapters:
        parts = pieces(nbformat.read(records[chapter.name].notebook, as_version=4), TAGS)
        solutions = solution_of(parts)
        kept = {id(part) for part in solutions}
        bare = [part.cell.source for part in solutions if not part.kind.startswith("solution-")]
        hidden += [(chapter.name, _words(text)) for text in bare]
        told += [_words(part.cell.source) for part in parts if id(part) not in kept]
        told += [_words(text) for part in parts if id(part) not in kept for text in _outputs(part.cell)]
    open_runs = {run for words in told for run in _runs(words)}
    runs = {run: name for name, words in hidden for run in _runs(words) if run not in open_runs}
    stem = snowballstemmer.stemmer("english").stemWord
    open_stems = {stem(word) for words in told for word in words}
    stems = {stem(word) for _, words in hidden for word in words if len(word) >= LONG} - open_stems
    return Secrets(runs, frozenset(stems))


def _outputs(cell: Any) -> Iterator[str]:
    """What a reader sees below a cell, without drawings."""
    for output in cell.get("outputs", ()):
        yield "".join(output.get("text", ""))
        shown = output.get("data", {})
        yield _plain("".join(shown.get("text/html", "")))
        yield "".join(shown.get("text/plain", ""))
        yield json.dumps(output.get("metadata", {}))


def _plain(page: str) -> str:
    """The text of a page, without its tags."""
    return html.unescape(_TAG.sub("", page))


def _printed(data: bytes) -> str:
    """The text of a PDF, ligatures as letters."""
    from pypdf import PdfReader

    return normalize("NFKC", "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(data)).pages))


def _texts(name: str, data: bytes) -> Iterator[tuple[str, str]]:
    """(place, text) of everything that a file holds."""
    suffix = Path(name).suffix.lower()
    if suffix == ".pdf":
        yield name, _printed(data)
    elif suffix in (".zip", ".pptx"):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for member in archive.namelist():
                yield from _texts(f"{name}/{member}", archive.read(member))
    elif suffix == ".ipynb":
        cells = json.loads(data)["cells"]
        yield name, "\n".join("".join(cell["source"]) for cell in cells)
        yield f"{name}, outputs", json.dumps([cell.get("outputs") for cell in cells])
    elif suffix in (".html", ".xml"):
        yield name, _plain(data.decode(errors="replace"))
    elif suffix not in _NOT_TEXT:
        yield name, data.decode(errors="replace")


def leaks(secrets: Secrets, folder: Path) -> list[str]:
    """Where the folder's files say what solutions alone say; empty when they do not."""
    found = []
    for path in sorted(file for file in folder.rglob("*") if file.is_file()):
        name = path.relative_to(folder).as_posix()
        for place, text in _texts(name, path.read_bytes()):
            words = _words(text)
            run = next((run for run in _runs(words) if run in secrets.runs), None)
            if run is not None:
                found.append(f"{place}: says “{' '.join(run)}”, as a solution of {secrets.runs[run]} does")
            if path.name == "searchindex.js":
                known = sorted(secrets.stems.intersection(words))
                found += [f"{place}: finds “{stem}”, a word of solutions alone" for stem in known]
    return found
