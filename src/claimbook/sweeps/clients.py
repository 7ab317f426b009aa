"""Who is at work on a sweep: a file for each client, touched while it lives; what `status` tells from it."""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from .. import files
from ..files import write_atomic
from ..progress import in_words
from ..project import BookError

PULSE = 5.0
"""Seconds between two touches of a client's file."""

SILENCE = 6 * PULSE
"""A client that was not heard of for so many seconds is dead."""

PLAN, CLIENTS = "plan.json", "clients"


@dataclass
class Presence:
    """A client of a sweep: chunks that it found to do, those done since, and when it began."""

    file: Path
    total: int
    done: int = 0
    began: float = 0.0

    def tell(self) -> None:
        """Write how far it is."""
        text = {"total": self.total, "done": self.done, "began": self.began}
        write_atomic(self.file, json.dumps(text))


@contextmanager
def present(folder: Path, keys: dict[str, int], waiting: int) -> Iterator[Presence]:
    """Inside, this process counts as a client of the sweep in a folder; its chunks are ``keys``, key → runs."""
    write_atomic(folder / PLAN, json.dumps({"chunks": keys}))
    file = folder / CLIENTS / f"{socket.gethostname()}-{os.getpid()}.json"
    presence = Presence(file, waiting, began=time.time())
    presence.tell()
    left = threading.Event()

    def beat() -> None:
        while not left.wait(PULSE):
            file.touch()

    pulse = threading.Thread(target=beat, daemon=True)
    pulse.start()
    try:
        yield presence
    finally:
        left.set()
        pulse.join()
        file.unlink(missing_ok=True)


@dataclass(frozen=True)
class HowFar:
    """How far a sweep is: chunks and runs stored of all, damaged files set aside, clients at work, seconds left."""

    name: str
    chunks: int
    stored: int
    runs: int
    runs_stored: int
    damaged: int
    clients: int
    seconds_left: float | None

    def __str__(self) -> str:
        how = "running" if self.clients else "complete" if self.stored == self.chunks else "not running"
        left = "" if self.seconds_left is None else f", about {in_words(self.seconds_left)} left"
        aside = f", {self.damaged} damaged set aside" if self.damaged else ""
        some = f", {self.clients} clients" if self.clients > 1 else ""
        return (
            f"{self.name}: {how}{some}, {self.runs_stored} of {self.runs} runs in {self.stored} of {self.chunks} chunks"
            f"{left}{aside}"
        )


def status(folder: Path) -> HowFar:
    """How far the sweep in a folder is, running or dead; BookError where there is none."""
    if not (folder / PLAN).is_file():
        raise BookError(f"no sweep in {folder}: start one there first")
    keys = (files.stored(folder / PLAN) or {}).get("chunks")
    if not isinstance(keys, dict) or not all(type(runs) is int for runs in keys.values()):
        raise BookError(f"{folder / PLAN} is damaged: start the sweep again, what is stored there stays")
    stored = [key for key in keys if (folder / f"{key}.json").is_file()]
    alive = [told for file in (folder / CLIENTS).glob("*.json") if (told := _alive(file))]
    speed = sum(told["done"] / max(time.time() - told["began"], 1e-3) for told in alive)
    return HowFar(
        name=folder.name,
        chunks=len(keys),
        stored=len(stored),
        runs=sum(keys.values()),
        runs_stored=sum(keys[key] for key in stored),
        damaged=len(list(folder.glob("damaged/*.json"))),
        clients=len(alive),
        seconds_left=(len(keys) - len(stored)) / speed if speed else None,
    )


def _alive(file: Path) -> dict[str, float] | None:
    """What a client says of itself, unless it is dead."""
    try:
        silent = time.time() - file.stat().st_mtime > SILENCE
    except OSError:
        return None
    told = files.stored(file)
    host, _, pid = file.stem.rpartition("-")
    gone = host == socket.gethostname() and not (pid.isdecimal() and psutil.pid_exists(int(pid)))
    whole = told is not None and all(isinstance(told.get(key), int | float) for key in ("done", "began"))
    return None if silent or gone or not whole else told
