"""Chapters: MyST Markdown notebooks, read into values; and the book as `_toc.yml` lists it."""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from .evidence import AllEvidence, read_evidence
from .parameters import Parameter, closest, parameters_of, substitute
from .problems import CourseProblem, controlled, problems_of
from .project import BookError, Project
from .sources import mapping_of, text_of
from .statements import Statements, read_statements

FRONT_MATTER = re.compile(r"\A---\n(.*?)\n---[ \t]*\n", re.DOTALL)
KEYS = ("minutes", "limit_minutes", "collects_claims")


def page_of(docname: str) -> str:
    """Where a page stands on the site: `book/name/name` and `book/name/name_more` leave their folder."""
    *before, folder, name = ["", *docname.split("/")]
    return "/".join([*before, name]).lstrip("/") if _belongs(name, folder) else docname


def _belongs(name: str, folder: str) -> bool:
    """Whether a page has its folder's name, perhaps with more after an underscore."""
    return name == folder or name.startswith(f"{folder}_")


@lru_cache(maxsize=64)
def _notebook(text: str, path: Path) -> Any:
    """`text` as a NotebookNode with reproducible cell ids, parsed once: nobody changes it."""
    from myst_nb.core.read import read_myst_markdown_notebook

    notebook = read_myst_markdown_notebook(text, add_source_map=True, path=path)
    for index, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{index}"
    return notebook


@dataclass(frozen=True)
class Chapter:
    """One executable page. `claims` and `figures` are those that its cells name, and each must appear."""

    name: str
    docname: str
    path: Path
    text: str
    title: str
    kernel: str
    minutes: float
    limit_minutes: float
    collects_claims: bool
    claims: tuple[str, ...]
    figures: tuple[str, ...]

    @property
    def folder(self) -> Path | None:
        """The folder that belongs to this chapter (and to the pages named after it): the one that bears its name."""
        return self.path.parent if _belongs(self.name, self.path.parent.name) else None

    def notebook(self) -> Any:
        """The chapter as a NotebookNode of the caller's own; `source_map` holds each cell's line."""
        return deepcopy(_notebook(self.text, self.path))

    def limit(self, values: dict[str, Any]) -> float:
        """Seconds that a run may take: the chapter's own limit, or a day at the full tier."""
        return 86400.0 if values.get("tier") == "full" else 60 * self.limit_minutes

    @cached_property
    def problems(self) -> tuple[CourseProblem, ...]:
        return problems_of(self.notebook(), self.path.name)

    @cached_property
    def parameters(self) -> tuple[Parameter, ...]:
        cells = [c for c in self.notebook().cells if "parameters" in c.metadata.get("tags", [])]
        if len(cells) > 1:
            raise BookError(f"{self.path.name}: {len(cells)} cells are tagged `parameters`, at most one may be")
        return parameters_of(cells[0].source) if cells else ()

    def parameterised(self, values: dict[str, Any], first: str = "") -> Any:
        """The notebook whose parameters cell shows the effective `values`: one cell, the one that runs.

        The first code cell starts with the code `first`.
        """
        notebook = self.notebook()
        for cell in notebook.cells:
            if "parameters" in cell.metadata.get("tags", []):
                cell["source"] = substitute(cell.source, values)
        if first:
            cell = next(cell for cell in notebook.cells if cell.cell_type == "code")
            cell["source"] = f"{first}\n{cell.source}"
        return controlled(notebook, self.path.name)

    def code(self) -> Iterator[tuple[int, str]]:
        """(line in the file, source) of every code cell."""
        notebook = self.notebook()
        for line, cell in zip(notebook.metadata.source_map, notebook.cells, strict=True):
            if cell.cell_type == "code":
                yield line, cell.source


@dataclass(frozen=True)
class Book:
    """The pages in reading order: executable chapters by docname, plain pages by docname."""

    docnames: tuple[str, ...]
    chapters: tuple[Chapter, ...]
    pages: tuple[tuple[str, Path], ...]
    statements: Statements
    evidence: AllEvidence

    def chapter(self, name: str) -> Chapter:
        found = {chapter.name: chapter for chapter in self.chapters}
        stem = Path(name).stem
        if stem not in found:
            raise BookError(f"unknown chapter {name}: {closest(stem, found)}")
        return found[stem]


def _docnames(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        for key in ("root", "file"):
            if key in node:
                yield node[key]
        for key in ("parts", "chapters", "sections", "subtrees", "entries"):
            yield from _docnames(node.get(key))
    elif isinstance(node, list):
        for child in node:
            yield from _docnames(child)


def _trees(path: Path, cells: Iterable[tuple[int, str]]) -> Iterator[tuple[int, str, ast.Module]]:
    """(line, source, syntax tree) of each code cell; a cell that is not plain Python is a BookError."""
    for line, source in cells:
        try:
            yield line, source, ast.parse(source)
        except SyntaxError as error:
            at = f"{path.name}, line {line + (error.lineno or 1)}"
            raise BookError(f"{at}: not plain Python ({error.msg}): `{(error.text or '').strip()}`") from None


def _named(path: Path, cells: Sequence[tuple[int, str, ast.Module]], function: str, place: int) -> tuple[str, ...]:
    """The names that calls of `claim` or `show` pass as plain strings, in order; each once, else a BookError."""
    found: list[str] = []
    for line, source, tree in cells:
        for node in ast.walk(tree) if function in source else ():
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == function):
                continue
            name = node.args[place] if len(node.args) > place else None
            at = f"{path.name}, line {line + node.lineno}"
            if not (isinstance(name, ast.Constant) and isinstance(name.value, str)):
                raise BookError(f"{at}: {function} must be given its name as a plain string")
            if name.value in found:
                raise BookError(f"{at}: {function} names {name.value} a second time: names must differ")
            found.append(name.value)
    return tuple(found)


def _minutes(path: Path, meta: dict[str, Any], key: str, default: float) -> float:
    value = meta.get(key, default)
    if not isinstance(value, int | float) or not 0 < value < math.inf:
        raise BookError(f"{path.name}: claimbook: {key}: {value!r}: write a positive number of minutes")
    return float(value)


def read_chapter(path: Path, docname: str) -> Chapter | None:
    """The chapter in `path`, or None when the page is plain Markdown."""
    from myst_nb.core.read import is_myst_markdown_notebook

    text = text_of(path)
    match = FRONT_MATTER.match(text)
    front = mapping_of(match.group(1), path.name) if match else {}
    title = re.search(r"^# (.+)$", text[match.end() if match else 0 :], re.MULTILINE)
    if title is None:
        raise BookError(f"{path.name}: the page has no title: write it as `# Title` below the front matter")
    if not is_myst_markdown_notebook(text):
        if re.search(r"^`{3,}\{code-cell\}", text, re.MULTILINE):
            raise BookError(f"{path.name}: has code cells, but its front matter is not a MyST notebook's (jupytext)")
        return None
    meta = front.get("claimbook") or {}
    for key in meta:
        if key not in KEYS:
            raise BookError(f"{path.name}: unknown key claimbook: {key}: {closest(key, KEYS)}")
    if "kernelspec" not in front:
        raise BookError(f"{path.name}: the front matter names no kernelspec (name: python3)")
    minutes = _minutes(path, meta, "minutes", 1)
    chapter = Chapter(
        name=path.stem,
        docname=docname,
        path=path,
        text=text,
        title=title.group(1).strip(),
        kernel=str(front["kernelspec"].get("name", "python3")),
        claims=(),
        figures=(),
        minutes=minutes,
        limit_minutes=_minutes(path, meta, "limit_minutes", 10 * minutes + 5),
        collects_claims=bool(meta.get("collects_claims", False)),
    )
    cells = tuple(_trees(path, chapter.code()))
    claims, figures = (_named(path, cells, name, place) for name, place in (("claim", 0), ("show", 1)))
    return replace(chapter, claims=claims, figures=figures)


def read_book(project: Project) -> Book:
    """Read `_toc.yml` and every page it names. A page that is missing or malformed is a BookError."""
    toc, _ = (mapping_of(text_of(project.root / name), name) for name in ("_toc.yml", "_config.yml"))
    docnames = tuple(dict.fromkeys(_docnames(toc)))
    if not docnames:
        raise BookError("_toc.yml names no page: name the first one with `root: book/welcome`")
    statements = read_statements(project)
    chapters, pages = [], []
    labels: set[str] = set()
    for docname in docnames:
        path = project.root / f"{docname}.md"
        if not path.is_file():
            raise BookError(f"_toc.yml names {docname}, but there is no {docname}.md")
        chapter = read_chapter(path, docname)
        for claim in chapter.claims if chapter else ():
            statements.of(claim)
        for problem in chapter.problems if chapter else ():
            if problem.label in labels:
                raise BookError(f"{path.name}, line {problem.line}: a second problem has the label {problem.label}")
            labels.add(problem.label)
        if chapter is None:
            pages.append((docname, path))
        else:
            chapters.append(chapter)
    names = [Path(docname).name for docname in docnames]
    for name in names:
        if names.count(name) > 1:
            raise BookError(f"two pages are named {name}: chapters are called by their file name")
    return Book(docnames, tuple(chapters), tuple(pages), statements, read_evidence(project))
