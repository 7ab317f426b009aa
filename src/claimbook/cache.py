"""Results of chapters on disk, each under its key. An entry is whole or absent."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .claims import Claim
from .files import digest, replace_folder, scratch, stored, tree_digest, write_atomic
from .key import Key
from .project import Project

KEEP = 6


@dataclass(frozen=True)
class Record:
    """One stored result: what ran, for how long, what it claims and which figures it shows."""

    folder: Path
    chapter: str
    parameters: dict[str, Any]
    seconds: float
    claims: tuple[Claim, ...]
    figures: tuple[str, ...]
    parts: dict[str, Any]

    @property
    def notebook(self) -> Path:
        return self.folder / "executed.ipynb"


def read(folder: Path) -> Record | None:
    """The entry in `folder`, or None when it is absent, of another format, or anything in it has changed since."""
    fields = stored(folder / "record.json")
    if fields is None:
        return None
    try:
        if fields.pop("seal") != _seal(folder, fields):
            return None
        return Record(
            folder=folder,
            chapter=fields["chapter"],
            parameters=fields["parameters"],
            seconds=fields["seconds"],
            claims=tuple(Claim.from_record(c) for c in fields["claims"]),
            figures=tuple(fields["figures"]),
            parts=fields["parts"],
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _seal(folder: Path, fields: dict[str, Any]) -> str:
    """A digest of everything in an entry: its fields, its notebook and its figures."""
    figures = tree_digest(folder / "figures") if (folder / "figures").is_dir() else ""
    notebook = digest((folder / "executed.ipynb").read_bytes())
    return digest(f"{json.dumps(fields, sort_keys=True)} {notebook} {figures}".encode())


def lookup(project: Project, chapter: str, key: Key) -> Record | None:
    """The entry under a key, marked as used now; None when there is none."""
    record = read(project.cache / chapter / key.digest)
    if record is not None:
        os.utime(record.folder)
    return record


def newest(project: Project, chapter: str) -> Record | None:
    """The entry of a chapter that was used last, whatever its key."""
    for folder in reversed(_by_age(project.cache / chapter)):
        record = read(folder)
        if record is not None:
            return record
    return None


def _by_age(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    entries = [p for p in folder.iterdir() if p.is_dir() and not p.name.startswith(".")]
    return sorted(entries, key=lambda p: (p.stat().st_mtime_ns, p.name))


def store(
    project: Project,
    chapter: str,
    key: Key,
    *,
    notebook: str,
    figures: Path,
    shown: tuple[str, ...],
    claims: tuple[Claim, ...],
    parameters: dict[str, Any],
    seconds: float,
) -> Record:
    """Store a verified result under its key, in one step, and drop the oldest entries beyond KEEP."""
    place = project.cache / chapter
    with scratch(place, ".new") as folder:
        folder.chmod(0o755)
        write_atomic(folder / "executed.ipynb", notebook)
        if figures.is_dir():
            shutil.copytree(figures, folder / "figures")
        fields = {
            "chapter": chapter,
            "parameters": parameters,
            "seconds": round(seconds, 2),
            "claims": [c.record() for c in claims],
            "figures": list(shown),
            "parts": key.parts,
        }
        fields = json.loads(json.dumps(fields))
        fields["seal"] = _seal(folder, fields)
        write_atomic(folder / "record.json", json.dumps(fields, indent=1, sort_keys=True))
        replace_folder(folder, place / key.digest)
    others = [entry for entry in _by_age(place) if entry.name != key.digest]  # a clock that was ahead makes them newer
    for old in others[: 1 - KEEP]:
        shutil.rmtree(old, ignore_errors=True)
    record = read(place / key.digest)
    assert record is not None, "a result that was just stored can be read"
    return record


def sweep_up(project: Project) -> None:
    """Remove what a killed build left: work folders, unfinished entries and files. Call it under the lock."""
    shutil.rmtree(project.work, ignore_errors=True)
    for pattern in (".site.*", "runs/.*"):
        for unfinished in project.build.glob(pattern):
            unfinished.unlink(missing_ok=True)
    for folder in project.cache.glob("*/.*"):
        if folder.is_dir():
            shutil.rmtree(folder, ignore_errors=True)
