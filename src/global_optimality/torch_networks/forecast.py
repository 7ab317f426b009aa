"""What certifying will cost, said before it starts: measured seconds, interpolated. An estimate, not a promise."""

import csv
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import pairwise
from typing import NamedTuple

from ..effort import Effort
from ..mappings import ReluUnit
from ..problem import Problem
from ..progress import Reporter
from ..settings import whole

WIDE = 1e-6
"""Bounds of a polar that are further apart, relative, were left so: the search had bounded as many cells as it may."""


class Measured(NamedTuple):
    """One row of ``data/certifying_cost.csv``, which ``python -m book.benchmarks certifying_cost`` records."""

    d: int
    N: int
    outputs: int
    cpu_seconds: float
    width: float


@dataclass(frozen=True)
class CertificationCost:
    """Estimated seconds of one core for one certificate, and how far apart its search may leave the polar's bounds.

    ``width`` is upper/lower − 1, 0 where the search is expected to close. Problems of one size differ by factors.
    """

    seconds: float
    width: float

    def __str__(self) -> str:
        rest = f", and may leave the polar's bounds {self.width:.0%} apart" if self.width > 0 else ""
        return f"an estimate of {_time(self.seconds)} on one core{rest}"


def certification_cost(N: int, d: int, outputs: int = 1) -> CertificationCost:
    """What ``certify_network`` may cost for N samples of d columns (a decayed hidden bias is one) without an effort.

    Interpolated in log N, d and the outputs, in logarithms of measured seconds (table and its machine beside this
    file); beyond the table it goes on with the last slope in log N, and stays as it is in d and the outputs. It is
    of the processor: a busy machine takes longer, several cores less. ``ValueError`` for sizes below 1.
    """
    N, d, outputs = whole("N", N, 1), whole("d", d, 1), whole("outputs", outputs, 1)
    table: dict[int, dict[int, list[Measured]]] = {}
    for row in sorted(measured()):
        table.setdefault(row.outputs, {}).setdefault(row.d, []).append(row)
    seconds, width = _between(outputs, {c: _between(d, _at(N, columns)) for c, columns in table.items()})
    return CertificationCost(math.exp(seconds), width if width > WIDE else 0.0)


@contextmanager
def announced(problem: Problem, effort: Effort | None) -> Iterator[None]:
    """Before the block, progress tells what it may cost, if that is worth a word and was measured; then it is cleared.

    Measured were hidden units without a bias or with a decayed one, with the limits that hold where none are given.
    """
    reporter, mapping = Reporter("certify_network"), problem.mapping
    effort = Effort() if effort is None else effort
    if isinstance(mapping, ReluUnit) and effort == Effort(seconds=effort.seconds):
        cost = certification_cost(len(mapping.S), mapping.S.shape[1], mapping.shape[1])
        limit = "" if effort.seconds is None else f"; the limit is {_time(effort.seconds)}"
        reporter.announce(min(cost.seconds, effort.seconds or math.inf), f"{cost}{limit}")
    try:
        yield
    finally:
        reporter.end()


@cache
def measured() -> tuple[Measured, ...]:
    """The recorded table."""
    text = (files("global_optimality") / "torch_networks" / "data" / "certifying_cost.csv").read_text(encoding="utf-8")
    return tuple(
        Measured(int(r["d"]), int(r["N"]), int(r["outputs"]), float(r["cpu_seconds"]), float(r["width"]))
        for r in csv.DictReader(text.splitlines())
    )


def _at(N: int, columns: dict[int, list[Measured]]) -> dict[int, tuple[float, float]]:
    """log seconds and width at N for each d: between two rows linear in log N, beyond the last one by the last slope.

    Where a d has one row only the slope is that of the d before it. A search that was ended by its limit of cells takes
    as long for more samples: the limit is one of work.
    """
    found, slope = {}, 1.0
    for d, rows in columns.items():
        low, high = next(((a, b) for a, b in pairwise(rows) if b.N >= N), (rows[-2:] * 2)[:2])
        if high.N > low.N:
            slope = math.log(high.cpu_seconds / low.cpu_seconds) / math.log(high.N / low.N)
        steps = max(0.0, math.log(N / low.N))
        if high.width > WIDE:
            steps = min(steps, math.log(high.N / low.N))
        share = min(1.0, steps / math.log(high.N / low.N)) if high.N > low.N else 0.0
        found[d] = math.log(low.cpu_seconds) + steps * slope, low.width + share * (high.width - low.width)
    return found


def _between(x: int, values: dict[int, tuple[float, float]]) -> tuple[float, float]:
    """Linear between the two nearest places, constant beyond the ends."""
    places = sorted(values)
    x = min(max(x, places[0]), places[-1])
    low = max(p for p in places if p <= x)
    high = min(p for p in places if p >= x)
    share = (x - low) / (high - low) if high > low else 0.0
    (a, b), (c, e) = values[low], values[high]
    return a + share * (c - a), b + share * (e - b)


def _time(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.1g} s" if seconds < 10 else f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} minutes" if seconds < 5400 else f"{seconds / 3600:.1g} hours"
