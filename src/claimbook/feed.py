"""The feed of changes: the latest commits to what the book is made of, as an Atom feed beside the pages."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from .templates import render

LATEST = 30
_FIELDS = "%H%x1f%cI%x1f%an%x1f%s"


@dataclass(frozen=True)
class Change:
    """One commit: its digest, its date in ISO 8601, who made it, and its first line."""

    commit: str
    date: str
    author: str
    subject: str


def changes(root: Path) -> tuple[Change, ...]:
    """The latest commits of the book, newest first; none where `root` is no checkout."""
    command = ["git", "-C", str(root), "log", f"-{LATEST}", "--encoding=UTF-8", f"--format={_FIELDS}", "--", "."]
    try:
        done = subprocess.run(command, capture_output=True, check=False, encoding="utf-8", errors="replace")
    except OSError:
        return ()
    lines = [] if done.returncode else done.stdout.splitlines()
    return tuple(Change(*line.split("\x1f")) for line in lines)


def feed(title: str, found: tuple[Change, ...], *, base: str = "", repository: str = "") -> str:
    """The Atom feed of the changes; addresses where the site and the repository have one."""
    return render("feed.xml", title=title, changes=found, base=base.rstrip("/"), repository=repository.rstrip("/"))
