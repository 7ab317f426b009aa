"""Recorded tables: results that a build does not repeat, always shown with where they come from."""

from __future__ import annotations

import os
from pathlib import Path
from types import ModuleType

import pandas as pd

from .project import BookError
from .tables import read_table

CHAPTER = "CLAIMBOOK_CHAPTER"
"""Names the folder of the chapter at work; without it (a reader's Jupyter) that is the working directory."""


def data_folder(beside: ModuleType | None = None) -> Path:
    """The folder `data` beside a module; without one, that of the chapter at work."""
    if beside is not None and beside.__file__:
        return Path(beside.__file__).parent / "data"
    return Path(os.environ.get(CHAPTER) or Path.cwd()) / "data"


def recorded(name: str, beside: ModuleType | None = None) -> tuple[pd.DataFrame, pd.DataFrame]:
    """`data/<name>.csv` beside the chapter, and its provenance as a one-column table.

    `beside` is a module of the chapter's own: with it the table comes along wherever that module is installed.
    BookError when one of the two files is missing; the message says where they were looked for.
    """
    file = data_folder(beside) / f"{name}.csv"
    try:
        table, origin = read_table(file)
    except FileNotFoundError as missing:
        raise BookError(
            f"no recorded table {name}.csv with its .json in {file.parent}: keep the chapter's folder `data` beside "
            "the notebook, or record the table anew"
        ) from missing
    rows = {
        "device": origin.device,
        "versions": ", ".join(f"{package} {version}" for package, version in origin.versions.items()),
        "commit": origin.commit,
        "seed": str(origin.seed),
        "parameters": ", ".join(f"{key} = {value}" for key, value in origin.parameters.items()),
        "seconds": f"{origin.seconds:.0f}",
    }
    return table, pd.DataFrame({f"{name}.csv": rows})
