"""Deep subnetworks: batched φ and Φ against single networks, the rate of branch and bound."""

import time
from typing import Any

import pandas as pd
import torch
from torch import Tensor

from claimbook.sweeps import Sweep
from global_optimality.effort import Effort
from global_optimality.factors import Factors
from global_optimality.mappings import ConvPool, DeepRelu, Mapping
from global_optimality.polar.best_first import refine
from global_optimality.polar.deep_relu import search_of
from global_optimality.streams import generator, normal

from .timing import medians


def deep(*, runs: int = 64, subnetworks: int = 16, rounds: int = 5, seed: int = 0) -> pd.DataFrame:
    """Median seconds of Φ and of φ for ``runs`` × ``subnetworks`` networks at once, against one call a network.

    ``ratio`` is that of the loop to the batch, ``difference`` the largest one of the outputs, relative to the largest.
    """
    stream = generator(seed, "benchmarks", "batching")
    cases: dict[str, Mapping] = {
        "DeepRelu, N = 64, widths 8, 8, 1": DeepRelu(normal(stream, 64, 8), (8, 8, 1)),
        "ConvPool, 64 images of 8 × 8, 4 channels": ConvPool(
            normal(stream, 64, 1, 8, 8), channels=4, kernel=3, pool=2, outputs=1
        ),
    }
    rows = []
    for name, mapping in cases.items():
        W = tuple(normal(stream, runs, subnetworks, *shape) for shape in mapping.factor_shapes)
        for kind, batched, looped in (("Φ", mapping.Phi, looped_sum), ("φ", mapping.phi, looped_each)):
            difference = float((batched(*W) - looped(mapping, W)).abs().max() / looped(mapping, W).abs().max())
            sides = {"batched": lambda f=batched, w=W: f(*w), "loop": lambda f=looped, m=mapping, w=W: f(m, w)}
            seconds = medians(sides, rounds=rounds)
            ratio = seconds["loop"] / seconds["batched"]
            rows.append((name, kind, seconds["batched"], seconds["loop"], ratio, difference))
    table = pd.DataFrame(
        rows, columns=["mapping", "function", "batched_seconds", "loop_seconds", "ratio", "difference"]
    )
    return table.assign(runs=runs, subnetworks=subnetworks, rounds=rounds, threads=torch.get_num_threads())


def looped_each(mapping: Mapping, W: Factors) -> Tensor:
    """φ of every subnetwork of every run, one call each, ``(n, r, *D)``."""
    n, r = W[0].shape[:2]
    each = [mapping.phi(*(w[i : i + 1, j : j + 1] for w in W))[0, 0] for i in range(n) for j in range(r)]
    return torch.stack(each).unflatten(0, (n, r))


def looped_sum(mapping: Mapping, W: Factors) -> Tensor:
    """Φ of every run as a sum of single networks, one call of φ each."""
    n, r = W[0].shape[:2]
    rows = []
    for i in range(n):
        single = (mapping.phi(*(w[i : i + 1, j : j + 1] for w in W))[0, 0] for j in range(r))
        rows.append(sum(single, start=torch.zeros(mapping.shape, dtype=W[0].dtype, device=W[0].device)))
    return torch.stack(rows)


def branch_and_bound(
    *, samples: int = 12, width: int = 3, cones: int = 100_000, stretches: int = 10, seed: int = 0
) -> pd.DataFrame:
    """The search for the polar of ((S W)₊ w)₊ v, inputs in the plane, ``width`` inner units; on CUDA too if present.

    After each stretch: cones made, seconds, cones a second so far, and the relative width of the enclosure.
    """
    devices = ["cpu"] + (["cuda"] if torch.cuda.is_available() else [])
    rows = []
    for device in devices:
        stream = generator(seed, "benchmarks", "branch and bound", samples, width)
        S, Q = normal(stream, samples, 2).to(device), normal(stream, samples, 1).to(device)
        mapping = DeepRelu(S, (width, 1, 1))
        # the first kernels are compiled and loaded here
        refine(search_of(mapping, Q), Effort(nodes=cones // 100, tolerance=1e-6))
        began = time.perf_counter()
        search = search_of(mapping, Q)
        for _ in range(stretches):
            search = refine(search, Effort(nodes=cones // stretches, tolerance=1e-6))
            seconds = time.perf_counter() - began
            rows.append((device, search.made, seconds, search.made / seconds, float(search.upper / search.lower) - 1))
    table = pd.DataFrame(rows, columns=["device", "cones", "seconds", "cones_per_second", "gap"])
    return table.assign(samples=samples, width=width, threads=torch.get_num_threads())


def batched(shared: dict[str, Any], _: list[dict[str, Any]]) -> pd.DataFrame:
    """So many runs at once."""
    return deep(runs=shared["runs"])


def searched(shared: dict[str, Any], _: list[dict[str, Any]]) -> pd.DataFrame:
    """One inner width."""
    return branch_and_bound(width=shared["width"])


DEEP = {"deep": Sweep(batched, {"runs": [64]}), "branch_and_bound": Sweep(searched, {"width": [3]})}
