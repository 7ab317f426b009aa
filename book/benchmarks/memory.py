"""Memory that the works of the chapter Cost and scaling add to a process, each in a process of its own."""

import multiprocessing
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import torch

from claimbook.sweeps import Sweep
from global_optimality import convex
from global_optimality.streams import generator, normal

from ..shared.adam import adam
from ..shared.planted_relu import teacher_problem
from .polar_peers import SAMPLES as ROWS
from .polar_peers import ours
from .starts import DIMENSION, LAM, RATE, SAMPLES, UNITS
from .time_to_gap import peak

GAP, LIMIT = 1e-6, 3.0


def starts(runs: int) -> None:
    """Steps of Adam on so many starts."""
    problem = teacher_problem(SAMPLES, DIMENSION, LAM, seed=0)
    adam(problem, problem.random(runs, UNITS, seed=0, deviation=0.3), steps=5, rate=RATE)


def completion(n: int) -> None:
    """A matrix of n columns and a quarter more rows, half of it seen, to a gap of a millionth."""
    stream = generator(0, "memory", n)
    m = 5 * n // 4
    Y = (normal(stream, m, 5) @ normal(stream, 5, n) + 0.1 * normal(stream, m, n)).numpy()
    mask = (normal(stream, m, n) > 0).numpy()
    convex.matrix_completion(Y * mask, mask, 0.2 * float(np.linalg.norm(Y * mask, 2)), tol=GAP)


def polar(d: int) -> None:
    """The polar of one hidden unit, 20 rows, at most three seconds of the clock."""
    stream = generator(0, "memory of polars", d)
    ours(normal(stream, ROWS, d), normal(stream, ROWS), 1, LIMIT / 10)


def deep_polar(N: int) -> None:
    """The polar of two hidden layers with two inner units in the plane."""
    stream = generator(0, "memory of deep polars", N)
    ours(normal(stream, N, 2), normal(stream, N), 2, LIMIT)


WORKS: dict[str, tuple[Callable[[int], None], list[int]]] = {
    "training, by starts": (starts, [8, 32, 128, 512]),
    "completion, by columns": (completion, [40, 100, 200, 400]),
    "polar, by dimension": (polar, [3, 4, 6, 9, 13, 20]),
    "deep polar, by samples": (deep_polar, [6, 9, 13, 20]),
}


def measured(shared: dict[str, Any], _: list[dict[str, Any]]) -> pd.DataFrame:
    """One row a size: what the work added to the peak memory of its process."""
    work, sizes = WORKS[shared["work"]]
    rows = [{"size": size, "megabytes": alone(work, size)} for size in sizes]
    return pd.DataFrame(rows).assign(threads=torch.get_num_threads())


def alone(work: Callable[[int], None], size: int) -> float:
    """Megabytes in a forked process, whose peak begins with what it holds."""
    fork = multiprocessing.get_context("fork")
    receiving, sending = fork.Pipe(duplex=False)

    def run() -> None:
        before = peak()
        work(size)
        sending.send((peak() - before) / 2**20)

    process = fork.Process(target=run)
    process.start()
    sending.close()
    try:
        return receiving.recv()
    finally:
        process.join()


MEMORY = Sweep(measured, {"work": list(WORKS)})
