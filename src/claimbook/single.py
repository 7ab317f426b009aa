"""One chapter with a reader's own parameters."""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import Any

from .build import Options, claims_json, results
from .chapters import Chapter, read_book
from .files import scratch, write_atomic
from .key import key_of
from .progress import Progress
from .project import BuildFailed, Project
from .run import Run, run_chapter, run_name


def run_single(project: Project, chapter: Chapter, values: dict[str, Any], options: Options, progress: Progress) -> Run:
    """Run a chapter with `values`, apart from the stored results; BuildFailed when it does not count.

    Its figures are put into `_build/runs/<chapter>-<digest>-figures`. The page of claims first brings all other
    chapters up to date.
    """
    key_of(project, chapter, values)  # checks data and device before anything runs
    with scratch(project.work, "single") as folder:
        collected = None
        if chapter.collects_claims:
            others = [c for c in read_book(project).chapters if not c.collects_claims]
            book, records = results(project, replace(options, force=False), progress, others)
            collected = folder / "claims.json"
            write_atomic(collected, claims_json(book, records))
        done = run_chapter(
            project, chapter, values, folder / "figures", limit=options.limit, collected=collected, progress=progress
        )
        progress.end(chapter.name, f"{'FAILED after' if done.problems else 'done in'} {done.seconds:.1f} s")
        if done.problems:
            raise BuildFailed("\n".join(done.problems))
        if done.figures:
            place = project.build / "runs" / f"{run_name(chapter, values)}-figures"
            shutil.rmtree(place, ignore_errors=True)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(folder / "figures", place)
    return done
