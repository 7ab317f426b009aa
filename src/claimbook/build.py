"""Bring every chapter's result up to date: reuse what is stored under its key, run the rest, two at a time."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat

from . import cache
from .cache import Record
from .chapters import Book, Chapter, page_of, read_book
from .child import in_parallel
from .claims import tally
from .files import scratch, write_atomic
from .key import Key, cuda_name, key_of, strays
from .parameters import CHOICES, effective
from .progress import Progress
from .project import BookError, BuildFailed, Project
from .run import Run, run_chapter
from .verify import problems


@dataclass(frozen=True)
class Options:
    """How to run: `tier` and `device` go to the chapters that have these parameters; `limit` is in seconds.

    With `stored` the commands of many runs run nothing: they tell of what is stored.
    """

    tier: str = "quick"
    device: str = "cpu"
    jobs: int = min(2, os.cpu_count() or 1)
    force: bool = False
    limit: float | None = None
    stored: bool = False

    def __post_init__(self) -> None:
        for name, choices in CHOICES.items():
            if getattr(self, name) not in choices:
                raise BookError(f"{name}={getattr(self, name)}: choose one of {', '.join(choices)}")
        if self.jobs < 1:
            raise BookError(f"jobs={self.jobs}: at least one chapter must run at a time")

    def values(self, chapter: Chapter) -> dict[str, Any]:
        """The effective parameters of a chapter in a build."""
        names = {parameter.name for parameter in chapter.parameters}
        wanted = {name: getattr(self, name) for name in CHOICES if name in names}
        try:
            return effective(chapter.parameters, wanted)
        except BookError as error:
            raise BookError(f"{chapter.path.name}: {error}") from None


@dataclass(frozen=True)
class _Task:
    chapter: Chapter
    values: dict[str, Any]
    key: Key


def _fresh(project: Project, task: _Task) -> Record | None:
    """The stored result of a task if it still counts: what is reused is validated like what is new."""
    record = cache.lookup(project, task.chapter.name, task.key)
    if record is None:
        return None
    notebook = nbformat.read(record.notebook, as_version=4)
    return None if problems(task.chapter, notebook) else record


def keep(project: Project, key: Key, run: Run, figures: Path) -> Record:
    """Store a run that counts, with its figures, under its key: what a later build finds."""
    return cache.store(
        project,
        run.chapter.name,
        key,
        notebook=run.notebook,
        figures=figures,
        shown=run.figures,
        claims=run.claims,
        parameters=run.parameters,
        seconds=run.seconds,
    )


def _run(project: Project, task: _Task, options: Options, collected: Path | None, progress: Progress) -> Record | tuple:
    with scratch(project.work, f"{task.chapter.name}-figures") as figures:
        run = run_chapter(
            project,
            task.chapter,
            task.values,
            figures,
            jobs=options.jobs,
            limit=options.limit,
            collected=collected,
            progress=progress,
        )
        if run.problems:
            progress.end(task.chapter.name, f"FAILED after {run.seconds:.1f} s")
            return run.problems
        progress.end(task.chapter.name, f"{tally(len(run.claims))}, {run.seconds:.1f} s")
        return keep(project, task.key, run, figures)


def _bring_up(
    project: Project, tasks: list[_Task], options: Options, collected: Path | None, progress: Progress
) -> dict[str, Record]:
    """Records of all tasks; BuildFailed names every failure after the other chapters have finished."""
    records: dict[str, Record] = {}
    waiting = []
    for task in tasks:
        record = None if options.force else _fresh(project, task)
        if record is not None:
            records[task.chapter.name] = record
            progress.say(f"{task.chapter.name}: unchanged, {tally(len(record.claims))}")
            continue
        before = cache.newest(project, task.chapter.name)
        reasons = task.key.reasons(before.parts) if before else ()
        progress.say(f"{task.chapter.name}: to run ({'; '.join(reasons) or 'no stored result'})")
        waiting.append(task)
    waiting.sort(key=lambda task: -task.chapter.minutes)
    done = in_parallel(lambda task: _run(project, task, options, collected, progress), waiting, options.jobs)
    records |= {result.chapter: result for result in done if isinstance(result, Record)}
    failures = [problem for result in done if not isinstance(result, Record) for problem in result]
    if failures:
        raise BuildFailed("\n".join(sorted(failures)))
    return records


def claims_json(book: Book, records: dict[str, Record], *, staged: bool = True) -> str:
    """What the page of claims is made from: every chapter in reading order with its page and its claims.

    On the staged site chapters lie beside the page of claims; without staging (`jupyter-book build .`) where they are.
    """
    chapters = [
        {
            "page": f"{page_of(chapter.docname) if staged else chapter.docname}.html",
            "title": chapter.title,
            "claims": [claim.record() for claim in records[chapter.name].claims],
        }
        for chapter in book.chapters
        if chapter.name in records
    ]
    known = {"statements": book.statements.record(), "evidence": book.evidence.record()}
    return json.dumps({"chapters": chapters, **known}, indent=1, sort_keys=True)


def results(
    project: Project, options: Options, progress: Progress, only: Iterable[Chapter] | None = None
) -> tuple[Book, dict[str, Record]]:
    """Up-to-date records of the chapters; those that collect claims run last, on the claims of all others.

    All keys are computed, so all parameters and declarations checked, before anything runs.
    """
    book = read_book(project)
    if options.device == "cuda":
        cuda_name()
    chosen = book.chapters if only is None else tuple(only)
    first = [c for c in chosen if not c.collects_claims]
    last = [c for c in chosen if c.collects_claims]
    values = {c.name: options.values(c) for c in chosen}
    tasks = [_Task(c, values[c.name], key_of(project, c, values[c.name])) for c in first]
    for stray in strays(project.root / "requirements.txt"):
        progress.say(f"note: {stray}: the pinned environment comes with `make distclean book`")
    records = _bring_up(project, tasks, options, None, progress)
    if last:
        collected = claims_json(book, records)
        with scratch(project.work, "claims") as folder:
            write_atomic(folder / "claims.json", collected)
            more = [_Task(c, values[c.name], key_of(project, c, values[c.name], collected)) for c in last]
            records |= _bring_up(project, more, options, folder / "claims.json", progress)
    return book, records
