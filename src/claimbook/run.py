"""Run one chapter in a process of its own, under a wall-clock limit, and say whether it counts."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import psutil

from .chapters import Chapter
from .claims import CLAIMS_FILE, MAY_FAIL, Claim
from .environment import kernel_environment
from .files import digest, scratch
from .progress import Progress
from .project import Project
from .show import FOLDER
from .verify import claims_in, figures_in, locate, problems

_CHILD = Path(__file__).with_name("execute.py")
_RUNNING: set[subprocess.Popen] = set()
_GUARD = threading.Lock()


@dataclass(frozen=True)
class Run:
    """A chapter that ran. It counts when `problems` is empty; then `notebook` is the text of the result."""

    chapter: Chapter
    parameters: dict[str, Any]
    notebook: str
    claims: tuple[Claim, ...]
    figures: tuple[str, ...]
    seconds: float
    problems: tuple[str, ...]


def stop_all() -> None:
    """Kill every chapter at work: their standard input closes with them, and their kernels go too."""
    with _GUARD:
        for process in _RUNNING:
            with suppress(OSError):
                os.killpg(process.pid, signal.SIGKILL)


def _kill(process: subprocess.Popen, kernel: psutil.Process | None) -> None:
    """Kill the kernel's process group and the child's, unless their numbers belong to other processes by now."""
    if kernel is not None and kernel.is_running():
        with suppress(OSError):
            os.killpg(kernel.pid, signal.SIGKILL)
    if process.poll() is None:
        with suppress(OSError):
            os.killpg(process.pid, signal.SIGKILL)


def _events(process: subprocess.Popen) -> Iterator[dict[str, Any]]:
    for line in process.stdout or ():
        with suppress(ValueError):
            yield json.loads(line)


@contextmanager
def _child(folder: Path, job: dict[str, Any], environment: dict[str, str]) -> Iterator[subprocess.Popen]:
    """The child at work on `job`, in a session of its own; its standard error goes to folder/stderr."""
    (folder / "job.json").write_text(json.dumps(job))
    with open(folder / "stderr", "wb") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-P", str(_CHILD), str(folder / "job.json")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            env=environment,
            start_new_session=True,
        )
    with _GUARD:
        _RUNNING.add(process)
    try:
        yield process
    finally:
        with _GUARD:
            _RUNNING.discard(process)
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                stream.close()
        process.wait()


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


def _last_error(path: Path) -> str:
    lines = [line for line in path.read_text(errors="replace").splitlines() if line.strip()]
    return lines[-1] if lines else "no message"


@dataclass
class _Watched:
    """What the parent saw of a child: the cell it was in, and how it ended."""

    at: int | None = None
    kernel: psutil.Process | None = None
    late: bool = False
    died: bool = False
    failed: dict[str, Any] | None = None


def _watch(process: subprocess.Popen, limit: float, cell: Callable[[int], None]) -> _Watched:
    """Follow the child's events to its end, or kill it and its kernel after `limit` seconds."""
    seen = _Watched()

    def expire() -> None:
        seen.late = True
        _kill(process, seen.kernel)

    clock = threading.Timer(limit, expire)
    clock.start()
    try:
        for event in _events(process):
            match event:
                case {"event": "kernel", "pid": pid}:
                    with suppress(psutil.NoSuchProcess):
                        seen.kernel = psutil.Process(pid)
                case {"event": "cell", "index": index}:
                    seen.at = index
                    cell(index)
                case {"event": "failed"}:
                    seen.failed = event
                case {"event": "died"}:
                    seen.died = True
        process.wait()
    finally:
        clock.cancel()
        _kill(process, seen.kernel)
    return seen


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
) -> Run:
    """Execute a chapter with the effective parameters `values`; its figures are written into `figures`.

    `limit` is in seconds (default: the chapter's own). `collected` is the file with the other chapters' claims. With
    `claims_may_fail` the chapter goes on after a claim that does not hold; it does not count as run all the same.
    A chapter must not rely on its working directory: it runs in an empty one.
    """
    limit = chapter.limit(values) if limit is None else limit
    source = chapter.parameterised(values)
    code = [i for i, cell in enumerate(source.cells) if cell.cell_type == "code"]
    start = time.monotonic()

    def at_cell(index: int) -> None:
        if progress:
            progress.cell(chapter.name, code.index(index) + 1, len(code))

    with scratch(project.work, chapter.name) as folder:
        (folder / "empty").mkdir()
        output = folder / "executed.ipynb"
        nbformat.write(source, folder / "source.ipynb")
        environment = kernel_environment(project, chapter, folder, jobs) | {FOLDER: str(figures)}
        environment[MAY_FAIL] = "1" if claims_may_fail else ""
        if collected is not None:
            environment[CLAIMS_FILE] = str(collected)
        job = {
            "notebook": str(folder / "source.ipynb"),
            "output": str(output),
            "cwd": str(folder / "empty"),
        }
        with _child(folder, job, environment) as process:
            seen = _watch(process, limit, at_cell)
        notebook = _read(output, source) if process.returncode == 0 and not seen.late else None
        if notebook is None:
            found = (_failure(chapter, source, seen, process.returncode, limit, folder),)
        else:
            found = problems(chapter, notebook)
        _keep_failed(project, chapter, output if found else None)
    counts = notebook is not None and not found
    return Run(
        chapter=chapter,
        parameters=values,
        claims=tuple(c for _, c in claims_in(notebook)) if notebook is not None and (counts or claims_may_fail) else (),
        figures=tuple(n for _, n in figures_in(notebook)) if counts else (),
        notebook=tidy(notebook) if counts else "",
        seconds=time.monotonic() - start,
        problems=found,
    )


def _failure(chapter: Chapter, source: Any, seen: _Watched, status: int, limit: float, folder: Path) -> str:
    """Why there is no executed notebook: the cell it was in, and what happened there."""
    where = f"{chapter.name}, before the first cell" if seen.at is None else locate(chapter, source, seen.at)
    if seen.late:
        return f"{where}: still running after {limit:g} s, the limit; stopped"
    if seen.died:
        return f"{where}: the kernel died"
    if seen.failed is not None:
        return f"{locate(chapter, source, seen.failed['index'])}: {seen.failed['error']}"
    return f"{where}: the process ended with status {status}: {_last_error(folder / 'stderr')}"


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
