"""What a long computation says while it works: one line on stderr, in a terminal, a notebook or a log.

By hand: tqdm and rich count towards a known end, which a search has not, and the library needs torch, numpy and scipy
only.
"""

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import final

from .settings import function

QUIET = "GLOBAL_OPTIMALITY_QUIET"
"""A variable of the environment: where it is not empty, nothing is written to stderr."""

PATIENCE = 3.0
"""Seconds before the first word: what is done by then needs none."""

PAUSES = {True: 0.5, False: 30.0}
"""Seconds between two lines that replace each other (terminal, notebook), and between two lines of a log."""

Hook = Callable[[str], None]
"""Shows one line; the empty line says that the computation has ended."""


def write(line: str) -> None:
    """The usual hook: the line replaces the last one in a terminal or a notebook, and follows it in a log."""
    if os.environ.get(QUIET) or not _open():
        return
    with suppress(OSError):  # nobody reads it
        if _rewrites():
            sys.stderr.write("\r" + line[:119].ljust(119) + ("" if line else "\r"))
        elif line:
            sys.stderr.write(line + "\n")
        sys.stderr.flush()


_hook: ContextVar[Hook | None] = ContextVar("hook", default=write)


@contextmanager
def progress_to(hook: Hook | None) -> Iterator[None]:
    """Inside ``with progress_to(hook):`` long computations call ``hook(line)``, not ``write``; None: quiet."""
    if hook is not None:
        function("hook", hook, "pass a function of one line, or None for silence.")
    token = _hook.set(hook)
    try:
        yield
    finally:
        _hook.reset(token)


@final
@dataclass
class Reporter:
    """The words of one computation called ``task``, from its beginning; silent for the first ``PATIENCE`` seconds."""

    task: str
    began: float = field(default_factory=lambda: time.monotonic())
    _next: float = field(default=0.0, init=False)
    _shown: bool = field(default=False, init=False)

    def say(self, state: Callable[[], str]) -> None:
        """Show the task, the seconds so far and ``state()``, unless it is too soon; ``state`` is called only then."""
        now, hook = time.monotonic(), _hook.get()
        if hook is None or now < max(self._next, self.began + PATIENCE):
            return
        self._next, self._shown = now + PAUSES[_rewrites() or hook is not write], True
        hook(f"{self.task}, {now - self.began:.0f} s: {state()}")

    def announce(self, seconds: float, words: str) -> None:
        """Say at once what is expected to take so many seconds, unless that is too little to be worth a word."""
        hook = _hook.get()
        if hook is not None and seconds >= PATIENCE:
            self._shown = True
            hook(f"{self.task}: {words}")

    def end(self) -> None:
        """Clear the line, if one was shown."""
        hook = _hook.get()
        if self._shown and hook is not None:
            hook("")
        self._shown = False


def _rewrites() -> bool:
    return "ipykernel" in sys.modules or (_open() and sys.stderr.isatty())


def _open() -> bool:
    """Whether there is a standard error: services and windows have none."""
    return sys.stderr is not None and not sys.stderr.closed
