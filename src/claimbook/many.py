"""Many runs of chapters as a sweep: each is a chunk that is kept, here or on workers, whatever is killed."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from .build import Options, keep
from .chapters import Book, Chapter, read_book
from .checkout import NO_COMMIT, commit_of, why_no_commit
from .files import digest, scratch
from .key import key_of
from .progress import Progress
from .project import BookError, BuildFailed, Project
from .run import Run, run_chapter
from .sweeps import HERE, Listed, Store, Workers, carry_out, failed
from .sweeps.store import Row
from .tables import read_table


@dataclass(frozen=True)
class Task:
    """One run: a chapter with its parameters; with `first`, code that the kernel runs before the chapter, it goes on
    after a cell that fails. `label` is how the run is called."""

    chapter: Chapter
    label: str
    values: dict[str, Any]
    first: str = ""


RowsOf = Callable[[Task, Run], list[Row]]
FOLDER = "sweeps"
"""In a project's folder of results: that of each sweep, the chunks under their keys."""


def _key(project: Project, task: Task) -> str:
    """Of all that a run depends on: the chapter's text, parameters, code and data, and the code put first."""
    return digest((key_of(project, task.chapter, task.values).digest + task.first).encode())[:24]


def run_many(
    project: Project,
    tasks: Sequence[Task],
    name: str,
    rows_of: RowsOf,
    options: Options,
    progress: Progress,
    workers: Workers = HERE,
) -> list[Row]:
    """The rows of all tasks, each with the `commit` that it was made at; what was run before with the same text, code
    and data is read from the folder of the sweep `name`. ``rows_of`` is a function of a module.

    A run with the parameters of a build is stored as that build's too: the figures at full size need no second one.
    """
    store = Store(project.build / FOLDER / name)
    shared = {
        "root": str(project.root), "output": str(project.build), "jobs": options.jobs, "limit": options.limit,
        "rows_of": [rows_of.__module__, rows_of.__qualname__], "commit": commit_of(project.root),
    }  # fmt: skip
    keyed = {_key(project, task): task for task in tasks}
    there = set() if options.force else {key for key in keyed if store.read(key) is not None}
    if shared["commit"] == NO_COMMIT:
        progress.say(f"note: the rows name {NO_COMMIT}: {why_no_commit(project.root)}")
    progress.say(f"{len(there)} runs are stored, {len(keyed) - len(there)} {'left out' if options.stored else 'to do'}")
    if options.force and not options.stored:
        for key in keyed:
            store.place(key).unlink(missing_ok=True)
    settings = {
        key: {"run": shared | {"key": key, "chapter": task.chapter.name, **_told(task, options)}}
        for key, task in keyed.items()
        if key in there or not options.stored
    }
    if len(settings) - len(there) < 2 and workers.scheduler is None:
        workers = HERE
    table = carry_out(Listed(one_run, settings), store.folder, workers=workers, progress=progress)
    if len(bad := failed(table)):
        raise BuildFailed("\n".join(bad["status"]))
    return table.to_dict("records")  # type: ignore[return-value]


def _told(task: Task, options: Options) -> dict[str, Any]:
    as_built = not task.first and task.values == options.values(task.chapter)
    return {"label": task.label, "values": task.values, "first": task.first, "as_built": as_built}


def one_run(shared: dict[str, Any], _: list[dict[str, Any]]) -> pd.DataFrame:
    """The rows of one run, in whichever process. BookError where the book is no longer that of its key."""
    asked = shared["run"]
    project = Project(Path(asked["root"]), Path(asked["output"]))
    chapter = read_book(project).chapter(asked["chapter"])
    task = Task(chapter, asked["label"], asked["values"], asked["first"])
    module, name = asked["rows_of"]
    with scratch(project.work, f"{chapter.name}-run") as figures:
        run = run_chapter(
            project, chapter, task.values, figures, jobs=asked["jobs"], limit=asked["limit"], first=task.first,
            claims_may_fail=True,
        )  # fmt: skip
        if _key(project, task) != asked["key"]:
            raise BookError(f"{chapter.name} was changed while it ran, or what it needs: start again")
        if asked["as_built"] and not run.problems:
            keep(project, key_of(project, chapter, task.values), run, figures)
    rows = getattr(importlib.import_module(module), name)(task, run)
    return pd.DataFrame([row | {"commit": asked["commit"]} for row in rows])


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
