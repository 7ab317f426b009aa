"""What git says of the tree around a folder: its commit, what that commit does not hold, and the changes before it."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

DIRTY = " with uncommitted changes"
NO_COMMIT = "no known commit"

LATEST = 30
"""How many changes are told."""

_MACHINE = ("GIT_CONFIG", "GIT_EXEC_PATH", "GIT_DISCOVERY_ACROSS_FILESYSTEM", "GIT_CEILING_DIRECTORIES")
"""git's variables that begin so say how this machine is set up, which owners it trusts too; others name a tree."""

_LOG = ("log", "--no-show-signature", "--no-color", "--encoding=UTF-8", "-z")

_NO_TEXT = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff]")


class Unknown(Exception):  # noqa: N818
    """git gives no answer; the message says why."""


@dataclass(frozen=True)
class Change:
    """One commit: its digest, its date in ISO 8601, who made it, and its first line."""

    commit: str
    date: str
    author: str
    subject: str


def _git(root: Path, *words: str) -> str:
    """What git says of the checkout around `root`, in English, names of files as Python writes them."""
    own = {name: text for name, text in os.environ.items() if not name.startswith("GIT_") or name.startswith(_MACHINE)}
    try:
        done = subprocess.run(
            ["git", *words], cwd=root, capture_output=True, check=False, env=own | {"LC_ALL": "C", "LANGUAGE": "C"}
        )
    except OSError as error:
        raise Unknown(f"git: {error.strerror}") from None
    if done.returncode:
        said = done.stderr.decode(errors="replace")
        raise Unknown(" ".join(said[max(0, said.find("fatal: ")) :].split()) or f"git: exit status {done.returncode}")
    return done.stdout.decode("utf-8", errors="surrogateescape")


def _names(listed: str) -> list[str]:
    return listed.split("\0")[:-1]


def _commit(root: Path) -> str:
    """The commit, marked where the tree differs from it. Unknown where the checkout does not hold `root`.

    A book that was unpacked inside another's checkout has no commit, whether that one ignores the folder or not.
    """
    (commit,) = _names(_git(root, *_LOG, "-1", "--format=%H"))
    if not _git(root, "ls-files", "-z", "--", "."):
        raise Unknown(f"git: the checkout in {_top(root)} holds no file of {root}")
    look = ("-c", "core.fsmonitor=false", "status", "--porcelain", "--untracked-files=all", "--ignore-submodules=none")
    changed = _git(root, *look)
    unseen = any(not line.startswith("H ") for line in _names(_git(root, "ls-files", "-v", "-z", "--", ":/")))
    return commit + (DIRTY if changed or unseen else "")


def _top(root: Path) -> Path:
    return Path(_git(root, "rev-parse", "--show-toplevel").removesuffix("\n"))


def commit_of(root: Path) -> str:
    """The commit of the checkout around `root`, marked where its tree holds uncommitted changes; NO_COMMIT without one.

    Files that git was told not to look at (assume-unchanged, skip-worktree) count as changed.
    """
    try:
        return _commit(root)
    except Unknown:
        return NO_COMMIT


def why_no_commit(root: Path) -> str:
    """Why no commit of the tree around `root` is known: no git, an archive, another's checkout; empty where one is."""
    try:
        _commit(root)
    except Unknown as why:
        return str(why)
    return ""


def short(commit: str) -> str:
    """A commit as `commit_of` tells it, with the first letters of its digest."""
    if commit == NO_COMMIT:
        return NO_COMMIT
    return commit.removesuffix(DIRTY)[:12] + (DIRTY if commit.endswith(DIRTY) else "")


def at(commit: str) -> str:
    """The end of a sentence: where something was made."""
    return f"at {short(commit)}" if commit == NO_COMMIT else f"at commit {short(commit)}"


def date_of(root: Path) -> str:
    """The day of the commit of the checkout around `root`, as 2026-01-31; empty where there is none."""
    try:
        return _names(_git(root, *_LOG, "-1", "--format=%cs"))[0]
    except Unknown:
        return ""


def changes(root: Path) -> tuple[Change, ...]:
    """The latest commits to the files below `root`, newest first, as plain text; none where `root` is no checkout."""
    try:
        told = _names(_git(root, *_LOG, f"-{LATEST}", "--format=%H%n%cI%n%an%n%s", "--", "."))
    except Unknown:
        return ()
    return tuple(Change(*map(_plain, entry.split("\n"))) for entry in told)


def _plain(text: str) -> str:
    """Without what no page and no feed can hold: characters of control, bytes that were no UTF-8."""
    return _NO_TEXT.sub(" ", text)


def strangers(root: Path, files: Iterable[Path]) -> list[Path]:
    """Those of the files that the checkout around `root` does not hold: its commit says nothing about them."""
    top = _top(root)
    held = {top / name for name in _names(_git(root, "ls-files", "-z", "--full-name", "--", ":/"))}
    return sorted({file for file in files if file.resolve() not in held})
