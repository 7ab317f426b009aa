"""Tensors become data frames here and nowhere else; tables are written together with where they come from."""

import json
import os
import platform
import subprocess
from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd
import torch
from torch import Tensor

from .certificate import Certificate
from .descent import Descent
from .factors import slice_norms
from .meta_algorithm import DescentPath

ACTIVE = 1e-6
"""A subnetwork counts as active when the norm of its weights exceeds ACTIVE times the largest one of its run."""

RUN_COLUMNS = {
    "run": "index of the start",
    "size": "r, the number of subnetworks",
    "active": "subnetworks whose weights are not zero (relative threshold ACTIVE)",
    "objective": "f_r at the end",
    "lower_bound": "proved lower bound of f over all sizes",
    "relative_gap": "(objective − lower_bound) / |objective|",
    "polar": "upper bound of Ω°(−∇ℓ)/λ",
    "alignment": "max_i |⟨−∇ℓ, φ(w_i)⟩ − λθ(w_i)|",
    "gradient_norm": "Euclidean norm of ∇f_r",
    "steps": "steps made",
    "status": "how the run ended (name of a Status)",
}
"""The columns of ``runs_table`` and what they hold; a run that failed is a row like any other."""


def frame(**columns: object) -> pd.DataFrame:
    """A data frame from tensors, sequences and scalars; tensors must have at most one axis."""
    plain = {
        name: value.detach().cpu().numpy() if isinstance(value, Tensor) else value for name, value in columns.items()
    }
    return pd.DataFrame(plain)


def runs_table(descent: Descent, certificate: Certificate, **labels: object) -> pd.DataFrame:
    """One row a run with the columns RUN_COLUMNS, after the given labels (the same in every row)."""
    norms = slice_norms(descent.weights)
    table = frame(
        run=range(len(descent.status)),
        size=norms.shape[1],
        active=(norms > ACTIVE * norms.amax(1, keepdim=True)).sum(1),
        objective=certificate.objective,
        lower_bound=certificate.lower_bound,
        relative_gap=certificate.relative_gap,
        polar=certificate.polar,
        alignment=certificate.alignment,
        gradient_norm=certificate.gradient_norm,
        steps=descent.steps,
        status=[status.name for status in descent.status],
    )
    for place, (name, value) in enumerate(labels.items()):
        table.insert(place, name, value)
    return table


def path_table(path: DescentPath) -> pd.DataFrame:
    """One row a point of the path of ``meta_algorithm``: point, piece, kind of step, size r, objective."""
    kinds = pd.Series([step.name for step in path.steps])
    piece = ((kinds != kinds.shift()) | (kinds == "APPEND")).cumsum() - 1
    table = frame(point=range(len(path.steps)), piece=piece, step=kinds, size=path.size, objective=path.objective)
    return table


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
    def here(cls, *, seed: int, parameters: dict[str, object], seconds: float) -> "Provenance":
        """That of this machine and checkout; the commit is marked when the tree holds uncommitted changes."""
        cuda = torch.cuda.is_available()
        device = torch.cuda.get_device_name() if cuda else f"{os.cpu_count()} CPU cores, {platform.machine()}"
        versions = {"python": platform.python_version(), "torch": torch.__version__, "pandas": pd.__version__}
        return cls(device, versions, _commit(), seed, parameters, seconds)


def write_table(table: pd.DataFrame, file: Path, provenance: Provenance) -> None:
    """Write ``file`` (.csv) and its provenance beside it (.json), each atomically, the provenance first."""
    if file.suffix != ".csv":
        raise ValueError(f"{file.name}: recorded tables are .csv files.")
    file.parent.mkdir(parents=True, exist_ok=True)
    _replace(file.with_suffix(".json"), json.dumps(asdict(provenance), indent=1, sort_keys=True) + "\n")
    _replace(file, table.to_csv(index=False, float_format="%.17g"))


def read_table(file: Path) -> tuple[pd.DataFrame, Provenance]:
    """A recorded table and its provenance; ``FileNotFoundError`` names the missing one of the two."""
    provenance = json.loads(file.with_suffix(".json").read_text(encoding="utf-8"))
    return pd.read_csv(file), Provenance(**provenance)


def _replace(file: Path, text: str) -> None:
    part = file.with_name(f".{file.name}.{os.getpid()}.part")
    try:
        part.write_text(text, encoding="utf-8")
        os.replace(part, file)
    finally:
        part.unlink(missing_ok=True)


def _commit() -> str:
    try:
        root = Path(__file__).parent
        head = subprocess.run(
            ["git", "rev-parse", "HEAD"], cwd=root, capture_output=True, text=True, check=True
        ).stdout.strip()
        dirty = subprocess.run(
            ["git", "status", "--porcelain", "."], cwd=root, capture_output=True, text=True, check=True
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        return "not under git"
    return head + (" with uncommitted changes" if dirty.strip() else "")
