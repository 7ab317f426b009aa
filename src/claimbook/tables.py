"""Recorded tables on disk: a CSV file, and beside it where the numbers come from."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path

import pandas as pd

from .files import write_atomic

DIRTY = " with uncommitted changes"
NO_COMMIT = "not under git"


@dataclass(frozen=True)
class Provenance:
    """Where a recorded table comes from: device, versions, commit, seed, parameters, wall-clock seconds."""

    device: str
    versions: dict[str, str]
    commit: str
    seed: int
    parameters: dict[str, object]
    seconds: float

    @classmethod
    def here(
        cls,
        *,
        seed: int,
        parameters: dict[str, object],
        seconds: float,
        device: str | None = None,
        packages: Sequence[str] = ("numpy", "pandas"),
        root: Path | None = None,
    ) -> Provenance:
        """That of this machine and of the checkout at `root` (default: the working directory's).

        The commit is marked when the tree holds uncommitted changes. `device` defaults to this machine's processor.
        """
        device = device or f"{os.cpu_count()} CPU cores, {platform.machine()}"
        versions = {"python": platform.python_version()} | {name: metadata.version(name) for name in packages}
        return cls(device, versions, commit_of(root or Path.cwd()), seed, parameters, seconds)


def _git(root: Path, *words: str) -> str:
    """What git says of the checkout around `root`; variables that would send it to another one do not count."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return subprocess.run(["git", *words], cwd=root, capture_output=True, text=True, check=True, env=own).stdout.strip()


def commit_of(root: Path) -> str:
    """The commit of the checkout around `root`, marked where its tree holds uncommitted changes.

    Files that git was told not to look at (assume-unchanged, skip-worktree) count as changed.
    """
    look = ("-c", "core.fsmonitor=false", "status", "--porcelain", "--untracked-files=all", "--ignore-submodules=none")
    try:
        commit, changed = _git(root, "rev-parse", "HEAD"), _git(root, *look)
        unseen = any(not line.startswith("H ") for line in _git(root, "ls-files", "-v", "--", ":/").splitlines())
    except (OSError, subprocess.CalledProcessError):
        return NO_COMMIT
    return commit + (DIRTY if changed or unseen else "")


def why_no_commit(root: Path) -> str:
    """What git says where it knows no commit of the checkout around `root`: no git, an archive, another's checkout."""
    try:
        return _git(root, "rev-parse", "HEAD") and ""
    except OSError as error:
        return f"git: {error.strerror}"
    except subprocess.CalledProcessError as error:
        return next((line for line in error.stderr.splitlines() if line.startswith("fatal: ")), "git: no commit")


def strangers(root: Path, files: Iterable[Path]) -> list[Path]:
    """Those of the files that the checkout around `root` does not hold: its commit says nothing about them."""
    top = Path(_git(root, "rev-parse", "--show-toplevel"))
    held = {top / name for name in _git(root, "ls-files", "-z", "--full-name", "--", ":/").split("\0")}
    return sorted({file for file in files if file.resolve() not in held})


def date_of(root: Path) -> str:
    """The day of the commit of the checkout around `root`, as 2026-01-31; empty where there is none."""
    try:
        return _git(root, "log", "-1", "--format=%cs")
    except (OSError, subprocess.CalledProcessError):
        return ""


def write_table(table: pd.DataFrame, file: Path, provenance: Provenance) -> None:
    """Write `file` (.csv) and its provenance beside it (.json), each atomically, the provenance first."""
    if file.suffix != ".csv":
        raise ValueError(f"{file.name}: recorded tables are .csv files.")
    write_atomic(file.with_suffix(".json"), json.dumps(asdict(provenance), indent=1, sort_keys=True) + "\n")
    write_atomic(file, table.to_csv(index=False, float_format="%.17g"))


def read_table(file: Path) -> tuple[pd.DataFrame, Provenance]:
    """A recorded table and its provenance; ``FileNotFoundError`` names the missing one of the two."""
    provenance = json.loads(file.with_suffix(".json").read_text(encoding="utf-8"))
    return pd.read_csv(file), Provenance(**provenance)
