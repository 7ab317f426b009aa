"""Memory that the works of the chapter Cost and scaling add to a process, ours and the peers', each alone in one."""

from collections.abc import Callable
from typing import Any

import pandas as pd
import torch

from claimbook.sweeps import Sweep
from global_optimality.sliding_frank_wolfe import solve
from global_optimality.streams import generator, normal

from ..shared.adam import adam
from ..shared.planted_relu import teacher_problem
from ..shared.relu_problems import plane_problem
from . import completion_peers, polar_peers
from .alone import alone
from .scnn import network_of_pyscnn
from .starts import DIMENSION, LAM, RATE, SAMPLES, UNITS, jax_adam, looped, vmap_adam
from .time_to_gap import GAPS, SAMPLED, all_cells

LIMIT, STEPS = 3.0, 5
SECONDS, GIGABYTES = 60.0, 4.0
"""What a peer may take of processor time and memory."""
Work = Callable[[int], None]


def _training(way: Callable[..., object]) -> Work:
    """Steps of Adam on so many starts."""

    def work(runs: int) -> None:
        problem = teacher_problem(SAMPLES, DIMENSION, LAM, seed=0)
        way(problem, problem.random(runs, UNITS, seed=0, deviation=0.3), STEPS)

    return work


def _completion(way: completion_peers.Way) -> Work:
    """A matrix of n columns and a quarter more rows, half of it seen, to a gap of a millionth."""

    def work(n: int) -> None:
        way(completion_peers.Seen.drawn(5 * n // 4, n, 0))

    return work


def _solve(way: Callable[..., object]) -> Work:
    """The network of least objective for N samples with three columns."""

    def work(N: int) -> None:
        way(plane_problem(N, N / 100, seed=0))

    return work


def _polar(way: Callable[..., object], inner: int) -> Work:
    """By the dimension, 20 rows, of one hidden unit; by the samples in the plane, of two hidden layers."""

    def work(size: int) -> None:
        N, d = (polar_peers.SAMPLES[0], size) if inner == 1 else (size, 2)
        stream = generator(0, "memory of polars", N, d)
        S, q = normal(stream, N, d), normal(stream, N)
        way(S, q, LIMIT) if way is polar_peers.maingo else way(S, q, inner, LIMIT)

    return work


WORKS: dict[str, tuple[list[int], dict[str, Work]]] = {
    "training, by starts": (
        [8, 32, 128, 512],
        {
            "ours": _training(lambda problem, W, steps: adam(problem, W, steps=steps, rate=RATE)),
            "torch.func.vmap": _training(vmap_adam),
            "JAX, vmap and jit": _training(lambda *work: jax_adam()(*work)),
            "loop of torch.optim": _training(looped),
        },
    ),
    "completion, by columns": (
        [16, 32, 64, 128],
        {
            "ours": _completion(completion_peers.ours),
            "CVXPY, SCS": _completion(completion_peers.by_cvxpy("SCS")),
            "CVXPY, CLARABEL": _completion(completion_peers.by_cvxpy("CLARABEL")),
            "soft-impute of fancyimpute": _completion(completion_peers.soft_impute(1e-7)),
        },
    ),
    "certified solve, by samples": (
        [20, 30, 40, 60],
        {
            "ours": _solve(lambda problem: solve(problem, tol=GAPS[-1])),
            "convex program of all cells": _solve(all_cells),
            f"pyscnn, {SAMPLED} sampled cells": _solve(lambda problem: network_of_pyscnn(problem, SAMPLED, 0)),
        },
    ),
    "polar, by dimension": (
        [3, 4, 6, 9],
        {
            "ours": _polar(polar_peers.ours, 1),
            "SCIP": _polar(polar_peers.scip, 1),
            "MAiNGO": _polar(polar_peers.maingo, 1),
        },
    ),
    "deep polar, by samples": (
        [6, 9, 13, 20],
        {"ours": _polar(polar_peers.ours, 2), "SCIP": _polar(polar_peers.scip, 2)},
    ),
}


def measured(shared: dict[str, Any], _: list[dict[str, Any]]) -> pd.DataFrame:
    """One row a size and way: what the work added to the peak memory of its process, or the limit that it met."""
    sizes, ways = WORKS[shared["work"]]
    rows = []
    for size in sizes:
        for way, work in ways.items():
            ended = alone(lambda work=work, size=size: work(size), seconds=SECONDS, gigabytes=GIGABYTES)
            rows.append({"way": way, "size": size, "megabytes": ended.megabytes, "status": ended.status})
    return pd.DataFrame(rows).assign(limit=SECONDS, gigabytes=GIGABYTES, threads=torch.get_num_threads())


PEERS = "jax", "jaxlib", "cvxpy", "scs", "clarabel", "fancyimpute", "pyscipopt", "maingopy", "pyscnn"
MEMORY = Sweep(measured, {"work": list(WORKS)}, packages=PEERS)
