"""The key of a chapter's result: everything that could change what the chapter computes."""

from __future__ import annotations

import json
import platform
import re
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from .chapters import Chapter
from .dependencies import used_files
from .files import digest
from .project import BookError, Project

FORMAT = 1  # raise it when the runner itself changes what a run means
_REQUIREMENT = re.compile(r"^\s*([A-Za-z0-9][A-Za-z0-9._-]*)\s*==")


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
def packages(requirements: Path) -> dict[str, str]:
    """Installed versions of the distributions pinned in requirements.txt; empty without the file."""
    if not requirements.is_file():
        return {}
    names = [m.group(1) for m in map(_REQUIREMENT.match, requirements.read_text().splitlines()) if m]
    installed = {}
    for name in names:
        try:
            installed[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            installed[name] = "absent"
    return installed


@cache
def cuda_name() -> str:
    """The name of the CUDA device, asked of a process of its own; a BookError where there is none."""
    code = "import torch; print(torch.cuda.get_device_name() if torch.cuda.is_available() else '')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    name = done.stdout.strip()
    if not name:
        raise BookError("device=cuda: PyTorch sees no CUDA device here: use device=cpu, or a machine with a GPU")
    return name


def data_files(project: Project, chapter: Chapter) -> dict[str, Path]:
    """All of data/<chapter>/ and the files or folders that the front matter lists under `data`."""
    data = project.root / "data"
    places = [data / chapter.name]
    for name in chapter.data:
        place = data / name
        if not place.exists():
            raise BookError(f"{chapter.path.name}: declares data {name}, but there is no data/{name}")
        places.append(place)
    files = [f for p in places for f in ([p] if p.is_file() else p.rglob("*")) if f.is_file()]
    return {f.relative_to(data).as_posix(): f for f in sorted(files)}


def source_files(project: Project, chapter: Chapter) -> dict[str, Path]:
    return used_files((s for _, s in chapter.code()), project.source_roots(), chapter.modules)


def key_of(project: Project, chapter: Chapter, values: dict[str, Any], collected: str = "") -> Key:
    """The key for one run. `collected` is the text of the other chapters' claims, for the page that shows them."""
    device = values.get("device", "cpu")
    parts = {
        "format": FORMAT,
        "text": digest(chapter.text.encode()),
        "parameters": values,
        "source": {name: digest(p.read_bytes()) for name, p in source_files(project, chapter).items()},
        "data": {name: digest(p.read_bytes()) for name, p in data_files(project, chapter).items()},
        "packages": packages(project.root / "requirements.txt"),
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "device": cuda_name() if device == "cuda" else "cpu",
        "collected": digest(collected.encode()),
    }
    return Key(digest(json.dumps(parts, sort_keys=True).encode())[:24], json.loads(json.dumps(parts)))
