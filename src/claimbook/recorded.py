"""Recorded tables: results that a build does not repeat, always shown with where they come from."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd

from .checkout import at
from .project import BookError
from .tables import Provenance, read_table
from .templates import render

CHAPTER = "CLAIMBOOK_CHAPTER"
"""Names the folder of the chapter at work; without it (a reader's Jupyter) that is the working directory."""


def data_folder(beside: ModuleType | None = None) -> Path:
    """The folder `data` beside a module; without one, that of the chapter at work."""
    if beside is not None and beside.__file__:
        return Path(beside.__file__).parent / "data"
    return Path(os.environ.get(CHAPTER) or Path.cwd()) / "data"


@dataclass(frozen=True)
class Origin:
    """Where a recorded table comes from, as one sentence below it."""

    name: str
    provenance: Provenance

    def __str__(self) -> str:
        where = self.provenance
        versions = ", ".join(f"{package} {version}" for package, version in where.versions.items())
        parameters = ", ".join(f"{key} = {value}" for key, value in where.parameters.items())
        return (
            f"Recorded as {self.name}.csv ({parameters}; seed {where.seed}) in {where.seconds:.0f} s on "
            f"{where.device}, with {versions}, {at(where.commit)}."
        )

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        page = render("paragraph.html", css="table-origin", text=str(self))
        return {"text/html": page, "text/plain": str(self)}


def recorded(name: str, beside: ModuleType | None = None) -> tuple[pd.DataFrame, Origin]:
    """`data/<name>.csv` beside the chapter, and where it comes from.

    `beside` is a module of the chapter's own: with it the table comes along wherever that module is installed.
    BookError when one of the two files is missing; the message says where they were looked for.
    """
    if not isinstance(name, str):
        raise TypeError(
            f"recorded: the name is a {type(name).__name__}: pass that of a table, as in recorded('speed')."
        )
    file = data_folder(beside) / f"{name}.csv"
    try:
        table, provenance = read_table(file)
    except FileNotFoundError as missing:
        raise BookError(
            f"no recorded table {name}.csv with its .json in {file.parent}: keep the chapter's folder `data` beside "
            "the notebook, or record the table anew"
        ) from missing
    return table, Origin(name, provenance)
