"""Certified solves at d = 3 by N: seconds until each gap is proved, and memory."""

import multiprocessing
import resource
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from claimbook.sweeps import Sweep
from global_optimality.polar import polar_of
from global_optimality.sliding_frank_wolfe import solve

from ..shared.relu_problems import plane_problem
from .timing import clocked

GAPS = (1e-1, 1e-2, 1e-3, 1e-4, 1e-6)
LIMIT = 120.0
"""Seconds of descent; the certificate is computed all the same."""


def race(shared: dict[str, Any], _: list[dict[str, Any]]) -> pd.DataFrame:
    """A row a gap: seconds until it was proved; NaN where it was not.

    λ = N/100. Each solve is alone in a process; ``megabytes`` is what it added to its peak memory. The seconds count
    the sorting of the arrangement and are read off the history.
    """
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn) as alone:
        rows = alone.submit(solve_to_gaps, shared["N"], shared["draw"], LIMIT).result()
    return pd.DataFrame(rows).assign(d=3, limit=LIMIT, threads=1)


TIME_TO_GAP = Sweep(race, {"N": [100, 300, 1000, 2000], "draw": [0]})


def solve_to_gaps(N: int, draw: int, limit: float) -> list[dict[str, object]]:
    """Our rows of one problem."""
    torch.set_num_threads(1)
    before, problem = peak(), plane_problem(N, N / 100, seed=draw)
    polar, sorting = clocked(lambda: polar_of(problem))
    solution, all_ = clocked(lambda: solve(problem, tol=GAPS[-1], polar=polar, time_limit=limit))
    shared: dict[str, object] = {"way": "solve", "reached": solution.relative_gap}
    shared["megabytes"] = (peak() - before) / 2**20
    rows: list[dict[str, object]] = []
    share = all_.cpu / max(all_.wall, 1e-9)  # the history tells wall-clock seconds
    for gap in GAPS:
        proved = [
            r.seconds for r in solution.history if r.objective - r.best_bound <= gap * abs(r.objective)
        ]  # the first round's bound is −∞ where none was asked
        seconds = sorting.cpu + share * min(proved) if proved else float("nan")
        if solution.relative_gap <= gap and not proved:
            seconds = sorting.cpu + all_.cpu
        rows.append({**shared, "gap": gap, "cpu_seconds": seconds})
    return rows


def peak() -> int:
    """The largest resident memory of this process so far, in bytes.

    Linux counts it for the program that runs; what getrusage tells there begins with that of the parent.
    """
    told = Path("/proc/self/status")
    if told.is_file():
        return 1024 * next(int(line.split()[1]) for line in told.read_text().splitlines() if line.startswith("VmHWM"))
    largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return largest if sys.platform == "darwin" else 1024 * largest
