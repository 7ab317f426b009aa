"""Run one chapter in a process of its own, under a wall-clock limit, and say whether it counts."""

from __future__ import annotations

import json
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat

from .chapters import Chapter
from .child import Watched, child, watch
from .claims import CLAIMS_FILE, MAY_FAIL, Claim
from .environment import kernel_environment
from .files import digest, scratch, stored
from .progress import Progress
from .project import Project
from .shortage import cure_of
from .show import FOLDER
from .verify import claims_in, figures_in, locate, problems

EXECUTED = "executed.ipynb"
"""In the folder of a run: the notebook, as far as it came."""


@dataclass(frozen=True)
class Run:
    """A chapter that ran. It counts when `problems` is empty; then `notebook` is the text of the result.

    `seconds` are on the clock, `cpu` of processor time; NaN where the chapter did not come to its end.
    """

    chapter: Chapter
    parameters: dict[str, Any]
    notebook: str
    claims: tuple[Claim, ...]
    figures: tuple[str, ...]
    seconds: float
    cpu: float
    problems: tuple[str, ...]


def tidy(notebook: Any) -> str:
    """The executed notebook as text that depends on the chapter and its outputs only, not on clock or process."""
    for name in ("papermill", "source_map", "jupytext", "claimbook"):
        notebook.metadata.pop(name, None)
    for cell in notebook.cells:
        cell.metadata.pop("papermill", None)
        cell.metadata.pop("execution", None)
        if not cell.metadata.get("tags", True):
            del cell.metadata["tags"]
    return nbformat.writes(notebook) + "\n"


def _last_error(lines: list[str]) -> str:
    errors = [line for line in lines if "Error" in line]  # what a kernel says as it is shut down comes after it
    return (errors or lines or ["no message"])[-1]


def run_chapter(
    project: Project,
    chapter: Chapter,
    values: dict[str, Any],
    figures: Path,
    *,
    jobs: int = 1,
    limit: float | None = None,
    collected: Path | None = None,
    progress: Progress | None = None,
    claims_may_fail: bool = False,
    first: str = "",
) -> Run:
    """Execute a chapter with the effective parameters `values`; its figures are written into `figures`.

    `limit` is in seconds (default: the chapter's own). `collected` is the file with the other chapters' claims. With
    `claims_may_fail` the chapter goes on after a claim that does not hold; it does not count as run all the same.
    With `first`, code that the kernel runs before the chapter's own, it also goes on after a cell that fails.
    A chapter must not rely on its working directory: it runs in an empty one.
    """
    limit = chapter.limit(values) if limit is None else limit
    source = chapter.parameterised(values, first)
    code = [i for i, cell in enumerate(source.cells) if cell.cell_type == "code"]
    start = time.monotonic()

    def at_cell(index: int) -> None:
        if progress:
            progress.cell(chapter.name, code.index(index) + 1, len(code))

    with scratch(project.work, chapter.name) as folder:
        (folder / "empty").mkdir()
        output = folder / EXECUTED
        nbformat.write(source, folder / "source.ipynb")
        environment = kernel_environment(project, chapter, folder, jobs) | {FOLDER: str(figures)}
        environment[MAY_FAIL] = "1" if claims_may_fail else ""
        if collected is not None:
            environment[CLAIMS_FILE] = str(collected)
        paths = {"notebook": str(folder / "source.ipynb"), "output": str(output), "cwd": str(folder / "empty")}
        with child(folder, paths | {"goes_on": bool(first)}, environment, project.settings.preload) as process:
            seen = watch(process, limit, at_cell)
        notebook = _read(output, source) if seen.status == 0 and not seen.late else None
        found = (_failure(chapter, source, seen, limit, folder),) if notebook is None else problems(chapter, notebook)
        _keep_failed(project, chapter, output if found else None)
    counts = notebook is not None and not found
    return Run(
        chapter=chapter,
        parameters=values,
        claims=tuple(c for _, c in claims_in(notebook)) if notebook is not None and (counts or claims_may_fail) else (),
        figures=tuple(n for _, n in figures_in(notebook)) if counts else (),
        notebook=tidy(notebook) if counts else "",
        seconds=time.monotonic() - start,
        cpu=seen.cpu,
        problems=found,
    )


def _failure(chapter: Chapter, source: Any, seen: Watched, limit: float, folder: Path) -> str:
    """Why there is no executed notebook: the cell it was in, what happened there, and the cure for a shortage."""
    said = _said(folder)
    what = _what_failed(chapter, source, seen, limit, said)
    short = next((line for line in (what, *said) if cure_of(line)), "")
    told = f"{what} ({short})" if short not in what else what
    return f"{told}: {cure_of(short)}" if short else what


def _said(folder: Path) -> list[str]:
    """The lines on standard error, of the processes and of the cells."""
    text = (folder / "stderr").read_text(errors="replace")
    cells = (stored(folder / EXECUTED) or {}).get("cells", ())
    outputs = [output for cell in cells for output in cell.get("outputs", ())]
    text = "\n".join([text, *("".join(output["text"]) for output in outputs if output.get("name") == "stderr")])
    return [line.strip() for line in text.splitlines() if line.strip()]


def _what_failed(chapter: Chapter, source: Any, seen: Watched, limit: float, said: list[str]) -> str:
    where = f"{chapter.name}, before the first cell" if seen.at is None else locate(chapter, source, seen.at)
    if seen.late:
        return f"{where}: still running after {limit:g} s, the limit; stopped"
    if seen.died:
        return f"{where}: the kernel died"
    if seen.failed is not None:
        index, error = seen.failed["index"], seen.failed["error"]
        if error.endswith(": "):  # the kernel broke off without a word in the notebook
            error += _last_error(said)
        return f"{locate(chapter, source, index)}: {error}"
    how = "was killed" if seen.status is None else f"ended with status {seen.status}"
    return f"{where}: the process {how}: {_last_error(said)}"


def _read(output: Path, source: Any) -> Any:
    """The executed notebook, with the source's line numbers; None when it was not written."""
    if not output.is_file():
        return None
    notebook = nbformat.read(output, as_version=4)
    notebook.metadata["source_map"] = source.metadata["source_map"]
    return notebook


def _keep_failed(project: Project, chapter: Chapter, output: Path | None) -> None:
    """Keep the notebook of a failed run for its author to look at, and drop it once the chapter runs."""
    place = project.build / "failed" / f"{chapter.name}.ipynb"
    if output is not None and output.is_file():
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(output, place)
    else:
        place.unlink(missing_ok=True)


def run_name(chapter: Chapter, values: dict[str, Any]) -> str:
    """The name of a reader's own run: chapter and a digest of its parameters."""
    return f"{chapter.name}-{digest(json.dumps(values, sort_keys=True).encode())[:10]}"
