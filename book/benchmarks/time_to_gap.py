"""Certified solves at d = 3 by N, beside the convex program of all cells and pyscnn: seconds to each gap, memory."""

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
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
from .alone import alone, peak
from .scnn import network_of_pyscnn
from .timing import clocked

GAPS = (1e-1, 1e-2, 1e-3, 1e-4, 1e-6)
LIMIT = 900.0
"""Seconds of descent, on the clock; the certificate is computed all the same."""
PROGRAM_UP_TO = 40
"""Samples up to which the convex program of all cells is solved: at 60 it takes 20 seconds, and grows like N⁴."""
PYSCNN_FROM, PYSCNN_UP_TO, SAMPLED = 30, 300, 100
"""Samples from which pyscnn takes part, those up to which (at 1000 it takes 80 s), and the cells that it draws."""
LARGE = 10_000
"""Samples from which one draw is solved, of the minutes that it takes."""
PROGRAM, PYSCNN = "convex program of all cells", f"pyscnn, {SAMPLED} sampled cells"


def race(shared: dict[str, Any], _: list[dict[str, Any]]) -> pd.DataFrame:
    """A row a way and gap: seconds until it was proved; NaN where it was not, and where the status is "not run".

    λ = N/100. Each side is alone in a process; ``megabytes`` is what it added to its peak memory. Our seconds
    count the sorting of the arrangement and are read off the history. A peer runs once, at its own tolerance (1e-8, and
    pyscnn's default); ``reached`` is its gap to the bound that our solve proved, which its seconds do not count.
    """
    N, draw = shared["N"], shared["draw"]
    if N >= LARGE and draw:
        return pd.DataFrame(not_run("solve")).assign(d=3, limit=LIMIT, threads=1)
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn) as fresh:
        rows, bound = fresh.submit(solve_to_gaps, N, draw, LIMIT).result()
    problem = plane_problem(N, N / 100, seed=draw)
    rows += peer_to_gaps(PROGRAM, lambda: all_cells(problem), bound) if N <= PROGRAM_UP_TO else not_run(PROGRAM)
    if PYSCNN_FROM <= N <= PYSCNN_UP_TO:
        rows += peer_to_gaps(PYSCNN, lambda: float(problem(*network_of_pyscnn(problem, SAMPLED, draw))), bound)
    else:
        rows += not_run(PYSCNN)
    return pd.DataFrame(rows).assign(d=3, limit=LIMIT, threads=1)


PEERS = "cvxpy", "clarabel", "pyscnn"
TIME_TO_GAP = Sweep(race, {"N": [10, 20, 30, 40, 100, 300, 1000, 3000, LARGE], "draw": [0, 1, 2]}, packages=PEERS)


def all_cells(problem: Problem) -> float:
    """The objective at the end of the convex program, in Clarabel; listing the cells is counted."""
    S, y = inputs(problem), problem.loss.Y[:, 0].numpy()
    return pilanci_ergen(S.numpy(), y, problem.lam, cells(S).active.numpy(), tolerance=1e-8).objective


def peer_to_gaps(way: str, side: Callable[[], float], bound: float) -> list[dict[str, object]]:
    """Rows of a peer that returns the objective of its network."""
    ended = alone(side)
    shared = {"way": way, "megabytes": ended.megabytes, "status": ended.status}
    reached = ended.value / bound - 1 if ended.done else float("nan")
    took = {gap: ended.seconds.cpu if reached <= gap else float("nan") for gap in GAPS}
    return [{**shared, "reached": reached, "gap": gap, "cpu_seconds": cpu} for gap, cpu in took.items()]


def not_run(way: str) -> list[dict[str, object]]:
    """Rows of a way beyond its largest size."""
    unknown = float("nan")
    return [{"way": way, "reached": unknown, "gap": gap, "cpu_seconds": unknown, "status": "not run"} for gap in GAPS]


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
