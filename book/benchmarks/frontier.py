"""What can be certified: N by d, each problem in a process of its own, with its seconds and its peak memory."""

import multiprocessing
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import pandas as pd
import torch

from claimbook.sweeps import Sweep

from ..shared.planted_relu import teacher_problem
from ..shared.relu_problems import plane_problem
from .alone import peak
from .relu import certified_row

TOL = 1e-4
SIZES = ((3, 250), (3, 500), (3, 1000), (3, 2000), (4, 100), (4, 200), (4, 400), (5, 50), (5, 100), (6, 25), (6, 50))
"""Pairs d, N; d = 3 is the plane with its bias, the others a five-unit teacher without one."""


def frontier(
    *, sizes: Sequence[tuple[int, int]] = SIZES, time_limit: float = 120.0, seed: int = 0, threads: int = 1
) -> pd.DataFrame:
    """One row a pair (d, N): the relative gap reached, seconds, and the memory that the solver added to its process.

    λ = N/100 and the tolerance is 1e-4. After ``time_limit`` seconds of descent
    the certificate is computed all the same, so the seconds may exceed the limit.
    """
    spawn = multiprocessing.get_context("spawn")
    rows = []
    for d, N in sizes:
        with ProcessPoolExecutor(1, mp_context=spawn) as alone:
            rows.append(alone.submit(_row, d, N, time_limit, seed, threads).result())
        print(f"d = {d}, N = {N}: gap {rows[-1]['relative_gap']:.1e} in {rows[-1]['cpu_seconds']:.0f} s", flush=True)
    return pd.DataFrame(rows).drop(columns="gap_at_60_s").assign(threads=threads)


def _row(d: int, N: int, time_limit: float, seed: int, threads: int) -> dict[str, object]:
    torch.set_num_threads(threads)
    before = peak()
    problem = plane_problem(N, N / 100, seed=seed) if d == 3 else teacher_problem(N, d, N / 100, seed=seed)
    row = certified_row(problem, TOL, time_limit=time_limit)
    return {**row, "megabytes": (peak() - before) / 2**20}


def with_columns(shared: dict[str, Any], _: list[dict[str, Any]]) -> pd.DataFrame:
    """All N of one number of columns."""
    return frontier(sizes=[(d, N) for d, N in SIZES if d == shared["d"]])


RELU_FRONTIER = Sweep(with_columns, {"d": sorted({d for d, _ in SIZES})})
