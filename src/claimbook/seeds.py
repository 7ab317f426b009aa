"""Every claim at many seeds: one tidy table, which an interrupted run goes on with where it stopped."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from .build import Options
from .chapters import Chapter, read_book
from .claims import Claim
from .many import Task, kept, run_many
from .parameters import closest
from .progress import Progress
from .project import BookError, Project
from .run import Run
from .sweeps import HERE, Workers

COLUMNS = ("chapter", "seed", "claim", "measured", "relation", "bound", "verdict", "seconds", "cpu", "commit")
"""``verdict`` is "holds", "does not hold", or, on a row without claim, why the chapter did not run to its end.

``seconds`` are on the clock, ``cpu`` of processor time, which a busy machine does not stretch.
"""


MOST = 10_000
"""A range of more seeds is a slip."""


def parse_seeds(text: str) -> tuple[int, ...]:
    """``0-19`` or ``1,2,5-7`` as numbers, in rising order without repetition; BookError otherwise."""
    asked = f"seeds {text[:40]!r}: write numbers and ranges, for example 0-19 or 1,2,5-7"
    found: set[int] = set()
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if not (first.isdecimal() and (last.isdecimal() if dash else not last)) or max(len(first), len(last)) > 9:
            raise BookError(asked)
        if not 0 <= int(last or first) - int(first) < MOST:
            raise BookError(f"{asked}, and at most {MOST} at a time")
        found.update(range(int(first), int(last or first) + 1))
    return tuple(sorted(found))


def spans(seeds: Iterable[int]) -> str:
    """Seeds as ``parse_seeds`` reads them."""
    ordered = sorted({int(seed) for seed in seeds})
    starts = [seed for seed in ordered if seed - 1 not in ordered]
    ends = [seed for seed in ordered if seed + 1 not in ordered]
    return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in zip(starts, ends, strict=True))


def seeded(project: Project, names: Sequence[str]) -> tuple[Chapter, ...]:
    """The named chapters, by default all that have a parameter `seed`; BookError for a chapter without one."""
    with_seed = [c for c in read_book(project).chapters if "seed" in {p.name for p in c.parameters}]
    known = {chapter.name: chapter for chapter in with_seed if not chapter.collects_claims}
    for name in names:
        if name not in known:
            raise BookError(f"{name} is no chapter with a seed; {closest(name, known)}")
    return tuple(known[name] for name in dict.fromkeys(names or known))


def rows_of(task: Task, run: Run) -> list[dict[str, Any]]:
    """One row a claim, holding or not, and one for everything else that kept the chapter from counting."""
    start = {"chapter": task.chapter.name, "seed": task.values["seed"]}
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


def sweep(
    project: Project,
    chapters: Sequence[Chapter],
    seeds: Sequence[int],
    options: Options,
    progress: Progress,
    onto: Path | None = None,
    workers: Workers = HERE,
) -> pd.DataFrame:
    """All chapters at all seeds, a row a claim; what was run before with the same text, code and data stays.

    With `onto`, a table recorded before, its rows about other runs stay too.
    """
    tasks = [Task(c, f"seed {seed}", options.values(c) | {"seed": seed}) for c in chapters for seed in seeds]
    rows = run_many(project, tasks, "seeds", rows_of, options, progress, workers)
    table, book = pd.DataFrame(rows, columns=list(COLUMNS)), read_book(project)
    order = {chapter.name: place for place, chapter in enumerate(book.chapters)}
    table = table if onto is None else kept(table, onto, ("chapter", "seed"), book)
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


def failures(table: pd.DataFrame) -> list[str]:
    """One line for every claim that does not hold, and for every chapter that did not run to its end."""
    bad = table[table["verdict"] != "holds"].to_dict("records")
    return [
        f"{row['chapter']}, seed {row['seed']}: {row['claim'] or 'the run'}: {row['verdict']} ({row['measured']:g})"
        for row in bad
    ]
