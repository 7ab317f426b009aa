"""Problems: exercises with a level, a goal, hints, a check, a worked solution and a note on marking.

On a page a problem is the directives and cells that follow an `exercise-start` with a `problem` block, in this order:
statement and stub, hint, `exercise-end`, solution, check, question, marking. Stub and check belong to problems that ask
for code. What is missing is a BookError with its line.
"""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import yaml
from nbformat.v4 import new_code_cell

from .pieces import Piece, pieces
from .project import BookError
from .sources import yaml_of

LEVELS = ("check", "derive", "explore")
TAGS = ("stub", "check", "ask")
FIELDS = {"level": str, "goal": str, "minutes": int, "points": int}
CONTROL = "control"
"""Tag of a cell that the runner inserts: on the stub, the check must fail."""


@dataclass(frozen=True)
class CourseProblem:
    """One problem of a page, its parts in the order of the file. `goal` begins with a verb."""

    label: str
    title: str
    level: str
    goal: str
    minutes: int
    points: int
    line: int
    parts: tuple[Piece, ...]

    def of(self, *kinds: str) -> list[Piece]:
        return [part for part in self.parts if part.kind in kinds]

    @property
    def code(self) -> bool:
        """Whether it asks to write code."""
        return bool(self.of("stub"))

    @property
    def solution(self) -> list[Piece]:
        """Everything from `solution-start` to `solution-end`."""
        return solution_of(self.parts)


def solution_of(parts: Sequence[Piece]) -> list[Piece]:
    """The pieces of solutions, gated ones with all that stands between their two ends."""
    found, inside = [], False
    for part in parts:
        inside = inside or part.kind == "solution-start"
        if inside or part.kind == "solution":
            found.append(part)
        inside = inside and part.kind != "solution-end"
    return found


def read_block(text: str) -> dict[str, Any]:
    """The entries of a `problem` block; ValueError for one that is missing, unknown or of the wrong kind."""
    entries = yaml_of(text)
    if not isinstance(entries, dict) or set(entries) != set(FIELDS):
        raise ValueError(f"a problem block has exactly the entries {', '.join(FIELDS)}")
    for name, kind in FIELDS.items():
        if type(entries[name]) is not kind or not entries[name]:
            raise ValueError(f"{name}: {entries[name]!r} is no {'positive number' if kind is int else 'text'}")
    if entries["level"] not in LEVELS:
        raise ValueError(f"level: {entries['level']!r} is none of {', '.join(LEVELS)}")
    return entries


def headline(text: str) -> str:
    """What a reader sees of a problem block, as Markdown."""
    entries = read_block(text)
    points = f"{entries['points']} point{'s' if entries['points'] > 1 else ''}"
    return f"**{entries['level'].capitalize()}** · {entries['minutes']} minutes · {points} · {entries['goal']}"


def problems_of(notebook: Any, name: str) -> tuple[CourseProblem, ...]:
    """The problems of a page called `name`, every part in its place; else BookError names file and line."""
    found: list[CourseProblem] = []
    for group in _groups(pieces(notebook, TAGS)):
        block = next((part for part in group if part.kind == "problem"), None)
        if block is None:
            continue
        start = group[0]
        try:
            problem = CourseProblem(
                label=start.options.get("label", ""),
                title=start.argument,
                line=start.line,
                parts=tuple(group),
                **read_block(block.body),
            )
        except (ValueError, yaml.YAMLError) as error:
            raise BookError(f"{name}, line {block.line}: {error}") from None
        for fault in _faults(problem):
            raise BookError(f"{name}, line {problem.line}: {problem.label or problem.title}: {fault}")
        found.append(problem)
    return tuple(found)


def _groups(parts: Sequence[Piece]) -> Iterator[list[Piece]]:
    """Each exercise with what follows it, up to the next one or a heading."""
    group: list[Piece] = []
    for part in parts:
        if part.kind in ("exercise-start", "exercise", "heading"):
            if group:
                yield group
            group = []
        if group or part.kind in ("exercise-start", "exercise"):
            group.append(part)
    if group:
        yield group


def _defined(cells: Sequence[Piece]) -> set[str]:
    """The names of functions and classes that cells define."""
    trees = [ast.parse(part.cell.source) for part in cells]
    return {n.name for tree in trees for n in tree.body if isinstance(n, ast.FunctionDef | ast.ClassDef)}


def _faults(problem: CourseProblem) -> Iterator[str]:
    if not problem.label:
        yield "the exercise needs a label"
    if problem.goal[:1].islower() or not problem.goal.endswith("."):
        yield "the goal is a sentence: what the student can do afterwards, beginning with a verb"
    marking = [part for part in problem.of("admonition") if part.options.get("class") == "marking"]
    wanted = {
        "a hint ({hint}, :class: dropdown)": problem.of("hint"),
        "a solution (solution-start … solution-end)": problem.solution,
        "an `exercise-end`": problem.of("exercise-end", "exercise"),
        "a question (a cell tagged ask)": problem.of("ask"),
        "a note on marking ({admonition} Marking, :class: marking)": marking,
    }
    for what, parts in wanted.items():
        if not parts:
            yield f"it lacks {what}"
    if problem.solution and problem.solution[0].argument != problem.label:
        yield f"its solution names {problem.solution[0].argument}"
    if not [part for part in problem.solution if part.kind == "code"]:
        yield "its solution has no cell that runs"
    yield from _code_faults(problem)


def _code_faults(problem: CourseProblem) -> Iterator[str]:
    stubs, checks = problem.of("stub"), problem.of("check")
    if bool(stubs) != bool(checks):
        yield "a stub goes with a check, and a check with a stub"
    if not stubs or not checks:
        return
    order = [part.kind for part in problem.parts if part.kind in ("stub", "solution-start", "check", "ask")]
    if order != sorted(order, key=("stub", "solution-start", "check", "ask").index):
        yield "the order is stub, solution, check, question"
    for part in checks:
        asserts = [n for n in ast.walk(ast.parse(part.cell.source)) if isinstance(n, ast.Assert)]
        if not asserts or not all(node.msg for node in asserts):
            yield "a check asserts, and each assertion says what to look for where it fails"
    solved = [part for part in problem.solution if part.kind == "code"]
    if not _defined(stubs) or _defined(stubs) - _defined(solved):
        yield "the stub defines a function, and the solution defines it anew"
    for node in (n for part in solved for n in ast.walk(ast.parse(part.cell.source))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "book":
            yield "a solution that asks a chapter's code is no solution: write it out"


def _must_fail(label: str, check: str) -> str:
    """Code that runs a check and is content only if one of its assertions fails."""
    passes = f"{label}: the stub passes its check"
    breaks = f"{label}: on the stub, the check must fail at an assertion, not by "
    body = ast.unparse(ast.parse(check))
    return (
        f"try:\n{textwrap.indent(body, '    ')}\n"
        "except AssertionError:\n    pass\n"
        f"except Exception as error:\n    raise RuntimeError({breaks!r} + repr(error)) from error\n"
        f"else:\n    raise RuntimeError({passes!r})"
    )


def controlled(notebook: Any, name: str) -> Any:
    """The notebook with a cell after every stub that demands that the check fails there."""
    controls = {}
    for problem in problems_of(notebook, name):
        if problem.code:
            check = "\n".join(part.cell.source for part in problem.of("check"))
            controls[problem.of("stub")[-1].cell["id"]] = problem.label, check
    if not controls:
        return notebook
    cells, lines = [], []
    for cell, line in zip(notebook.cells, notebook.metadata.source_map, strict=True):
        cells.append(cell)
        lines.append(line)
        if cell["id"] in controls:
            tags = {"tags": ["remove-cell", CONTROL]}
            cells.append(new_code_cell(_must_fail(*controls[cell["id"]]), id=f"control-{cell['id']}", metadata=tags))
            lines.append(line)
    notebook["cells"], notebook.metadata["source_map"] = cells, lines
    return notebook
