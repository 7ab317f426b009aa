"""Eigenvectors of many small symmetric matrices: Jacobi's method in tensor operations beside torch.linalg."""

from collections.abc import Callable
from typing import Any

import pandas as pd
import torch
from torch import Tensor

from claimbook.sweeps import Sweep
from global_optimality.streams import generator, normal
from global_optimality.symmetric import jacobi

from .timing import clocked_medians

ROUNDS = 3
WAYS: dict[str, Callable[[Tensor], Any]] = {"torch.linalg.eigh": torch.linalg.eigh, "Jacobi's method": jacobi}


def race(shared: dict[str, Any], _: list[dict[str, Any]]) -> pd.DataFrame:
    """One row a way: median seconds for the batch, of the processor, or of the clock on a GPU, which is taken if there.

    ``residual`` is the largest ‖A V − V Λ‖_F/‖A‖_F, ``ratio`` that of the seconds to those of ``torch.linalg``.
    """
    device, (k, n) = machine(), (shared["size"], shared["batch"])
    A = normal(generator(0, "small eigen", k), n, k, k).to(device)
    A = A + A.mT
    found = {way: solve(A) for way, solve in WAYS.items()}
    seconds = clocked_medians({way: lambda solve=solve: solve(A) for way, solve in WAYS.items()}, rounds=ROUNDS)
    rows = []
    for way, (values, V) in found.items():
        spent = seconds[way].cpu if device.type == "cpu" else seconds[way].wall
        residual = torch.linalg.matrix_norm(A @ V - V * values[:, None]) / torch.linalg.matrix_norm(A)
        rows.append({"way": way, "seconds": spent, "residual": float(residual.max())})
    table = pd.DataFrame(rows)
    return table.assign(
        ratio=table["seconds"] / table["seconds"].iloc[0], device=device.type, threads=torch.get_num_threads()
    )


def machine() -> torch.device:
    """The GPU if there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


SMALL_EIGEN = Sweep(race, {"size": [2, 3, 4, 8, 16], "batch": [1, 10, 100, 1000]})
