"""The figures of chapters as files: all for slides and papers; those at full size kept with the book."""

from __future__ import annotations

import json
import os
import platform
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

from .cache import Record
from .checkout import DIRTY, NO_COMMIT, at, commit_of, why_no_commit
from .drawings import compact
from .files import replace_folder, scratch, stored, write_atomic
from .project import BookError, Project

FULL = "full"
"""In the book's folder of evidence: the figures at full size, and `figures.json`, where each comes from."""

ORIGINS = "figures.json"


def write_figures(project: Project, records: Mapping[str, Record], formats: Iterable[str]) -> int:
    """Write every figure in every format into `_build/figures`, which it replaces; return the number of files."""
    with scratch(project.work, "figures") as folder:
        folder.chmod(0o755)
        for record in records.values():
            for name in record.figures:
                for suffix in formats:
                    shutil.copyfile(record.folder / "figures" / f"{name}.{suffix}", folder / f"{name}.{suffix}")
        count = len(list(folder.iterdir()))
        replace_folder(folder, project.build / "figures")
    return count


def full_folder(project: Project) -> Path | None:
    """Where the figures at full size are kept; None for a book without the setting `evidence`."""
    return None if project.settings.evidence is None else project.root / project.settings.evidence / FULL


def clean_commit(project: Project) -> str:
    """The commit that kept figures name; BookError where the tree is not that commit."""
    commit = commit_of(project.root)
    if commit == NO_COMMIT or commit.endswith(DIRTY):
        why = why_no_commit(project.root) if commit == NO_COMMIT else "it holds uncommitted changes"
        raise BookError(f"figures that are kept name their commit, and this tree is none ({why}): commit first")
    return commit


def keep_full(project: Project, records: Mapping[str, Record], commit: str) -> Path:
    """Keep the figures of these chapters, run at full size, beside those of others; return the folder.

    Of a chapter that is kept anew, figures that it no longer shows are dropped.
    """
    folder = full_folder(project)
    if folder is None:
        raise BookError("pyproject.toml: name a folder `evidence` in [tool.claimbook], where figures can be kept")
    known = stored(folder / ORIGINS) or {}
    for name in [name for name, origin in known.items() if origin["chapter"] in records]:
        del known[name]
        (folder / f"{name}.svg").unlink(missing_ok=True)
    device = f"{os.cpu_count()} CPU cores, {platform.machine()}"
    for chapter, record in records.items():
        origin = {"chapter": chapter, "commit": commit, "seconds": record.seconds, "parameters": record.parameters}
        for name in record.figures:
            drawing = (record.folder / "figures" / f"{name}.svg").read_text(encoding="utf-8")
            write_atomic(folder / f"{name}.svg", compact(drawing))
            known[name] = {**origin, "device": device}
    write_atomic(folder / ORIGINS, json.dumps(known, indent=1, sort_keys=True) + "\n")
    return folder


def stage_full(project: Project, record: Record, folder: Path) -> int:
    """Copy a chapter's figures at full size into `folder` as `<name>-full.svg`, with `<name>-full.txt`, a sentence.

    Those that are the same as the quick ones are left out; returns how many are shown.
    """
    shown = 0
    kept = full_folder(project)
    known = {} if kept is None else stored(kept / ORIGINS) or {}
    for name in record.figures:
        if kept is None or name not in known or not (kept / f"{name}.svg").is_file():
            continue
        quick = (record.folder / "figures" / f"{name}.svg").read_text(encoding="utf-8")
        if compact(quick) == (kept / f"{name}.svg").read_text(encoding="utf-8"):
            continue
        origin = known[name]
        shutil.copyfile(kept / f"{name}.svg", folder / f"{name}-{FULL}.svg")
        told = ", ".join(f"{key} = {value}" for key, value in origin["parameters"].items())
        where = f"on {origin['device']}, {at(origin['commit'])}"
        text = f"Recorded with {told} in {origin['seconds']:.0f} s {where}."
        write_atomic(folder / f"{name}-{FULL}.txt", text)
        shown += 1
    return shown
