"""Progress by chapter and cell: one line that is rewritten on a terminal, one line an event elsewhere."""

from __future__ import annotations

import sys
import threading
import time
from typing import TextIO


class Progress:
    """Shared by the threads that run chapters. Messages go to `stream` (default: standard error)."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._live = self._stream.isatty()
        self._lock = threading.Lock()
        self._running: dict[str, tuple[int, int]] = {}
        self._start = time.monotonic()

    def _status(self) -> str:
        return " · ".join(f"{name} {done}/{total}" for name, (done, total) in self._running.items())

    def _write(self, line: str | None) -> None:
        if self._live:
            self._stream.write("\r\x1b[2K")
        if line is not None:
            self._stream.write(f"{line}\n")
        if self._live and self._running:
            self._stream.write(f"running: {self._status()}"[:110])
        self._stream.flush()

    def say(self, line: str) -> None:
        with self._lock:
            self._write(line)

    def cell(self, chapter: str, done: int, total: int) -> None:
        """Code cell `done` (from 1) of `total` starts."""
        with self._lock:
            self._running[chapter] = (done, total)
            self._write(None if self._live else f"{chapter}: cell {done}/{total}")

    def end(self, chapter: str, line: str) -> None:
        with self._lock:
            self._running.pop(chapter, None)
            self._write(f"{chapter}: {line}")

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._start
