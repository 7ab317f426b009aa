"""Training in one tensor against the machine's own matrix rate, a GPU's if there is one: its share of the roofline."""

from typing import Any

import pandas as pd
import torch

from claimbook.sweeps import Sweep

from ..shared.adam import adam
from ..shared.planted_relu import teacher_problem
from .small_eigen import machine
from .starts import DIMENSION, LAM, RATE, SAMPLES, UNITS
from .timing import clocked_medians

ROUNDS, STEPS = 3, 20
SQUARES = (256, 512, 1024, 2048)
"""Sizes of the matrices whose products measure the rate; the fastest counts."""


def race(shared: dict[str, Any], _: list[dict[str, Any]]) -> pd.DataFrame:
    """One row: operations a second in Adam's steps, and as a share of what float64 matrix products reach.

    Counted are the products of a step alone, S Uᵀ, H V and their three transposes in the gradient: 2 N r (2d + 3) a
    run. Seconds are those of the processor, or of the clock on a GPU; ``megabytes`` is the GPU's peak, NaN on a CPU.
    """
    device = machine()
    problem = teacher_problem(SAMPLES, DIMENSION, LAM, seed=0).to(device)
    W = problem.random(shared["runs"], UNITS, seed=0, deviation=0.3)
    adam(problem, W, steps=2, rate=RATE)  # what is compiled or reserved once
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    taken = clocked_medians({"steps": lambda: adam(problem, W, steps=STEPS, rate=RATE)}, rounds=ROUNDS)["steps"]
    seconds = taken.cpu if device.type == "cpu" else taken.wall
    operations = 2.0 * SAMPLES * UNITS * (2 * DIMENSION + 3) * shared["runs"] * STEPS
    top, reached = matrix_rate(device), operations / seconds
    row = {"seconds": seconds, "gigaflops": reached / 1e9, "matrix_gigaflops": top / 1e9, "share": reached / top}
    row["megabytes"] = torch.cuda.max_memory_allocated() / 2**20 if device.type == "cuda" else float("nan")
    name = torch.cuda.get_device_name() if device.type == "cuda" else "cpu"
    return pd.DataFrame([row]).assign(device=name, threads=torch.get_num_threads())


def matrix_rate(device: torch.device) -> float:
    """Operations a second of products of float64 matrices, at the best of several sizes."""
    rates = []
    for n in SQUARES:
        A = torch.ones(n, n, dtype=torch.float64, device=device)
        torch.mm(A, A)
        taken = clocked_medians({"product": lambda A=A: torch.mm(A, A)}, rounds=ROUNDS)["product"]
        rates.append(2.0 * n**3 / (taken.cpu if device.type == "cpu" else taken.wall))
    return max(rates)


THROUGHPUT = Sweep(race, {"runs": [16, 64, 256, 1024, 4096]})
