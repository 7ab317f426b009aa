"""A class's leaderboard: `python -m global_optimality.exact.lab ASSIGNMENT FOLDER` grades every hand-in in a folder.

Each file is graded in a process of its own with limits on time and memory; what breaks one is its reason on the
leaderboard. Beside this folder `python -m exact.lab` does the same with nothing installed.
"""

import argparse
import csv
import hashlib
import html
import io
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from unicodedata import normalize

from .file import write
from .hand_in import Assignment, Grade

SECONDS = 20.0
"""Processor time for grading one file; on the clock it may take PATIENCE times as long, on a busy machine."""

PATIENCE = 10

MEMORY = 1 << 30
"""Bytes of address space for grading one file."""

_RUN = """
import math, runpy, sys
seconds, memory, folder = float(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
try:
    import resource
    cpu = math.ceil(seconds)
    limits = (("RLIMIT_AS", memory, memory), ("RLIMIT_FSIZE", 0, 0), ("RLIMIT_CPU", cpu, cpu + 1))
except ImportError:  # no such limits on this system: the clock and the size of the file bound what can happen
    limits = ()
for name, soft, hard in limits:
    try:
        resource.setrlimit(getattr(resource, name), (soft, hard))
    except (AttributeError, OSError, ValueError):
        pass
sys.path.insert(0, folder)
sys.argv[:4] = ["hand_in"]
runpy.run_module("exact.hand_in", run_name="__main__")
"""


_OUT_OF_TIME = -24
"""Exit code by SIGXCPU, with which a system ends what used up its processor time."""


@dataclass(frozen=True)
class Entry:
    """A line of the leaderboard."""

    name: str
    grade: Grade


def shown_name(file: Path) -> str:
    """A file's name as a name: letters, digits, - and _ only, in which no spreadsheet, terminal or page reads more.

    Where that changed it, where it has letters beyond ASCII (some look like others), or its ending is not exactly
    ``.json``, ~ and six digits follow, so that no two files have one name, and none has that of another.
    """
    kept = re.sub(r"[^\w-]+", "_", normalize("NFKC", file.stem))[:40].strip("_-")
    if kept.isascii() and f"{kept}.json" == file.name:
        return kept
    return f"{kept}~{hashlib.sha256(os.fsencode(file.name)).hexdigest()[:6]}"


def graded(file: Path, assignment: Path, seconds: float = SECONDS, memory: int = MEMORY) -> Grade:
    """The grade of one file, found in a process of its own."""
    limits = [str(seconds), str(memory), str(Path(__file__).parents[1])]
    command = [sys.executable, "-I", "-c", _RUN, *limits, str(assignment), str(file)]
    late = Grade(reason=f"it could not be graded within {seconds:g} s.")
    began = time.monotonic()
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE * seconds, check=False)
    except subprocess.TimeoutExpired:
        return late
    # Where this process is not given a processor until the other has ended, nothing was raised.
    if done.returncode == _OUT_OF_TIME or time.monotonic() - began > PATIENCE * seconds:
        return late
    if done.returncode != 0:
        return Grade(reason="grading it broke off, perhaps for want of memory.")
    return Grade(**json.loads(done.stdout))


def leaderboard(folder: Path, assignment: Path, seconds: float = SECONDS) -> list[Entry]:
    """Every hand-in (``*.json``), nearest to global first, ungraded ones last; ``ValueError``: no assignment."""
    Assignment.read(assignment)
    files = sorted(file for file in folder.iterdir() if file.suffix.lower() == ".json" and file.name[0] != ".")
    entries = [Entry(shown_name(file), graded(file.absolute(), assignment.absolute(), seconds)) for file in files]
    return sorted(entries, key=lambda e: (e.grade.gap is None, e.grade.gap or 0.0, e.grade.units or 0, e.name))


def write_board(entries: Sequence[Entry], place: Path) -> None:
    """Write ``place`` as CSV, and the same with the ending .html as a page."""
    head = ("rank", "name", "objective", "gap", "units", "remark")
    rows = []
    for rank, entry in enumerate(entries, 1):
        g = entry.grade
        shown = ("", "", "") if g.gap is None else (f"{g.objective:.10g}", f"{g.gap:.3e}", str(g.units))
        rows.append((str(rank) if g.gap is not None else "–", entry.name, *shown, g.reason))
    stream = io.StringIO(newline="")
    csv.writer(stream).writerows([head, *(tuple(map(_inert, row)) for row in rows)])
    write(place, stream.getvalue())
    cells = ["".join(f"<th scope=col>{h}" for h in head), *("".join(f"<td>{html.escape(c)}" for c in r) for r in rows)]
    page = "\n".join(f"<tr>{cell}" for cell in cells)
    write(  # by hand, not from a template: this folder runs with nothing installed
        place.with_suffix(".html"),
        "<!doctype html><html lang=en><meta charset=utf-8><title>Leaderboard</title>"
        f"<style>td,th{{padding:.2em .8em;text-align:left}}</style><h1>Leaderboard</h1><table>{page}</table></html>\n",
    )


def _inert(text: str) -> str:
    """No formula for a spreadsheet."""
    return f"'{text}" if text[:1] in tuple("=+-@\t\r") else text


def main(words: Sequence[str]) -> int:
    """Grade a folder and write the leaderboard; exit status 2 where there is no assignment or folder."""
    parser = argparse.ArgumentParser(prog="lab", description=__doc__)
    parser.add_argument("assignment", type=Path, help="a saved certificate of the problem that was set")
    parser.add_argument("folder", type=Path, help="the hand-ins, one .json file each")
    parser.add_argument("--leaderboard", type=Path, default=Path("leaderboard.csv"), help="the file to write")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="time for one file")
    given = parser.parse_args(words)
    try:
        entries = leaderboard(given.folder, given.assignment, given.seconds)
        write_board(entries, given.leaderboard)
    except (OSError, ValueError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    for entry in entries:
        gap = entry.grade.reason if entry.grade.gap is None else f"gap {entry.grade.gap:.3e}"
        sys.stdout.write(f"{entry.name}: {gap}\n")
    return 0


if __name__ == "__main__":
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    sys.exit(main(sys.argv[1:]))
