"""Functions for sweeps that tests disturb, and a client that runs one in a process of its own."""

import json
import os
import signal
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd

from claimbook.sweeps import Sweep, Workers, carry_out

PADDING = "0" * 4000
"""Makes a chunk's file larger than the plan's, so that a disk can be full for one and not for the other."""


def draw(shared: dict, batch: list[dict]) -> pd.DataFrame:
    """One random mean a run, from a stream of the setting; seed 7 fails. Sleeps, so that there is time to kill."""
    rows = []
    for varied in batch:
        if varied["seed"] == 7:
            raise ValueError("seven\nis refused")
        sample = np.random.default_rng([shared["n"], varied["seed"]]).normal(size=shared["n"])
        rows.append({"mean": sample.mean(), "padding": PADDING})
    time.sleep(0.03)
    return pd.DataFrame(rows)


def hungry(shared: dict, batch: list[dict]) -> pd.DataFrame:
    """Takes more memory than its worker may have, until a worker was killed for it once."""
    marker = Path(shared["marker"])
    if batch[0]["seed"] == 1 and not marker.exists():
        marker.touch()
        held = [np.ones(2**24) for _ in range(8)]  # 1 GiB
        time.sleep(60)
        del held
    return pd.DataFrame({"double": [2 * varied["seed"] for varied in batch]})


def plan(chunks: int = 20) -> Sweep:
    """Twice ``chunks`` chunks of three runs."""
    return Sweep(draw, {"n": [3, 10], "seed": range(3 * chunks)}, ("seed",), bytes_per_run=1, memory=3)


def starving(marker: str) -> Sweep:
    """Three chunks, of which one kills its first worker."""
    return Sweep(hungry, {"marker": [marker], "seed": [0, 1, 2]}, ("seed",), bytes_per_run=1, memory=1)


MOMENTS = 18
"""Before and after each of nine renames: the plan, the client's file, then chunks and what belongs to them."""


def die_at(moment: int) -> None:
    """This process kills itself at a moment from 1: before its first rename, after it, before its second, and so on."""
    rename, left = os.replace, moment

    def replace(source: Path, target: Path) -> None:
        nonlocal left
        for step in (lambda: None, lambda: rename(source, target)):
            step()
            left -= 1
            if not left:
                os.kill(os.getpid(), signal.SIGKILL)

    os.replace = replace


def client(folder: str, workers: int, chunks: int = 20, dies_at: int = 0) -> None:
    """Carry the sweep of ``plan`` out, to the end or to a moment of 1 to MOMENTS."""
    if dies_at:
        die_at(dies_at)
    carry_out(plan(chunks), Path(folder), workers=Workers(workers))


if __name__ == "__main__":
    import toy_sweep  # by its name, as workers import it

    toy_sweep.client(*json.loads(sys.argv[1]))


def where(shared: dict, batch: list[dict]) -> pd.DataFrame:
    """The GPU that this process may use."""
    time.sleep(0.1)
    return pd.DataFrame({"gpu": [os.environ.get("CUDA_VISIBLE_DEVICES", "")]})
