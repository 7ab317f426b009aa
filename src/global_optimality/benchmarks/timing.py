"""Medians of wall-clock seconds, the sides taken in turns so that noise falls on both."""

import statistics
import time
from collections.abc import Callable, Mapping

import torch


def medians(sides: Mapping[str, Callable[[], object]], *, rounds: int) -> dict[str, float]:
    """Median seconds of each side over ``rounds`` rounds; a round runs every side once, in order."""
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, side in sides.items():
            _wait()
            start = time.perf_counter()
            side()
            _wait()
            seconds[name].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in seconds.items()}


def _wait() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
