"""Two bounds of max |Σ q_i (s_iᵀu)₊| beyond three columns, cones of u and signs of rows, on the same instances."""

from pathlib import Path

import numpy as np
import pandas as pd
import torch

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


def bounds(*, tolerances: tuple[float, ...] = (1e-1, 1e-2, 1e-4), limit: float = 60.0, seed: int = 0) -> pd.DataFrame:
    """One row an instance, tolerance and method: cells bounded, seconds, and the ratio of the two bounds reached.

    After ``limit`` seconds a search ends where it is; searches start from the same points, found outside the time.
    """
    cases = {file.stem: np.loadtxt(file, delimiter=",", skiprows=1) for file in sorted(INSTANCES.glob("*.csv"))}
    for d, N in SMALL:
        cases[f"normal-{N}-{d}"] = normal(generator(seed, "bounds", N, d), N, d + 1).numpy()
    rows = []
    for name, table in cases.items():
        S, Q = torch.from_numpy(table[:, :-1].copy()), torch.from_numpy(table[:, -1:].copy())[None]
        polar = prepare(S, Q)
        u = summits(polar.S, polar.Q[0], polar.S[:0], STARTS)[1][:1]
        for tolerance in tolerances:
            for method in (Cones, RowSigns) if S.shape[1] <= LARGEST_D else (RowSigns,):
                effort = Effort(tolerance=tolerance, seconds=limit)
                search, seconds = clocked(
                    lambda m=method, u=u, p=polar, e=effort: refine(begin([m(p, u)], torch.zeros_like(p.size)), e)
                )
                ratio = float(torch.minimum(search.upper, polar.root_bound()) / search.lower)
                row = {"instance": name, "N": len(S), "d": S.shape[1], "tolerance": tolerance, "bound": method.__name__}
                rows.append({**row, "cells": search.made, "ratio": ratio, "cpu_seconds": seconds.cpu})
    return pd.DataFrame(rows).assign(limit=limit, threads=torch.get_num_threads())
