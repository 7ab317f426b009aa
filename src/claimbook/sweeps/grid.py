"""A sweep: a grid of settings, cut into chunks that fit into memory; the key of a chunk is what it stands for."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import pandas as pd

from ..files import digest
from ..project import BookError
from .arithmetic import arithmetic_of
from .code import code_of, module_of, versions_of

Setting = dict[str, Any]
Run = Callable[[Setting, list[Setting]], pd.DataFrame]
"""Takes the values that a chunk shares and the list of those in which its runs differ; a row a run, in their order."""

MEMORY = 2 * 2**30
"""Bytes that a chunk may take unless a sweep says otherwise: two or three workers beside each other fit 16 GB."""

FORMAT = 1  # raise it when the engine changes what a stored chunk means


@dataclass(frozen=True)
class Chunk:
    """Some settings of a sweep that run as one batch: the values they share, those in which they differ."""

    place: int
    shared: Setting
    batch: tuple[Setting, ...]
    key: str

    def __str__(self) -> str:
        return ", ".join(f"{name} = {value}" for name, value in self.shared.items()) or f"chunk {self.place}"

    @property
    def settings(self) -> list[Setting]:
        """One a run."""
        return [self.shared | varied for varied in self.batch]


def _specification(
    run: Run, data: Mapping[str, str], threads: int, arithmetic: Mapping[str, str] | None, packages: Sequence[str] = ()
) -> dict[str, Any]:
    """All that rows depend on but the settings: function, code, data, threads, kind of machine, versions of peers."""
    code = code_of(module_of(run))
    function = f"{module_of(run)}:{run.__qualname__}"
    found: dict[str, Any] = {"format": FORMAT, "run": function, "code": code, "data": dict(data), "threads": threads}
    found["packages"] = versions_of(packages)
    return found if arithmetic is None else found | {"arithmetic": dict(arithmetic)}


@dataclass(frozen=True)
class Listed:
    """Single settings, each under a key that its maker vouches for: all that the rows depend on, code included."""

    run: Run
    settings: Mapping[str, Setting]
    axes: tuple[str, ...] = ()

    @cached_property
    def specification(self) -> dict[str, Any]:
        return _specification(self.run, {}, 1, None)

    @property
    def bytes_of_a_chunk(self) -> float:
        """Not known."""
        return 0.0

    def on(self, arithmetic: Mapping[str, str]) -> Listed:
        """Itself: its keys are not made here."""
        return self

    @cached_property
    def chunks(self) -> tuple[Chunk, ...]:
        return tuple(Chunk(i, setting, ({},), key) for i, (key, setting) in enumerate(self.settings.items()))


@dataclass(frozen=True)
class Sweep:
    """A function over a grid, ``axis → values`` (JSON scalars or lists of them).

    Runs that differ in the axes ``batched`` only may share a chunk; ``run(shared, batch)`` returns a row for each. With
    no such axis a chunk is one setting and ``run(shared, [{}])`` may return any number of rows. ``bytes_per_run``
    (a number, or a function of the shared values) and ``memory`` set the size of chunks, and so, as PyTorch's last
    digits depend on the batch, they are part of what is computed. ``run`` computes on ``threads`` threads.
    """

    run: Run
    grid: Mapping[str, Sequence[Any]]
    batched: tuple[str, ...] = ()
    bytes_per_run: float | Callable[[Setting], float] = 0.0
    memory: float = MEMORY
    threads: int = 1
    data: Mapping[str, str] = field(default_factory=dict)
    """Name → digest of whatever else the function reads."""
    arithmetic: Mapping[str, str] | None = None
    """That of the workers (``on``); of this process where it is None."""
    packages: tuple[str, ...] = ()
    """Distributions that the function loads by name, as its peers: their versions count, and a table names them."""

    def __post_init__(self) -> None:
        if missing := [name for name in self.batched if name not in self.grid]:
            raise BookError(f"the sweep batches {', '.join(missing)}: name axes of its grid, {', '.join(self.grid)}")
        if empty := [name for name, values in self.grid.items() if not len(values)]:
            raise BookError(f"the axes {', '.join(empty)} of the sweep have no values: give each at least one")
        if self.threads < 1 or not self.memory > 0:
            raise BookError("a sweep needs at least one thread, and memory of more than 0 bytes")
        if "<" in self.run.__qualname__:
            raise BookError(f"{self.run.__qualname__} has no name of its own: workers need a function of a module")
        try:
            json.dumps([self._plain, dict(self.data)], allow_nan=False)
        except (TypeError, ValueError) as error:
            raise BookError(f"the grid must hold numbers, texts and lists of them: {error}") from None

    @property
    def _plain(self) -> dict[str, list[Any]]:
        return {name: list(values) for name, values in self.grid.items()}

    @cached_property
    def specification(self) -> dict[str, Any]:
        arithmetic = arithmetic_of(module_of(self.run)) if self.arithmetic is None else self.arithmetic
        return _specification(self.run, self.data, self.threads, arithmetic, self.packages)

    @property
    def axes(self) -> tuple[str, ...]:
        return tuple(self.grid)

    @property
    def bytes_of_a_chunk(self) -> float:
        """Of the largest one; 0 where runs do not say what they take."""
        return max(len(chunk.batch) * self._each(chunk.shared) for chunk in self.chunks)

    def on(self, arithmetic: Mapping[str, str]) -> Sweep:
        """The sweep as it is computed on such a machine: its chunks have other keys than those of any other kind."""
        return replace(self, arithmetic=arithmetic)

    @cached_property
    def chunks(self) -> tuple[Chunk, ...]:
        """In the order of the grid, the last axis fastest; boundaries depend on the sweep only, never on a machine."""
        shared_axes = [name for name in self.grid if name not in self.batched]
        batched_axes = [name for name in self.grid if name in self.batched]
        found: list[Chunk] = []
        for values in itertools.product(*(self._plain[name] for name in shared_axes)):
            shared = dict(zip(shared_axes, values, strict=True))
            runs = [
                dict(zip(batched_axes, varied, strict=True))
                for varied in itertools.product(*(self._plain[name] for name in batched_axes))
            ]
            most = self._most(shared)
            for first in range(0, len(runs), most):
                batch = runs[first : first + most]
                text = json.dumps([self.specification, shared, batch], sort_keys=True)
                found.append(Chunk(len(found), shared, tuple(batch), digest(text.encode())[:32]))
        return tuple(found)

    def _each(self, shared: Setting) -> float:
        return self.bytes_per_run(shared) if callable(self.bytes_per_run) else self.bytes_per_run

    def _most(self, shared: Setting) -> int:
        """How many runs a chunk may hold; at least one."""
        each = self._each(shared)
        return max(1, math.floor(self.memory / each)) if each > 0 else 2**62


Plan = Sweep | Listed
"""What can be carried out."""
