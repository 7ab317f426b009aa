"""Writing files and folders so that a reader never meets half of one."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from .project import BUILD, BookError

LOCK = ".lock"
"""In a folder of results: the file that a build holds while it works there."""


def digest(data: bytes) -> str:
    """SHA-256 of the bytes, in hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def tree_digest(folder: Path) -> str:
    """A digest over the names and bytes of every file under `folder`."""
    total = hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        total.update(f"{path.relative_to(folder).as_posix()}\0{digest(path.read_bytes())}\n".encode())
    return total.hexdigest()


def stored(path: Path) -> dict[str, Any] | None:
    """What a JSON file of ours holds, names and values; None where there is none, or something has damaged it."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def write_atomic(path: Path, data: str | bytes) -> None:
    """Write `path` in one step: it holds the old bytes or the new ones, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    data = data.encode() if isinstance(data, str) else data
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
        os.chmod(name, 0o644)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def recover_folder(target: Path) -> None:
    """Undo a `replace_folder` that was killed between its two renames."""
    previous = target.with_name(f".{target.name}.previous")
    if previous.is_dir() and not target.exists():
        os.rename(previous, target)
    shutil.rmtree(previous, ignore_errors=True)


def replace_folder(new: Path, target: Path) -> None:
    """Put the finished folder `new` in the place of `target`; both must be on one file system."""
    target.parent.mkdir(parents=True, exist_ok=True)
    recover_folder(target)
    if not target.exists():
        os.rename(new, target)
        return
    previous = target.with_name(f".{target.name}.previous")
    os.rename(target, previous)
    os.rename(new, target)
    shutil.rmtree(previous)


def leaving_out(*patterns: str) -> Callable[[str, list[str]], set[str]]:
    """What `shutil.copytree` takes as `ignore`: names like the patterns, and what is no source whatever its name.

    That are results of builds, virtual environments, links that lead nowhere, pipes.
    """
    like = shutil.ignore_patterns(*patterns)

    def ignored(folder: str, names: list[str]) -> set[str]:
        return {*like(folder, names), *(name for name in names if not _may_be_source(Path(folder, name)))}

    return ignored


def _may_be_source(place: Path) -> bool:
    if place.is_dir():
        return not any((place / name).is_file() for name in (LOCK, "pyvenv.cfg"))
    return place.is_file()


@contextmanager
def scratch(parent: Path, name: str) -> Iterator[Path]:
    """A new folder under `parent`, removed afterwards unless it was moved away."""
    parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=parent, prefix=f"{name}-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def lock(build: Path) -> Iterator[None]:
    """Hold the build folder alone. The system releases the lock when the process ends, however it ends.

    BookError where the folder holds something else: a build replaces and removes what it finds in its own.
    """
    build.mkdir(parents=True, exist_ok=True)
    if build.name != BUILD and not (build / LOCK).exists() and (other := next(build.iterdir(), None)):
        raise BookError(f"{build} holds other files ({other.name}): name a new or an empty folder with --output")
    try:
        with FileLock(build / LOCK, timeout=0):
            yield
    except Timeout:
        raise BookError(f"another build is at work in {build}: wait for it to end, or stop it") from None
