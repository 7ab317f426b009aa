"""Seconds by the wall clock and of the processor; medians over rounds, the sides taken in turns."""

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

import torch

T = TypeVar("T")


@dataclass(frozen=True)
class Seconds:
    """Of the wall clock, and of the processor (all threads of this process): a loaded machine stretches the first."""

    wall: float
    cpu: float


def clocked(call: Callable[[], T]) -> tuple[T, Seconds]:
    """What ``call`` returns, and the seconds it took."""
    _wait()
    wall, cpu = time.perf_counter(), time.process_time()
    result = call()
    _wait()
    return result, Seconds(time.perf_counter() - wall, time.process_time() - cpu)


def clocked_medians(sides: Mapping[str, Callable[[], object]], *, rounds: int) -> dict[str, Seconds]:
    """Median seconds of each side over ``rounds`` rounds; a round runs every side once, in order."""
    taken: dict[str, list[Seconds]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, side in sides.items():
            taken[name].append(clocked(side)[1])
    return {
        name: Seconds(statistics.median(t.wall for t in all_), statistics.median(t.cpu for t in all_))
        for name, all_ in taken.items()
    }


def medians(sides: Mapping[str, Callable[[], object]], *, rounds: int) -> dict[str, float]:
    """Median wall-clock seconds of each side, as ``clocked_medians``."""
    return {name: seconds.wall for name, seconds in clocked_medians(sides, rounds=rounds).items()}


def _wait() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
