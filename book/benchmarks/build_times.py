"""The book, cold and warm, and the tests, quick and slow: seconds of clock and processor, in a copy of the commit."""

import math
import os
import resource
import shlex
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pandas as pd

from claimbook.checkout import commit_of
from claimbook.sweeps import Sweep

ROOT = Path(__file__).parents[2]
ADDITIONS = 10_000_000
"""Of whole numbers in a loop, timed before each command: machines differ by more than what is measured here."""
INSTALL = ".venv/.installed"
"""What `make` makes first, of the network's speed: not timed."""

WORKS: dict[str, list[tuple[str, str, float]]] = {
    "book": [("book, cold", "book", 360.0), ("book, warm", "book", 10.0)],
    "tests": [("tests", "test", 360.0), ("slow tests", "test ARGS='-m slow'", math.nan)],
}
"""What is made, one after the other, and the seconds that each may take; no bar for the slow tests, which CI runs."""

OURS = (
    *("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "PYTHONPATH", "VIRTUAL_ENV"),
    *("MAKEFLAGS", "MFLAGS", "MAKELEVEL"),
)
"""Taken out of the environment: the commands see the machine as a reader's do."""


def race(shared: dict[str, Any], _: list[dict[str, Any]]) -> pd.DataFrame:
    """A row a command; ``status`` tells the last line of one that failed, ``loop_seconds`` how fast the machine was.

    Every process that a command starts and waits for counts. Nothing else should run on the machine.
    """
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "copy"
        subprocess.run(["git", "clone", "--quiet", "--no-local", str(ROOT), str(copy)], check=True)
        made = timed(copy, "environment", INSTALL)
        if made["status"] != "done":
            return pd.DataFrame([made])
        rows = [timed(copy, work, target) | {"to_reach": most} for work, target, most in WORKS[shared["what"]]]
    return pd.DataFrame(rows).assign(cores=os.cpu_count())


def timed(copy: Path, work: str, target: str) -> dict[str, Any]:
    """One target of `make` in the copy, with its variables: its seconds, and how it ended."""
    pace = loop_seconds()
    environment = {name: value for name, value in os.environ.items() if name not in OURS}
    used, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    command = ["make", "--no-print-directory", *shlex.split(target), f"PYTHON={sys.executable}"]
    done = subprocess.run(
        command, cwd=copy, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    seconds, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime - used.ru_utime + after.ru_stime - used.ru_stime
    last = [line for line in done.stdout.splitlines() if line.strip() and not line.startswith("make:")][-1:] or [
        "no message"
    ]
    status = "done" if done.returncode == 0 else f"failed: {last[0][:200]}"
    if done.returncode:
        sys.stderr.write(done.stdout[-8000:])
    return {"work": work, "seconds": seconds, "cpu_seconds": cpu, "loop_seconds": pace, "status": status}


def loop_seconds() -> float:
    """Processor seconds of ADDITIONS in one loop of this Python."""
    began, total = time.process_time(), 0
    for k in range(ADDITIONS):
        total += k
    return time.process_time() - began


def build_times() -> Sweep:
    """Everything in the tree counts, so the commit is part of the key."""
    return Sweep(race, {"what": list(WORKS)}, data={"commit": commit_of(ROOT)})
