"""Recorded tables on disk: a CSV file, and beside it where the numbers come from."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path

import pandas as pd

from .checkout import commit_of
from .files import write_atomic


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
