"""Many runs of chapters, each stored when it is done: an interrupted command goes on where it stopped."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .build import Options
from .chapters import Chapter
from .child import stop_all
from .files import digest, scratch, write_atomic
from .key import key_of
from .progress import Progress
from .project import Project
from .run import Run, run_chapter


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
    """The rows of all tasks; what was run before with the same text, code and data is read from _build/`folder`."""
    stopped = threading.Event()
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
        rows = rows_of(task, done)
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
    pool = ThreadPoolExecutor(options.jobs)
    futures = [pool.submit(run, task) for task in waiting]
    try:
        for future in as_completed(futures):
            rows += future.result()
    except BaseException:
        stopped.set()
        pool.shutdown(wait=False, cancel_futures=True)
        started = [future for future in futures if not future.cancelled()]
        while wait(started, timeout=0.2).not_done:
            stop_all()
        raise
    finally:
        pool.shutdown()
    return rows
