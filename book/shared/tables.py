"""Tensors become data frames here and nowhere else."""

import pandas as pd
import torch
from torch import Tensor

from claimbook.tables import Provenance
from global_optimality.certificate import Certificate
from global_optimality.descent import Descent
from global_optimality.factors import slice_norms
from global_optimality.meta_algorithm import DescentPath

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


def runs_table(descent: Descent, certificate: Certificate, **labels: str | float) -> pd.DataFrame:
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


def provenance(*, seed: int, parameters: dict[str, object], seconds: float) -> Provenance:
    """Where a table that is recorded here and now comes from, the GPU's name included where there is one."""
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    return Provenance.here(
        seed=seed, parameters=parameters, seconds=seconds, device=device, packages=("torch", "numpy", "pandas")
    )
