"""Plans of a course: what each session reads, shows and sets, with minutes; from `course.yml` into tables on pages.

A line `% plan: <name>` of a plain page becomes the table of that plan, `% goals` the goals of all problems, `% counts`
their number by chapter and level, `% totals` a sentence on all of them. Minutes to read are words by READING, minutes
to show are slides by SHOWING.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from .chapters import Book, Chapter
from .parameters import closest
from .pieces import pieces
from .problems import LEVELS, TAGS, CourseProblem, solution_of
from .project import BookError, Project
from .templates import render

READING = 110
"""Words a minute of mathematical prose that is read with pencil and paper; the text of figures counts too."""

SHOWING = 2.0
"""Minutes on a slide."""

_MARK = re.compile(r"^% (plan|goals|counts|totals)(?:: *([\w-]+))? *$", re.MULTILINE)
_KEYS = {"title", "read", "levels"}


@dataclass(frozen=True)
class Session:
    """One meeting: chapters to read before it, of which the deck is shown in it, and levels of problems after it."""

    title: str
    chapters: tuple[Chapter, ...]
    problems: tuple[CourseProblem, ...]


def reading_minutes(chapter: Chapter) -> int:
    """Minutes to read a chapter, without its solutions and its code."""
    parts = pieces(chapter.notebook(), TAGS)
    solutions = {id(part) for part in solution_of(parts)}
    texts = [p.cell.source for p in parts if p.cell.cell_type == "markdown" and id(p) not in solutions]
    figures = [str(p.cell.metadata.get("mystnb", {}).get("figure", {}).get("caption", "")) for p in parts]
    return round(sum(len(text.split()) for text in [*texts, *figures]) / READING)


def showing_minutes(chapter: Chapter) -> int:
    """Minutes to show a chapter's deck: definitions, theorems, figures, and four slides more."""
    kinds = [part.kind for part in pieces(chapter.notebook(), TAGS)]
    statements = sum(kind.startswith("prf:") and kind != "prf:proof" for kind in kinds)
    return round(SHOWING * (statements + len(chapter.figures) + 4))


def read_plans(project: Project, book: Book) -> dict[str, tuple[Session, ...]]:
    """The plans of `course.yml` in the book's folder, by name; none without the file. BookError for what is unknown."""
    file = project.root / "book" / "course.yml"
    if not file.is_file():
        return {}
    entries = yaml.safe_load(file.read_text(encoding="utf-8"))
    return {name: tuple(_session(session, name, book) for session in plan) for name, plan in entries.items()}


def _session(entry: dict[str, Any], plan: str, book: Book) -> Session:
    if not isinstance(entry, dict) or set(entry) != _KEYS:
        raise BookError(f"course.yml, {plan}: a session has exactly the entries {', '.join(sorted(_KEYS))}")
    for level in entry["levels"]:
        if level not in LEVELS:
            raise BookError(f"course.yml, {plan}: unknown level {level}: {closest(level, LEVELS)}")
    chapters = tuple(book.chapter(name) for name in entry["read"])
    problems = [p for chapter in chapters for p in problems_to(book, chapter) if p.level in entry["levels"]]
    return Session(entry["title"], chapters, tuple(problems))


def problems_to(book: Book, chapter: Chapter) -> tuple[CourseProblem, ...]:
    """The problems of the pages that belong to a chapter."""
    pages = [page for page in book.chapters if page.folder is not None and page.folder == chapter.folder]
    return tuple(problem for page in pages for problem in page.problems)


def _from_book(docname: str) -> str:
    """A page's address for a page in the book's folder."""
    return docname.removeprefix("book/")


def _named(problem: CourseProblem) -> str:
    """A reference to a problem by its title, formulas as plain text."""
    return f"{{ref}}`{problem.title.replace('$', '')} <{problem.label}>`"


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    head = list(head)
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def plan_table(sessions: Iterable[Session]) -> str:
    """A plan as Markdown for a page in the book's folder; each session with its minutes before, in, and after it."""
    rows = []
    for number, session in enumerate(sessions, 1):
        read = ", ".join(f"[{c.title}]({_from_book(c.docname)}.md), {reading_minutes(c)} min" for c in session.chapters)
        decks = ", ".join(
            render("link.html", to=f"../decks/{c.name}.html", text=c.title) + f", {showing_minutes(c)} min"
            for c in session.chapters
        )
        problems = ", ".join(f"{_named(p)}, {p.minutes} min" for p in session.problems) or "–"
        figures = ", ".join(f"{{numref}}`{name}`" for c in session.chapters for name in c.figures)
        parts = (
            sum(map(reading_minutes, session.chapters)),
            sum(map(showing_minutes, session.chapters)),
            sum(p.minutes for p in session.problems),
        )
        title = f"{number}. {session.title}: {' + '.join(map(str, parts))} min"
        rows.append((title, read, decks, problems, figures))
    return _table(("Session", "Read before", "Slides", "Problems after", "Figures to reproduce"), rows)


def goals_table(book: Book) -> str:
    """What a student can do after each chapter: the goals of its problems."""
    rows = [
        (f"[{chapter.title}]({_from_book(chapter.docname)}.md)", _named(p), p.level, p.goal)
        for chapter in book.chapters
        if chapter.folder is not None and chapter.name == chapter.folder.name
        for p in problems_to(book, chapter)
    ]
    return _table(("Chapter", "Problem", "Level", "You can then"), rows)


def counts_table(book: Book) -> str:
    """Problems by chapter and level, and how many ask for code."""
    rows = []
    for chapter in book.chapters:
        problems = problems_to(book, chapter)
        if problems and chapter.folder is not None and chapter.name == chapter.folder.name:
            levels = [str(sum(p.level == level for p in problems)) for level in LEVELS]
            code, minutes = sum(p.code for p in problems), sum(p.minutes for p in problems)
            rows.append((f"[{chapter.title}]({_from_book(chapter.docname)}.md)", *levels, str(code), str(minutes)))
    return _table(("Chapter", *LEVELS, "with code", "minutes"), rows)


def totals(book: Book) -> str:
    """How many problems there are."""
    every = [problem for chapter in book.chapters for problem in chapter.problems]
    pages = sum(bool(chapter.problems) for chapter in book.chapters)
    return f"**{len(every)} problems** to {pages} chapters, {sum(p.code for p in every)} of them with code to write."


def with_plans(text: str, project: Project, book: Book, path: Path) -> str:
    """The text of a plain page with its marks replaced by tables; BookError for a plan that is not in course.yml."""
    if not _MARK.search(text):
        return text
    plans = read_plans(project, book)
    made: dict[str, Callable[[str], str]] = {
        "plan": lambda name: plan_table(plans[name]),
        "goals": lambda _: goals_table(book),
        "counts": lambda _: counts_table(book),
        "totals": lambda _: totals(book),
    }

    def replaced(match: re.Match[str]) -> str:
        if match[1] == "plan" and match[2] not in plans:
            raise BookError(f"{path.name}: unknown plan {match[2]}: {closest(match[2] or '', plans)}")
        return made[match[1]](match[2])

    return _MARK.sub(replaced, text)
