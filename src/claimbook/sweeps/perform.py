"""One chunk, wherever it is computed: the function called, its failures made rows, everything as bytes."""

from __future__ import annotations

import importlib
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import reduce
from typing import Any

import pandas as pd
from threadpoolctl import threadpool_limits

from ..project import BookError
from .arithmetic import arithmetic_of, difference
from .code import code_of, versions_of
from .grid import Run, Setting
from .store import Row, packed

DONE = "done"
"""The status of a run that came to its end, unless the function gives one of its own."""

_MEMORY = ("out of memory", "can't allocate memory", "not enough memory", "bad_alloc")


def of_the_machine(error: BaseException) -> bool:
    """Whether an error is about memory, disk or connection, so that another try may succeed: no result of a run."""
    return isinstance(error, MemoryError | OSError) or any(word in str(error) for word in _MEMORY)


def perform(specification: dict[str, Any], shared: Setting, batch: list[Setting]) -> tuple[bytes, float]:
    """The rows of one chunk as `packed`, and its seconds. BookError where this process has other code,
    or is a machine of another kind."""
    module, _, name = specification["run"].partition(":")
    mine = code_of(module)
    if mine != specification["code"]:
        theirs = specification["code"]
        other = [key for key in sorted({*mine, *theirs}) if mine.get(key) != theirs.get(key)]
        raise BookError(f"this worker has another {', '.join(other[:3])}: install the same versions on all workers")
    if (peers := versions_of(specification["packages"])) != specification["packages"]:
        told = difference(peers, specification["packages"])
        raise BookError(f"this worker has another version of a peer ({told}): install the same on all workers")
    if (asked := specification.get("arithmetic")) is not None and (own := arithmetic_of(module)) != asked:
        told = difference(own, asked)
        raise BookError(f"this worker is another kind of machine than the sweep's ({told}): use machines of one kind")
    run: Any = reduce(getattr, name.split("."), importlib.import_module(module))
    start = time.perf_counter()
    with _threads(specification["threads"]):
        rows = packed(rows_of(run, shared, batch))
    return rows, time.perf_counter() - start


def rows_of(run: Run, shared: Setting, batch: list[Setting]) -> list[Row]:
    """A row a run. A batch that raises is halved until the runs that fail are alone: their status is the error.

    A missing package is no result, and is raised.
    """
    try:
        return _rows(run, shared, batch)
    except Exception as error:
        if of_the_machine(error) or isinstance(error, BookError | ImportError):
            raise
        if len(batch) == 1:
            text = " ".join(str(error).split())
            return [shared | batch[0] | {"status": f"{type(error).__name__}: {text}"}]
    half = len(batch) // 2
    return rows_of(run, shared, batch[:half]) + rows_of(run, shared, batch[half:])


def _rows(run: Run, shared: Setting, batch: list[Setting]) -> list[Row]:
    table: Any = run(dict(shared), [dict(varied) for varied in batch])
    if not isinstance(table, pd.DataFrame):
        raise BookError(f"{run.__qualname__} returned a {type(table).__name__}: a sweep's function returns a DataFrame")
    alone = len(batch) == 1 and not batch[0]
    if not alone and len(table) != len(batch):
        raise BookError(f"{run.__qualname__} returned {len(table)} rows for {len(batch)} runs: one row a run, in order")
    records = [{str(name): _plain(value) for name, value in row.items()} for row in table.to_dict("records")]
    varied = batch * len(records) if alone else batch
    return [shared | own | {"status": DONE} | row for own, row in zip(varied, records, strict=True)]


def _plain(value: Any) -> Any:
    """numpy's scalars as Python's, which JSON knows."""
    item = getattr(value, "item", None)
    return item() if item is not None else value


@contextmanager
def _threads(count: int) -> Iterator[None]:
    """So many threads for numpy's and PyTorch's arithmetic, whose last digits depend on it."""
    torch: Any = sys.modules.get("torch")  # loaded by the function's module, or not needed
    before = torch.get_num_threads() if torch is not None else count
    with threadpool_limits(count):
        if torch is not None:
            torch.set_num_threads(count)
        try:
            yield
        finally:
            if torch is not None:
                torch.set_num_threads(before)
