"""Every claim at many seeds: one tidy table, which an interrupted run goes on with where it stopped."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from .build import Options
from .chapters import Chapter, read_book
from .child import stop_all
from .claims import Claim
from .files import scratch, write_atomic
from .key import key_of
from .parameters import closest
from .progress import Progress
from .project import BookError, Project
from .run import Run, run_chapter

COLUMNS = ("chapter", "seed", "claim", "measured", "relation", "bound", "verdict", "seconds", "cpu")
"""``verdict`` is "holds", "does not hold", or, on a row without claim, why the chapter did not run to its end.

``seconds`` are on the clock, ``cpu`` of processor time, which a busy machine does not stretch.
"""


def parse_seeds(text: str) -> tuple[int, ...]:
    """``0-19`` or ``1,2,5-7`` as numbers, in rising order without repetition; BookError otherwise."""
    found: set[int] = set()
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if not (first.isdecimal() and (last.isdecimal() if dash else not last)) or int(last or first) < int(first):
            raise BookError(f"seeds {text!r}: write numbers and ranges, for example 0-19 or 1,2,5-7")
        found.update(range(int(first), int(last or first) + 1))
    return tuple(sorted(found))


def seeded(project: Project, names: Sequence[str]) -> tuple[Chapter, ...]:
    """The named chapters, by default all that have a parameter `seed`; BookError for a chapter without one."""
    with_seed = [c for c in read_book(project).chapters if "seed" in {p.name for p in c.parameters}]
    known = {chapter.name: chapter for chapter in with_seed if not chapter.collects_claims}
    for name in names:
        if name not in known:
            raise BookError(f"{name} is no chapter with a seed; {closest(name, known)}")
    return tuple(known[name] for name in dict.fromkeys(names or known))


@dataclass(frozen=True)
class _Task:
    chapter: Chapter
    seed: int
    values: dict[str, Any]
    place: Path


def _rows(task: _Task, run: Run) -> list[dict[str, Any]]:
    """One row a claim, holding or not, and one for everything else that kept the chapter from counting."""
    start = {"chapter": task.chapter.name, "seed": task.seed}
    rows = [
        start
        | {"claim": c.id, "measured": c.measured, "relation": c.relation, "bound": c.bound}
        | {"verdict": "holds" if c.holds else "does not hold"}
        for c in run.claims
    ]
    others = [text for text in run.problems if not any(_is_about(text, c) for c in run.claims)]
    rows += [
        start | {"claim": "", "measured": math.nan, "relation": "", "bound": math.nan, "verdict": text}
        for text in others
    ]
    return [row | {"seconds": round(run.seconds, 2), "cpu": round(run.cpu, 2)} for row in rows]


def _is_about(problem: str, claim: Claim) -> bool:
    return not claim.holds and f": claim {claim.id} does not hold" in problem


def _run(project: Project, task: _Task, options: Options, progress: Progress) -> list[dict[str, Any]]:
    with scratch(project.work, f"{task.chapter.name}-seed-{task.seed}") as figures:
        run = run_chapter(
            project, task.chapter, task.values, figures, jobs=options.jobs, limit=options.limit, claims_may_fail=True
        )
    rows = _rows(task, run)
    write_atomic(task.place, json.dumps(rows))
    bad = sum(row["verdict"] != "holds" for row in rows)
    progress.say(f"{task.chapter.name}, seed {task.seed}: {f'{bad} FAILED' if bad else 'holds'}, {run.seconds:.1f} s")
    return rows


def sweep(
    project: Project, chapters: Sequence[Chapter], seeds: Sequence[int], options: Options, progress: Progress
) -> pd.DataFrame:
    """All chapters at all seeds, a row a claim; what was run before with the same text, code and data stays."""
    tasks, rows = [], []
    for chapter in chapters:
        for seed in seeds:
            values = options.values(chapter) | {"seed": seed}
            place = project.build / "seeds" / f"{key_of(project, chapter, values).digest}.json"
            tasks.append(_Task(chapter, seed, values, place))
    waiting = [task for task in tasks if options.force or not task.place.is_file()]
    for task in tasks:
        rows += [] if task in waiting else json.loads(task.place.read_text())
    progress.say(f"{len(tasks) - len(waiting)} runs are stored, {len(waiting)} to do")
    pool = ThreadPoolExecutor(options.jobs)
    futures = [pool.submit(_run, project, task, options, progress) for task in waiting]
    try:
        for future in as_completed(futures):
            rows += future.result()
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        started = [future for future in futures if not future.cancelled()]
        while wait(started, timeout=0.2).not_done:
            stop_all()
        raise
    finally:
        pool.shutdown()
    order = {chapter.name: place for place, chapter in enumerate(chapters)}
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    return table.sort_values(
        ["chapter", "seed"], key=lambda s: s.map(order) if s.name == "chapter" else s, kind="stable"
    )


def summary(table: pd.DataFrame) -> pd.DataFrame:
    """One row a chapter: seeds, those at which all claims hold, median and largest processor seconds, their ratio."""
    runs = table.assign(good=table["verdict"] == "holds").groupby(["chapter", "seed"], sort=False)
    runs = runs.agg(good=("good", "all"), seconds=("cpu", "first")).reset_index()
    found = runs.groupby("chapter", sort=False).agg(
        seeds=("seed", "size"), hold=("good", "sum"), median=("seconds", "median"), slowest=("seconds", "max")
    )
    return found.assign(ratio=(found["slowest"] / found["median"]).round(2)).reset_index()
