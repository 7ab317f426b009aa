"""The key of a chapter's result: everything that could change what the chapter computes."""

from __future__ import annotations

import ast
import json
import platform
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from .chapters import Chapter
from .files import digest
from .project import BookError, Project

PACKAGE = Path(__file__).parent
_IMPORTED = re.compile(r"^from claimbook\.(\w+) import", re.MULTILINE)
FORMAT = 3  # raise it when the runner itself changes what a run means
_REQUIREMENT = re.compile(r"^\s*([A-Za-z0-9][A-Za-z0-9._-]*)\s*==\s*([^\s#;]+)")


@dataclass(frozen=True)
class Key:
    """`digest` names the result; `parts` says what it stands for, so that a rerun can name its reason."""

    digest: str
    parts: dict[str, Any]

    def reasons(self, other: dict[str, Any]) -> tuple[str, ...]:
        """What differs between this key and the parts of another one."""
        reasons = []
        for name, mine in self.parts.items():
            theirs = other.get(name)
            if mine == theirs:
                continue
            if isinstance(mine, dict) and isinstance(theirs, dict):
                changed = [k for k in sorted({*mine, *theirs}) if mine.get(k) != theirs.get(k)]
                reasons.append(f"{name}: {', '.join(changed[:3])}{' …' if len(changed) > 3 else ''}")
            else:
                reasons.append(name)
        return tuple(reasons)


@cache
def _pins(requirements: Path) -> dict[str, str]:
    if not requirements.is_file():
        return {}
    found = map(_REQUIREMENT.match, requirements.read_text(encoding="utf-8").splitlines())
    return {m.group(1): m.group(2) for m in found if m}


@cache
def packages(requirements: Path) -> dict[str, str]:
    """Installed versions of the distributions pinned in requirements.txt; empty without the file."""
    installed = {}
    for name in _pins(requirements):
        try:
            installed[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            installed[name] = "absent"
    return installed


def strays(requirements: Path) -> tuple[str, ...]:
    """Packages that are installed in another version than requirements.txt pins, or not at all."""
    have = packages(requirements)
    return tuple(f"{n} {have[n]} (pinned {v})" for n, v in _pins(requirements).items() if have[n].split("+")[0] != v)


@cache
def cuda_name() -> str:
    """The name of the CUDA device, asked of a process of its own; a BookError where there is none."""
    code = "import torch; print(torch.cuda.get_device_name() if torch.cuda.is_available() else '')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    name = done.stdout.strip()
    if not name:
        raise BookError("device=cuda: PyTorch sees no CUDA device here: use device=cpu, or a machine with a GPU")
    return name


def _files(place: Path) -> Iterator[Path]:
    if place.is_file():
        yield place
        return
    for path in sorted(place.rglob("*")):
        hidden = any(part.startswith(".") or part == "__pycache__" for part in path.relative_to(place).parts)
        if path.is_file() and not hidden and path.suffix != ".pyc":
            yield path


@cache
def _digest_at(path: Path, mtime_ns: int, size: int) -> str:
    return digest(path.read_bytes())


@cache
def _imported_at(path: Path, mtime_ns: int, size: int) -> frozenset[str]:
    """The modules of this package that a file imports."""
    return frozenset(_IMPORTED.findall(path.read_text(encoding="utf-8")))


def _digests(place: Path, base: Path) -> dict[str, str]:
    """Digests of the files at or below `place`, by path relative to `base`."""
    found = {}
    for path in _files(place):
        stat = path.stat()
        found[path.relative_to(base).as_posix()] = _digest_at(path, stat.st_mtime_ns, stat.st_size)
    return found


def source_digests(project: Project, chapter: Chapter) -> dict[str, str]:
    """Digests of what a chapter needs besides its folder: the book's `sources`, and what it loads of this package."""
    found: dict[str, str] = {}
    for name in project.settings.sources:
        place = project.root / name
        if not place.exists() and project.settings != type(project.settings)():
            raise BookError(f"pyproject.toml: [tool.claimbook] sources names {name}, which does not exist")
        found |= _digests(place, project.root) if place.exists() else {}
    places = [chapter.folder or chapter.path, *(project.root / name for name in project.settings.sources)]
    named = set(_IMPORTED.findall(chapter.text))
    for file in (f for place in places if place.exists() for f in _files(place) if f.suffix == ".py"):
        stat = file.stat()
        named |= _imported_at(file, stat.st_mtime_ns, stat.st_size)
    return found | {k: d for file in loaded(frozenset(named)) for k, d in _digests(file, PACKAGE.parent).items()}


@cache
def loaded(named: frozenset[str]) -> tuple[Path, ...]:
    """The files of this package that a kernel loads which imports these modules of it.

    They are the modules reached by imports at the top of modules (one inside a function waits to be called), the other
    files (templates) whose names stand in them as text, and the three of the runner: the child that executes, what it
    is forked from, and the kernel's environment.
    """
    found: set[Path] = {PACKAGE / "execute.py", PACKAGE / "fork_server.py", PACKAGE / "environment.py"}
    waiting = [PACKAGE / f"{name}.py" for name in ("__init__", *sorted(named))]
    others = {file.name: file for file in _files(PACKAGE) if file.suffix not in (".py", ".toml")}
    while waiting:
        file = waiting.pop()
        if file in found or not file.is_file():
            continue
        found.add(file)
        tree = ast.parse(file.read_text(encoding="utf-8"))
        modules = [node.module for node in tree.body if isinstance(node, ast.ImportFrom) and node.level == 1]
        waiting += [PACKAGE / f"{module}.py" for module in modules if module]
        words = {
            node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)
        }
        found |= {place for name, place in others.items() if name in words}
    return tuple(sorted(found))


def key_of(project: Project, chapter: Chapter, values: dict[str, Any], collected: str = "") -> Key:
    """The key for one run. `collected` is the text of the other chapters' claims, for the page that shows them."""
    device = values.get("device", "cpu")
    folder = {} if chapter.folder is None else _digests(chapter.folder, chapter.folder)
    folder = {name: found for name, found in folder.items() if not name.endswith(".md")}  # its text, and other pages
    parts = {
        "format": FORMAT,
        "text": digest(chapter.text.encode()),
        "parameters": values,
        "folder": folder,
        "source": source_digests(project, chapter),
        "packages": packages(project.root / "requirements.txt"),
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "device": cuda_name() if device == "cuda" else "cpu",
        "collected": digest(collected.encode()),
    }
    return Key(digest(json.dumps(parts, sort_keys=True).encode())[:24], json.loads(json.dumps(parts)))
