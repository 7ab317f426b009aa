"""Pages of problems as assignments of nbgrader: solutions between its marks, checks and answers as graded tests.

`nbgrader generate_assignment` makes the students' version of them, `nbgrader autograde` marks what comes back: answers
and code, not the points of written solutions, which it leaves to who marks. Tried with nbgrader 0.9.6.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from .claims import METADATA
from .editions import is_marking
from .pieces import Piece, pieces
from .plain import Resolved, plain_markdown
from .problems import TAGS, CourseProblem, problems_of
from .questions import LETTERS

CONFIG = """c = get_config()
c.CourseDirectory.course_id = "global-optimality"
c.ClearSolutions.code_stub = {"python": "# your code above"}
"""
"""nbgrader_config.py: what replaces a solution below its stub must run."""


def _marked(cell: Any, id: str, *, solution: bool = False, points: int | None = None) -> Any:
    """A cell with nbgrader's metadata: locked unless it is for the student's work, graded where it has points."""
    entries = {"schema_version": 3, "grade_id": id, "solution": solution, "locked": not solution, "task": False}
    entries |= {"cell_type": cell.cell_type, "grade": points is not None}
    cell.metadata["nbgrader"] = entries | ({} if points is None else {"points": points})
    cell["id"] = id
    return cell


def _question(part: Piece) -> dict[str, Any]:
    """What a question's output holds."""
    for output in part.cell.outputs:
        if "question" in output.get("metadata", {}).get(METADATA, {}):
            return output["metadata"][METADATA]["question"]
    raise ValueError("the question was not executed")


def _asked(problem: CourseProblem, part: Piece, points: int) -> Iterator[Any]:
    """Its text, the answer and the graded test."""
    question = _question(part)
    key = json.loads(base64.b64decode(question["key"]))
    right = repr(LETTERS[key["answer"]]) if question["choices"] else repr(key["answer"])
    choices = "".join(f"\n\n{LETTERS[i]}. {text}" for i, text in enumerate(question["choices"]))
    yield _marked(new_markdown_cell(f"**Question.** {question['text']}{choices}"), f"{problem.label}-question")
    source = f"answer = None\n### BEGIN SOLUTION\nanswer = {right}\n### END SOLUTION"
    yield _marked(new_code_cell(source), f"{problem.label}-answer", solution=True)
    source = (
        f"from claimbook import judge\n\njudged = judge({question['key']!r}, answer)\nassert judged.right, judged.words"
    )
    yield _marked(new_code_cell(source), f"{problem.label}-judged", points=points)


def _problem(problem: CourseProblem, known: Resolved) -> Iterator[Any]:
    solution = {id(part) for part in problem.solution}
    code = "\n\n".join(part.cell.source for part in problem.solution if part.kind == "code")
    prose = "\n\n".join(plain_markdown(p.cell.source, known) for p in problem.solution if p.kind != "code")
    own = max(problem.points - 1, int(problem.code))
    stubs, checks = problem.of("stub"), problem.of("check")
    for part in problem.parts:
        if part in stubs[:1]:
            stub = "\n\n".join(piece.cell.source for piece in stubs)
            source = f"{stub}\n### BEGIN SOLUTION\n{code}\n### END SOLUTION"
            yield _marked(new_code_cell(source), f"{problem.label}-code", solution=True)
        elif part in checks[:1]:
            source = "\n\n".join(check.cell.source for check in checks)
            yield _marked(new_code_cell(source), f"{problem.label}-check", points=own)
        elif part.kind == "ask":
            if not problem.code and own:
                text = f"### BEGIN SOLUTION\n{prose.strip()}\n### END SOLUTION"
                yield _marked(new_markdown_cell(text), f"{problem.label}-text", solution=True, points=own)
            yield from _asked(problem, part, problem.points - own)
        elif part.cell.cell_type == "markdown" and id(part) not in solution and not is_marking(part):
            text = plain_markdown(part.cell.source, known).strip()
            if text:
                yield new_markdown_cell(text, id=part.cell["id"])


def assignment(notebook: Any, name: str, known: Resolved) -> str | None:
    """The nbgrader source of an executed page called `name` as the book's edition has it; None without problems."""
    problems = problems_of(notebook, name)
    if not problems:
        return None
    inside = {part.cell["id"] for problem in problems for part in problem.parts}
    starts = {problem.parts[0].cell["id"]: problem for problem in problems}
    cells = []
    for part in pieces(notebook, TAGS):
        if part.cell["id"] in starts:
            cells += _problem(starts[part.cell["id"]], known)
        elif part.cell["id"] not in inside:
            source = part.cell.source
            text = part.cell.cell_type == "markdown"
            make = new_markdown_cell if text else new_code_cell
            cells.append(make(plain_markdown(source, known).strip() if text else source, id=part.cell["id"]))
    return nbformat.writes(new_notebook(cells=cells, metadata=notebook.metadata)) + "\n"
