"""Many runs of chapters, each stored when it is done: an interrupted command goes on where it stopped."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from .build import Options
from .chapters import Book, Chapter
from .child import in_parallel
from .files import digest, scratch, write_atomic
from .key import key_of
from .progress import Progress
from .project import Project
from .run import Run, run_chapter
from .tables import commit_of, read_table


@dataclass(frozen=True)
class Task:
    """One run: a chapter with its parameters; with `first`, code that the kernel runs before the chapter, it goes on
    after a cell that fails. `label` is how the run is called."""

    chapter: Chapter
    label: str
    values: dict[str, Any]
    first: str = ""


Row = dict[str, Any]


def _place(project: Project, task: Task, folder: str) -> Path:
    key = key_of(project, task.chapter, task.values).digest
    return project.build / folder / f"{digest((key + task.first).encode())[:24]}.json"


def run_many(
    project: Project,
    tasks: Sequence[Task],
    folder: str,
    rows_of: Callable[[Task, Run], list[Row]],
    options: Options,
    progress: Progress,
) -> list[Row]:
    """The rows of all tasks, each with the `commit` that it was made at; what was run before with the same text, code
    and data is read from _build/`folder`."""
    stopped, commit = threading.Event(), commit_of(project.root)
    places = {task.label + task.chapter.name: _place(project, task, folder) for task in tasks}

    def place(task: Task) -> Path:
        return places[task.label + task.chapter.name]

    def run(task: Task) -> list[Row]:
        with scratch(project.work, f"{task.chapter.name}-{folder}") as figures:
            done = run_chapter(
                project, task.chapter, task.values, figures, jobs=options.jobs, limit=options.limit,
                first=task.first, claims_may_fail=True,
            )  # fmt: skip
        if stopped.is_set():
            return []  # killed, not run
        rows = [row | {"commit": commit} for row in rows_of(task, done)]
        write_atomic(place(task), json.dumps(rows))
        bad = sum(row["verdict"] != "holds" for row in rows)
        progress.say(f"{task.chapter.name}, {task.label}: {f'{bad} FAILED' if bad else 'holds'}, {done.seconds:.1f} s")
        return rows

    waiting = [task for task in tasks if options.force or not place(task).is_file()]
    rows = [row for task in tasks if task not in waiting for row in json.loads(place(task).read_text())]
    progress.say(
        f"{len(tasks) - len(waiting)} runs are stored, {len(waiting)} {'left out' if options.stored else 'to do'}"
    )
    waiting = [] if options.stored else waiting
    return rows + [row for found in in_parallel(run, waiting, options.jobs, stopped) for row in found]


def kept(table: pd.DataFrame, file: Path, by: Sequence[str], book: Book) -> pd.DataFrame:
    """`table` with the rows of the recorded `file` about runs that it lacks (told apart by the columns `by`).

    A later commit need not repeat what it did not change: each row names the commit that it was made at. What the book
    no longer makes, a chapter or a claim, is left behind.
    """
    if not file.is_file():
        return table
    old, origin = read_table(file)
    old = old if "commit" in old else old.assign(commit=origin.commit)
    made = {(chapter.name, claim) for chapter in book.chapters for claim in (*chapter.claims, "")}
    here = set(table[list(by)].itertuples(index=False, name=None))
    stays = [
        run not in here and about in made
        for run, about in zip(
            old[list(by)].itertuples(index=False, name=None),
            old[["chapter", "claim"]].fillna("").itertuples(index=False, name=None),
            strict=True,
        )
    ]
    return pd.concat([table, old[stays].reindex(columns=table.columns)], ignore_index=True)
