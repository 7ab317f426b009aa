"""Sweeps that are killed: clients and workers by SIGKILL, a disk that is full, a worker out of memory, two clients.

As a command: ``python tests/claimbook/kills.py --kills 50`` (from the root, with the package installed); a short run
of each is a test. After all that, the bytes on the disk must be those of the undisturbed sweep.
"""

import argparse
import json
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import toy_sweep

from claimbook.sweeps import Workers, carry_out, status

CLIENT = Path(__file__).with_name("toy_sweep.py")
PATIENCE = 600.0
"""Seconds after which a sweep that does not end counts as hanging: a busy machine takes long to start workers."""


def bytes_of(folder: Path) -> dict[str, bytes]:
    """The stored chunks of a sweep."""
    return {file.name: file.read_bytes() for file in folder.glob("*.json") if file.name != "plan.json"}


def start(
    folder: Path, workers: int, chunks: int, before: Callable[[], None] | None = None, dies_at: int = 0
) -> subprocess.Popen:
    """A client in a process of its own, started after ``before``, that kills itself at a moment of its own."""
    command = [sys.executable, str(CLIENT), json.dumps([str(folder), workers, chunks, dies_at])]
    return subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL, preexec_fn=before)


def stored(folder: Path) -> int:
    """How many chunks are there."""
    return len(bytes_of(folder))


def until(done: Callable[[], bool]) -> None:
    """Wait; AssertionError after PATIENCE seconds."""
    end = time.monotonic() + PATIENCE
    while not done():
        assert time.monotonic() < end, "the sweep hangs"
        time.sleep(0.005)


def kill_clients(folder: Path, kills: int, chunks: int, chance: random.Random) -> int:
    """Start clients without workers that die before or after one of their first renames; how many were killed."""
    dying = (start(folder, 0, chunks, dies_at=chance.randint(1, toy_sweep.MOMENTS)) for _ in range(kills))
    return sum(process.wait(PATIENCE) == -signal.SIGKILL for process in dying)


def workers_of(process: subprocess.Popen) -> list[psutil.Process]:
    """The worker processes of a client; the first of its children keeps track of resources."""
    try:
        children = psutil.Process(process.pid).children(recursive=True)
        return [child for child in children if any("spawn_main" in word for word in child.cmdline())]
    except psutil.NoSuchProcess:
        return []


def kill_workers(folder: Path, kills: int, chunks: int, chance: random.Random) -> int:
    """Kill workers of one client, each after another chunk was stored; at last the client; how many were killed."""
    process = start(folder, 2, chunks)
    try:
        return _killed(process, folder, kills, chance)
    finally:
        process.kill()
        process.wait()


def _killed(process: subprocess.Popen, folder: Path, kills: int, chance: random.Random) -> int:
    killed = 0
    while killed < kills - 1 and process.poll() is None:
        before = stored(folder)
        until(lambda before=before: process.poll() is not None or stored(folder) > before)
        if victims := workers_of(process):
            chance.choice(victims).kill()
            killed += 1
    before, orphans = stored(folder), workers_of(process)
    until(lambda: process.poll() is not None or stored(folder) > before)
    killed += process.poll() is None
    process.kill()
    process.wait()
    until(lambda: not any(orphan.is_running() and orphan.status() != "zombie" for orphan in orphans))
    return killed


def finish(folder: Path, workers: int, chunks: int) -> None:
    """Start once more, undisturbed."""
    assert start(folder, workers, chunks).wait(PATIENCE) == 0


def fill_disk(folder: Path, chunks: int) -> None:
    """A client whose files may not grow beyond the size of the plan fails and leaves no part of a chunk."""
    limit = 3000
    small = start(folder, 0, chunks, lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)))
    assert small.wait(PATIENCE) != 0
    assert stored(folder) == 0


def two_at_once(folder: Path, chunks: int) -> None:
    """Two clients on one folder both come to their end."""
    both = [start(folder, 0, chunks), start(folder, 0, chunks)]
    assert [process.wait(PATIENCE) for process in both] == [0, 0]


def starve(folder: Path) -> None:
    """A worker that takes more than its memory is killed, and its chunk done by the next one."""
    marker = folder / "was_hungry"
    table = carry_out(toy_sweep.starving(str(marker)), folder / "sweep", workers=Workers(1, memory=7e8))
    assert marker.exists()
    assert list(table["double"]) == [0, 2, 4]


def main() -> None:
    """Disturb sweeps until so many processes were killed; compare the bytes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    chance, chunks, killed, rounds = random.Random(arguments.seed), 20, 0, 0
    place = Path(tempfile.mkdtemp(prefix="kills-"))
    carry_out(toy_sweep.plan(chunks), place / "quiet")
    expected = bytes_of(place / "quiet")
    while killed < arguments.kills:
        folder = place / f"round-{rounds}"
        killed += kill_clients(folder, 5, chunks, chance) + kill_workers(folder, 6, chunks, chance)
        print(f"round {rounds}: {killed} killed; {status(folder)}", flush=True)
        finish(folder, rounds % 3, chunks)
        assert bytes_of(folder) == expected, f"{folder}: other bytes"
        rounds += 1
    for disturb in (fill_disk, two_at_once):
        disturb(place / disturb.__name__, chunks)
        finish(place / disturb.__name__, 0, chunks)
        assert bytes_of(place / disturb.__name__) == expected, disturb.__name__
    (place / "starve").mkdir()
    starve(place / "starve")
    shutil.rmtree(place)
    print(f"{killed} kills in {rounds} sweeps, a full disk, two clients, a worker out of memory: the same bytes")


if __name__ == "__main__":
    main()
