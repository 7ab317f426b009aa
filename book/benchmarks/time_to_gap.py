"""Certified solves at d = 3 by N, beside the convex program of all cells and pyscnn: seconds to each gap, memory."""

import multiprocessing
import resource
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from claimbook.sweeps import Sweep
from global_optimality.arrangement import cells
from global_optimality.convex.relu import pilanci_ergen
from global_optimality.polar import polar_of
from global_optimality.problem import Problem
from global_optimality.sliding_frank_wolfe import solve

from ..shared.relu_problems import inputs, plane_problem
from .scnn import network_of_pyscnn
from .timing import clocked

GAPS = (1e-1, 1e-2, 1e-3, 1e-4, 1e-6)
LIMIT = 120.0
"""Seconds of descent; the certificate is computed all the same."""
PROGRAM_UP_TO = 40
"""Samples up to which the convex program of all cells is solved: at 60 it takes 20 seconds, and grows like N⁴."""
PYSCNN_FROM, SAMPLED = 30, 100
"""Samples from which pyscnn takes part, and the cells that it draws."""


def race(shared: dict[str, Any], _: list[dict[str, Any]]) -> pd.DataFrame:
    """A row a way and gap: seconds until it was proved; NaN where it was not.

    λ = N/100. Each of our solves is alone in a process; ``megabytes`` is what it added to its peak memory. Its seconds
    count the sorting of the arrangement and are read off the history. A peer runs once, at its own tolerance (1e-8, and
    pyscnn's default); ``reached`` is its gap to the bound that our solve proved, which its seconds do not count.
    """
    N, draw = shared["N"], shared["draw"]
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn) as alone:
        rows, bound = alone.submit(solve_to_gaps, N, draw, LIMIT).result()
    problem = plane_problem(N, N / 100, seed=draw)
    if N <= PROGRAM_UP_TO:
        rows += peer_to_gaps("convex program of all cells", lambda: all_cells(problem), bound)
    if N >= PYSCNN_FROM:
        way = f"pyscnn, {SAMPLED} sampled cells"
        rows += peer_to_gaps(way, lambda: float(problem(*network_of_pyscnn(problem, SAMPLED, draw))), bound)
    return pd.DataFrame(rows).assign(d=3, limit=LIMIT, threads=1)


TIME_TO_GAP = Sweep(race, {"N": [10, 20, 30, 40, 100, 300, 1000], "draw": [0, 1, 2]})


def all_cells(problem: Problem) -> float:
    """The objective at the end of the convex program, in Clarabel; listing the cells is counted."""
    S, y = inputs(problem), problem.loss.Y[:, 0].numpy()
    return pilanci_ergen(S.numpy(), y, problem.lam, cells(S).active.numpy(), tolerance=1e-8).objective


def peer_to_gaps(way: str, side: Callable[[], float], bound: float) -> list[dict[str, object]]:
    """Rows of a peer that returns the objective of its network."""
    value, seconds = clocked(side)
    reached = value / bound - 1
    took = {gap: seconds.cpu if reached <= gap else float("nan") for gap in GAPS}
    return [{"way": way, "reached": reached, "gap": gap, "cpu_seconds": cpu} for gap, cpu in took.items()]


def solve_to_gaps(N: int, draw: int, limit: float) -> tuple[list[dict[str, object]], float]:
    """Our rows of one problem, and the lower bound that was proved."""
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
    return rows, float(solution.certificate.lower_bound[0])


def peak() -> int:
    """The largest resident memory of this process so far, in bytes.

    Linux counts it for the program that runs; what getrusage tells there begins with that of the parent.
    """
    told = Path("/proc/self/status")
    if told.is_file():
        return 1024 * next(int(line.split()[1]) for line in told.read_text().splitlines() if line.startswith("VmHWM"))
    largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return largest if sys.platform == "darwin" else 1024 * largest
