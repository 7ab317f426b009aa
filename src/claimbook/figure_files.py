"""The figures of all chapters as files for slides and papers."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping

from .cache import Record
from .files import replace_folder, scratch
from .project import Project


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
