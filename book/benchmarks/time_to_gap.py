"""Certified solves at d = 3 by N: seconds until each gap is proved, memory, and pyscnn on the same problems."""

import multiprocessing
import resource
import sys
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import pandas as pd
import torch

from claimbook.sweeps import Sweep
from global_optimality.certificate import certify
from global_optimality.polar import polar_of
from global_optimality.sliding_frank_wolfe import solve

from ..shared.relu_problems import plane_problem
from .scnn import network_of_pyscnn
from .timing import clocked

GAPS = (1e-1, 1e-2, 1e-3, 1e-4, 1e-6)
LIMIT = 120.0
"""Seconds of descent; the certificate is computed all the same."""
GATES = 100
"""Cells that pyscnn samples."""
PEER_UP_TO = 100
"""Samples up to which pyscnn runs: beyond, it takes longer than all the rest."""


def race(shared: dict[str, Any], _: list[dict[str, Any]]) -> pd.DataFrame:
    """A row a way and gap: seconds until it was proved; NaN where it was not.

    λ = N/100. Each solve is alone in a process; ``megabytes`` is what it added to its peak memory. Our own gaps count
    the sorting of the arrangement and are read off the history; pyscnn proves none, so that the gap it reaches is ours
    of its network, and the time that of its whole run.
    """
    spawn, rows = multiprocessing.get_context("spawn"), []
    for side in (solve_to_gaps, pyscnn_once) if shared["N"] <= PEER_UP_TO else (solve_to_gaps,):
        with ProcessPoolExecutor(1, mp_context=spawn) as alone:
            rows += alone.submit(side, shared["N"], shared["draw"], LIMIT).result()
    return pd.DataFrame(rows).assign(d=3, limit=LIMIT, threads=1)


TIME_TO_GAP = Sweep(race, {"N": [30, 100, 300, 1000, 3000], "draw": [0, 1]})


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


def pyscnn_once(N: int, draw: int, limit: float) -> list[dict[str, object]]:
    """The rows of one run of pyscnn, which knows no limit of time."""
    torch.set_num_threads(1)
    before, problem = peak(), plane_problem(N, N / 100, seed=draw)
    weights, seconds = clocked(lambda: network_of_pyscnn(problem, GATES, draw))
    reached = float(certify(problem, weights, polar_of(problem)).relative_gap[0])
    shared: dict[str, object] = {"way": f"pyscnn, {GATES} sampled cells", "reached": reached}
    shared["megabytes"] = (peak() - before) / 2**20
    return [{**shared, "gap": gap, "cpu_seconds": seconds.cpu if reached <= gap else float("nan")} for gap in GAPS]


def peak() -> int:
    """The largest resident memory of this process so far, in bytes."""
    largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return largest if sys.platform == "darwin" else 1024 * largest
