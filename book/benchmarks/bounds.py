"""Two bounds of max |Σ q_i (s_iᵀu)₊| beyond three columns, cones of u and signs of rows, on the same instances."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from claimbook.files import digest
from claimbook.sweeps import Sweep
from global_optimality import Effort
from global_optimality.polar.best_first import begin, refine
from global_optimality.polar.relu_enclosure.ascent import summits
from global_optimality.polar.relu_enclosure.branch_and_bound import STARTS
from global_optimality.polar.relu_enclosure.cones import LARGEST_D, Cones
from global_optimality.polar.relu_enclosure.polar_problem import prepare
from global_optimality.polar.relu_enclosure.row_signs import RowSigns
from global_optimality.streams import generator, normal

from .timing import clocked

INSTANCES = Path(__file__).parents[2] / "data" / "max_relu_sum"
SMALL = ((4, 50), (5, 50), (5, 100), (6, 50))
"""Pairs d, N of standard normal rows and weights, beside the instances that certificates meet."""


TOLERANCES, LIMIT = (1e-1, 1e-2, 1e-4), 60.0
"""Relative widths asked for, and the seconds after which a search ends where it is."""


def instance(name: str) -> Tensor:
    """The table of an instance: the rows of S, and q as its last column."""
    if name.startswith("normal-"):
        N, d = map(int, name.split("-")[1:])
        return normal(generator(0, "bounds", N, d), N, d + 1)
    return torch.from_numpy(np.loadtxt(INSTANCES / f"{name}.csv", delimiter=",", skiprows=1))


def bounds(shared: dict[str, Any], _: list[dict[str, Any]]) -> pd.DataFrame:
    """One row a tolerance and method: cells bounded, seconds, and the ratio of the two bounds reached.

    Searches start from the same points, found outside the time.
    """
    table, rows = instance(shared["instance"]), []
    S, Q = table[:, :-1].clone(), table[:, -1:].clone()[None]
    polar = prepare(S, Q)
    u = summits(polar.S, polar.Q[0], polar.S[:0], STARTS)[1][:1]
    for tolerance in TOLERANCES:
        for method in (Cones, RowSigns) if S.shape[1] <= LARGEST_D else (RowSigns,):
            effort = Effort(tolerance=tolerance, seconds=LIMIT)
            search, seconds = clocked(
                lambda m=method, e=effort: refine(begin([m(polar, u)], torch.zeros_like(polar.size)), e)
            )
            ratio = float(torch.minimum(search.upper, polar.root_bound()) / search.lower)
            row = {"N": len(S), "d": S.shape[1], "tolerance": tolerance, "bound": method.__name__}
            rows.append({**row, "cells": search.made, "ratio": ratio, "cpu_seconds": seconds.cpu})
    return pd.DataFrame(rows).assign(limit=LIMIT, threads=torch.get_num_threads())


RELU_BOUNDS = Sweep(
    bounds,
    {"instance": [*sorted(f.stem for f in INSTANCES.glob("*.csv")), *(f"normal-{N}-{d}" for d, N in SMALL)]},
    data={f.name: digest(f.read_bytes()) for f in sorted(INSTANCES.glob("*.csv"))},
)
