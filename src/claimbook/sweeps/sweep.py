"""Carry a sweep out: what is stored stays, what is missing is computed, the table comes from the disk alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from ..progress import Progress
from ..project import BuildFailed
from .clients import present
from .grid import MEMORY, Plan, Run, Setting, Sweep
from .perform import DONE
from .store import Row, Store, unpacked
from .transport import Workers

HERE = Workers()


def sweep(
    grid: Mapping[str, Sequence[Any]],
    run: Run,
    *,
    into: Path,
    batched: tuple[str, ...] = (),
    bytes_per_run: float | Callable[[Setting], float] = 0.0,
    memory: float = MEMORY,
    workers: Workers = HERE,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """``carry_out`` of the ``Sweep`` with these parts: one row a run, in the order of the grid."""
    plan = Sweep(run, grid, batched, bytes_per_run, memory)
    return carry_out(plan, into, workers=workers, progress=progress)


def carry_out(plan: Plan, folder: Path, *, workers: Workers = HERE, progress: Progress | None = None) -> pd.DataFrame:
    """The table of a sweep, whose chunks are kept in ``folder``; a second start goes on where the first one ended.

    The same sweep gives the same rows, whatever the workers, their order, and what was killed in between. On machines
    of another kind (a GPU, other vector instructions) it is another sweep: nothing of theirs is taken. A run that
    fails is a row whose ``status`` is the error. BuildFailed where memory, disk or workers failed: what was computed is
    stored.
    """
    store, progress = Store(folder), progress or Progress()
    plan, asked = workers.placed(plan), workers.count
    workers = workers.fitting(plan)
    if workers.count < asked:
        progress.say(f"{workers.count} of {asked} workers: the memory has room for no more chunks at a time")
    folder.mkdir(parents=True, exist_ok=True)
    found = {chunk.key: rows for chunk in plan.chunks if (rows := store.read(chunk.key)) is not None}
    waiting = [chunk for chunk in plan.chunks if chunk.key not in found]
    lost: list[str] = []
    keys = {chunk.key: len(chunk.batch) for chunk in plan.chunks}
    with present(folder, keys, len(waiting)) as client, progress.counted(folder.name, len(waiting)) as count:
        for chunk, outcome in workers.outcomes(plan, waiting, store):
            if isinstance(outcome, BaseException):
                lost.append(f"{chunk}: {type(outcome).__name__}: {outcome}")
                continue
            if outcome is not None:
                store.write(chunk.key, *outcome)
            rows = store.read(chunk.key) if outcome is None else unpacked(outcome[0])
            if rows is None:
                lost.append(f"{chunk}: its file is damaged")
                continue
            found[chunk.key] = rows
            client.done += 1
            client.tell()
            count()
    if lost:
        raise BuildFailed("\n".join([*lost, f"{len(lost)} of {len(plan.chunks)} chunks are missing: start again"]))
    return tidy([row for chunk in plan.chunks for row in found[chunk.key]], plan)


def tidy(rows: Sequence[Row], plan: Plan) -> pd.DataFrame:
    """Rows as one table: the axes of the grid first, then what the function measured, the status last."""
    axes = plan.axes
    measured = dict.fromkeys(name for row in rows for name in row if name not in (*axes, "status"))
    return pd.DataFrame(list(rows), columns=[*axes, *measured, "status"])


def spent(plan: Plan, folder: Path) -> float:
    """The seconds that all chunks took which are stored, in whichever start and on whichever worker."""
    return sum(Store(folder).seconds(chunk.key) for chunk in plan.chunks)


def failed(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of runs that raised; not those that the function itself gave another status."""
    return table[table["status"].str.contains(r"^\w+: ", regex=True) & (table["status"] != DONE)]
