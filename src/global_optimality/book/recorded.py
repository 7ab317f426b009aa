"""Recorded tables: results that a build does not repeat, always shown with where they come from."""

from __future__ import annotations

import pandas as pd

from ..results import read_table
from .project import BookError, Project


def recorded(name: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """data/<name>.csv and its provenance as a one-column table; a chapter lists the file under `data`.

    BookError when one of the two files is missing, with the command that records benchmarks.
    """
    file = Project.find().root / "data" / f"{name}.csv"
    try:
        table, origin = read_table(file)
    except FileNotFoundError as missing:
        raise BookError(
            f"no recorded table data/{name}.csv with its .json: "
            "record benchmarks by python -m global_optimality.benchmarks"
        ) from missing
    rows = {
        "device": origin.device,
        "versions": ", ".join(f"{package} {version}" for package, version in origin.versions.items()),
        "commit": origin.commit,
        "seed": str(origin.seed),
        "parameters": ", ".join(f"{key} = {value}" for key, value in origin.parameters.items()),
        "seconds": f"{origin.seconds:.0f}",
    }
    return table, pd.DataFrame({f"data/{name}.csv": rows})
