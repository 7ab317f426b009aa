"""Batched Φ of deep and convolutional subnetworks against a loop over single networks; the rate of branch and bound."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ..factors import Factors
from ..mappings import ConvPool, DeepRelu, Mapping
from ..polar.deep_relu import search_of
from ..polar.fans import refine
from ..streams import generator, normal


@dataclass(frozen=True)
class Ratio:
    """Seconds of the loop and of the batched form (each the best of several), their ratio, the largest difference."""

    case: str
    loop: float
    batched: float
    difference: float

    @property
    def ratio(self) -> float:
        return self.loop / self.batched


@dataclass(frozen=True)
class Progress:
    """Cones made, seconds, and the relative width of the enclosure after each stretch of a search."""

    cones: tuple[int, ...]
    seconds: tuple[float, ...]
    gap: tuple[float, ...]

    @property
    def rate(self) -> float:
        """Cones a second over the whole search."""
        return self.cones[-1] / self.seconds[-1]


def batching(runs: int = 64, subnetworks: int = 16, repeats: int = 5, seed: int = 0) -> tuple[Ratio, ...]:
    """Φ of ``runs`` × ``subnetworks`` networks at once against one call a subnetwork, for both mappings."""
    stream = generator(seed, "benchmarks", "batching")
    deep = DeepRelu(normal(stream, 64, 8), (8, 8, 1))
    convolutional = ConvPool(normal(stream, 64, 1, 8, 8), channels=4, kernel=3, pool=2, outputs=1)
    cases: tuple[tuple[str, Mapping], ...] = (("DeepRelu", deep), ("ConvPool", convolutional))
    ratios = []
    for name, mapping in cases:
        W = tuple(normal(stream, runs, subnetworks, *shape) for shape in mapping.factor_shapes)
        fast, slow = mapping.Phi(*W), looped(mapping, W)
        difference = float((fast - slow).abs().max() / slow.abs().max())
        batched = _best(lambda m=mapping, w=W: m.Phi(*w), repeats)
        loop = _best(lambda m=mapping, w=W: looped(m, w), max(repeats // 2, 1))
        ratios.append(Ratio(name, loop, batched, difference))
    return tuple(ratios)


def looped(mapping: Mapping, W: Factors) -> Tensor:
    """Φ as a sum of single networks, one call of φ each."""
    n, r = W[0].shape[:2]
    rows = []
    for i in range(n):
        single = (mapping.phi(*(w[i : i + 1, j : j + 1] for w in W))[0, 0] for j in range(r))
        rows.append(sum(single, start=torch.zeros(mapping.shape, dtype=W[0].dtype, device=W[0].device)))
    return torch.stack(rows)


def branch_and_bound(
    device: torch.device | str = "cpu", *, samples: int = 12, width: int = 3, cones: int = 100_000, seed: int = 0
) -> Progress:
    """The search for the polar of ((S W)₊ w)₊ v, inputs in the plane, ``width`` inner units, in ten stretches."""
    stream = generator(seed, "benchmarks", "branch and bound", samples, width)
    S, Q = normal(stream, samples, 2).to(device), normal(stream, samples, 1).to(device)
    search = search_of(DeepRelu(S, (width, 1, 1)), Q)
    made, seconds, gap, began = [], [], [], time.perf_counter()
    for _ in range(10):
        search = refine(search, cones=cones // 10, tol=1e-6)
        made.append(search.made)
        seconds.append(time.perf_counter() - began)
        gap.append(search.upper / search.lower - 1)
    return Progress(tuple(made), tuple(seconds), tuple(gap))


def _best(call: Callable[[], object], repeats: int) -> float:
    call()
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        call()
        times.append(time.perf_counter() - began)
    return min(times)
