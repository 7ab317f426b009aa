"""The child process that executes a chapter: started, followed by its events, killed with its kernel."""

from __future__ import annotations

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
from typing import Any, TypeVar

import psutil

T = TypeVar("T")
R = TypeVar("R")

_CHILD = Path(__file__).with_name("execute.py")
_RUNNING: set[subprocess.Popen] = set()
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


def _kill(process: subprocess.Popen | psutil.Process) -> None:
    """Kill the process group that a process leads, unless its number belongs to another process by now."""
    alive = process.poll() is None if isinstance(process, subprocess.Popen) else process.is_running()
    if alive:
        with suppress(OSError):
            os.killpg(process.pid, signal.SIGKILL)


def _events(process: subprocess.Popen) -> Iterator[dict[str, Any]]:
    for line in process.stdout or ():
        with suppress(ValueError):
            yield json.loads(line)


@contextmanager
def child(folder: Path, job: dict[str, Any], environment: dict[str, str]) -> Iterator[subprocess.Popen]:
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


@dataclass
class Watched:
    """What the parent saw of a child: the cell it was in, and how it ended."""

    at: int | None = None
    kernel: psutil.Process | None = None
    late: bool = False
    cpu: float = math.nan
    died: bool = False
    failed: dict[str, Any] | None = None


def watch(process: subprocess.Popen, limit: float, cell: Callable[[int], None]) -> Watched:
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
        process.wait()
    finally:
        clock.cancel()
        kill()
    return seen
