"""Progress by chapter and cell, or by chunk with the time left: one line that is rewritten where it can be.

A terminal and a notebook rewrite it; elsewhere it is one line an event. By hand: tqdm and rich draw a bar for each
task, which is noise in a log.
"""

from __future__ import annotations

import os
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TextIO

PAUSE = 30.0
"""Seconds between two lines about the same count in a log."""

WIDTH = 110
"""Letters of the line that is rewritten, where the terminal is not narrower."""


def in_words(seconds: float) -> str:
    """A span of time as a reader counts it: 40 s, 3 min, 2 h 5 min."""
    minutes = round(seconds / 60)
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


class Progress:
    """Shared by the threads that run chapters. Messages go to `stream` (default: standard error)."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._terminal = self._stream.isatty() and os.environ.get("TERM") != "dumb"  # which cannot erase a line
        notebook = type(self._stream).__module__.startswith("ipykernel")
        self._live = self._terminal or notebook
        self._erase = "\r\x1b[2K" if self._terminal else f"\r{' ' * WIDTH}\r"  # a notebook knows no such codes
        self._lock = threading.Lock()
        self._running: dict[str, str] = {}
        self._start = time.monotonic()

    def _write(self, line: str | None) -> None:
        with suppress(OSError):  # a log on a full disk, a reader that has left: no work stops for it
            self._rewrite(line)

    def _rewrite(self, line: str | None) -> None:
        if self._live:
            self._stream.write(self._erase)
        if line is not None:
            self._stream.write(f"{line}\n")
        if self._live and self._running:
            status = " · ".join(f"{name} {far}" for name, far in self._running.items())
            self._stream.write(f"running: {status}"[: self._width()])
        self._stream.flush()

    def _width(self) -> int:
        """A line that a narrow terminal continues below would not be erased whole."""
        return min(WIDTH, shutil.get_terminal_size().columns - 1) if self._terminal else WIDTH

    def say(self, line: str) -> None:
        with self._lock:
            self._write(line)

    def cell(self, chapter: str, done: int, total: int) -> None:
        """Code cell `done` (from 1) of `total` starts."""
        with self._lock:
            self._running[chapter] = f"{done}/{total}"
            self._write(None if self._live else f"{chapter}: cell {done}/{total}")

    def end(self, chapter: str, line: str) -> None:
        with self._lock:
            self._running.pop(chapter, None)
            self._write(f"{chapter}: {line}")

    @contextmanager
    def counted(self, name: str, total: int) -> Iterator[Callable[[], None]]:
        """Inside, each call counts one of ``total`` as done; the time left is that of the mean so far."""
        began, done, told = time.monotonic(), 0, time.monotonic()

        def count() -> None:
            nonlocal done, told
            with self._lock:
                done, now = done + 1, time.monotonic()
                left = (now - began) * (total - done) / done
                far = f"{done}/{total}, about {in_words(left)} left"
                self._running[name] = far
                if self._live or now - told > PAUSE:
                    told = now
                    self._write(None if self._live else f"{name}: {far}")

        try:
            yield count
        finally:
            with self._lock:
                self._running.pop(name, None)
                self._write(None)

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._start
