"""The child process that executes a chapter: started, followed by its events, killed with its kernel."""

from __future__ import annotations

import atexit
import json
import math
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed, wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import psutil

from .claims import CLAIMS_FILE, MAY_FAIL
from .fork_server import Forked, Server, forks_are_safe
from .recorded import CHAPTER
from .show import FOLDER

T = TypeVar("T")
R = TypeVar("R")

_CHILD = Path(__file__).with_name("execute.py")
_RUNNING: set[subprocess.Popen | Forked] = set()
_SERVER: list[tuple[tuple[dict[str, str], Sequence[str]], Server]] = []
"""At most one, with the environment that it was started in and what it has loaded."""
_OWN = (CHAPTER, FOLDER, CLAIMS_FILE, MAY_FAIL, "IPYTHON", "JUPYTER_", "XDG_CACHE_HOME")
"""Variables that begin so differ from chapter to chapter; nothing reads them before it begins."""
_ASKING = threading.Lock()
_GUARD = threading.Lock()


def stop_all() -> None:
    """Kill every chapter at work: their standard input closes with them, and their kernels go too."""
    with _GUARD:
        for process in _RUNNING:
            _kill(process)


def in_parallel(
    work: Callable[[T], R], tasks: Sequence[T], jobs: int, stopped: threading.Event | None = None
) -> list[R]:
    """The results in the order of the tasks, `jobs` at a time; an error or an interruption kills every chapter.

    `stopped` is set before the first is killed: what `work` is left with then is no result.
    """
    pool = ThreadPoolExecutor(jobs)
    futures: list[Future[R]] = []
    try:
        futures.extend(pool.submit(work, task) for task in tasks)
        for future in as_completed(futures):
            future.result()  # the first error ends all
        return [future.result() for future in futures]
    except BaseException:
        if stopped is not None:
            stopped.set()
        pool.shutdown(wait=False, cancel_futures=True)
        # `wait` counts a future that was cancelled in the queue as not done for ever: follow the others
        started = [future for future in futures if not future.cancelled()]
        while wait(started, timeout=0.2).not_done:
            stop_all()
        raise
    finally:
        pool.shutdown()


def _kill(process: subprocess.Popen | Forked | psutil.Process) -> None:
    """Kill the process group that a process leads, unless its number belongs to another process by now."""
    alive = process.is_running() if isinstance(process, psutil.Process) else process.poll() is None
    if alive:
        with suppress(OSError):
            os.killpg(process.pid, signal.SIGKILL)


def _events(process: subprocess.Popen | Forked) -> Iterator[dict[str, Any]]:
    for line in process.stdout or ():
        with suppress(ValueError):
            yield json.loads(line)


@atexit.register
def stop_server() -> None:
    """End the process that chapters are forked from; those at work go on."""
    while _SERVER:
        _SERVER.pop()[1].stop()


def _script(file: Path, environment: dict[str, str], stderr: BinaryIO) -> subprocess.Popen:
    command, pipe = [sys.executable, "-P", str(_CHILD), str(file)], subprocess.PIPE
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=stderr, env=environment, start_new_session=True)


def _forked(file: Path, environment: dict[str, str], stderr: BinaryIO, preload: Sequence[str]) -> Forked:
    """By the server for this environment; another one is stopped."""
    common = {name: text for name, text in environment.items() if not name.startswith(_OWN)}
    with _ASKING:
        if _SERVER and _SERVER[0][0] != (common, preload):
            stop_server()
        if not _SERVER:
            _SERVER.append(((common, preload), Server(preload, common, stderr)))
        try:
            return _SERVER[0][1].start({"job": str(file), "environment": environment}, stderr)
        except OSError:
            stop_server()
            raise


@contextmanager
def child(
    folder: Path, job: dict[str, Any], environment: dict[str, str], preload: Sequence[str] = ()
) -> Iterator[subprocess.Popen | Forked]:
    """The child at work on `job`, in a session of its own; its standard error goes to folder/stderr.

    It is forked from a process that has loaded the modules `preload`; where that cannot be, it is a new one.
    """
    file, process = folder / "job.json", None
    file.write_text(json.dumps(job))
    with open(folder / "stderr", "wb") as stderr:
        for _ in range(2 * forks_are_safe()):  # where the server is no more, another one
            with suppress(OSError):
                process = _forked(file, environment, stderr, tuple(preload))
                break
        process = process or _script(file, environment, stderr)
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


@dataclass
class Watched:
    """What the parent saw of a child: the cell it was in, and how it ended; `status` is None where it was killed."""

    at: int | None = None
    kernel: psutil.Process | None = None
    late: bool = False
    cpu: float = math.nan
    died: bool = False
    status: int | None = None
    failed: dict[str, Any] | None = None


def watch(process: subprocess.Popen | Forked, limit: float, cell: Callable[[int], None]) -> Watched:
    """Follow the child's events to its end, or kill it and its kernel after `limit` seconds."""
    seen = Watched()

    def kill() -> None:
        if seen.kernel is not None:
            _kill(seen.kernel)
        _kill(process)

    def expire() -> None:
        seen.late = True
        kill()

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
                case {"event": "done", "cpu": cpu}:
                    seen.cpu = cpu
                case {"event": "died"}:
                    seen.died = True
                case {"event": "ended", "status": status}:
                    seen.status = status
        process.wait()
    finally:
        clock.cancel()
        kill()
    return seen
