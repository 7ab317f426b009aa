"""The command's own process, however it was started: standard streams that are closed or full, a umask of 777."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

_OWN = 0o700
"""What a umask must leave: the owner's rights. Without them nobody reads on what was written."""


def _lead_nowhere(number: int) -> None:
    handle = os.open(os.devnull, os.O_RDWR)
    os.dup2(handle, number)
    os.close(handle)


def _open(number: int) -> TextIO:
    """A stream for a number that was closed; the system gives the lowest that is free, so it is that one."""
    handle = os.open(os.devnull, os.O_RDWR)
    os.set_inheritable(handle, handle == number)
    return open(handle, "w" if number else "r", encoding="utf-8")


class Untold(Exception):  # noqa: N818
    """What was asked for is done, and what there is to say about it cannot be written; the cause says why."""


def say(text: object) -> None:
    """Say on standard output what a command has found."""
    try:
        print(text, flush=True)
    except OSError as error:
        _lead_nowhere(sys.stdout.fileno())
        raise Untold(f"standard output: {error.strerror}: the work is done; send what it says elsewhere") from error


def tell(line: str) -> None:
    """Say on standard error why a command ends; who cannot hear it has the exit status."""
    try:
        print(line, file=sys.stderr, flush=True)
    except OSError:
        _lead_nowhere(sys.stderr.fileno())


@contextmanager
def usable() -> Iterator[None]:
    """Inside, all three standard streams can be used, and what the process writes it can read again."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            setattr(sys, name, _open(number))
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that is not UTF-8 shows ? for a check mark
    before = os.umask(0)
    os.umask(before & ~_OWN)
    try:
        yield
    finally:
        os.umask(before)
