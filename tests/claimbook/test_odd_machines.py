"""Machines that are in the way: logs, terminals, streams and surroundings; the work is done all the same."""

import io
import os
import shlex
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from http.server import HTTPServer
from pathlib import Path
from urllib.request import urlopen

import pytest
from odd_requests import CELLS
from throwaway import chapter_text

from claimbook import files, progress
from claimbook.cli import Handler
from claimbook.environment import surroundings
from claimbook.project import Project
from claimbook.shortage import cure_of

FIGURE = "from matplotlib.figure import Figure\nfrom claimbook import show"
SHOWN = 'figure = Figure(figsize=(3, 2))\nfigure.subplots().plot([0, 1], [0, 1])\nshow(figure, "fig-line")'
HEADER = "---\nmystnb: {figure: {name: fig-line, caption: A line.}, image: {alt: A line}}\n---\n"


def test_the_site_is_served_where_its_log_cannot_be_written(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "index.html").write_text("a page")
    with (
        open("/dev/full", "w", buffering=1) as full,
        HTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(tmp_path))) as server,
    ):
        monkeypatch.setattr(sys, "stderr", full)
        answering = threading.Thread(target=server.handle_request)
        answering.start()
        with urlopen(f"http://127.0.0.1:{server.server_port}/") as answered:
            assert answered.read() == b"a page"
        answering.join()
        with suppress(OSError):
            full.close()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("term", "columns", "longest"), [("xterm", "200", 110), ("xterm", "20", 19), ("dumb", "80", 200)]
)
def test_progress_fits_the_terminal(term: str, columns: str, longest: int, monkeypatch) -> None:
    """What a terminal cannot erase is not written there: codes on a dumb one, a line that goes on below."""
    monkeypatch.setenv("TERM", term)
    monkeypatch.setenv("COLUMNS", columns)
    shown = Terminal()
    told = progress.Progress(shown)
    for name in ("a chapter with a long name", *("another " + letter * 70 for letter in "bc")):
        told.cell(name, 1, 9)
    text = shown.getvalue()
    lines = text.replace("\x1b[2K", "").replace("\r", "\n").splitlines()
    assert ("\x1b" in text) == (term != "dumb")
    assert 15 < max(map(len, lines)) <= longest


@pytest.mark.parametrize(
    ("message", "cure"),
    [
        ("OSError: [Errno 24] Too many open files: 'a.png'", "ulimit -n"),
        ("OSError: [Errno 28] No space left on device", "TMPDIR"),
        ("RuntimeError: can't start new thread", "ulimit -u"),
        ("OpenBLAS blas_thread_init: pthread_create failed: Resource temporarily unavailable", "ulimit -u"),
        ("numpy.core._exceptions._ArrayMemoryError: Unable to allocate 8 GiB", "ulimit -v"),
        ("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes.", "ulimit -v"),
        ("ImportError: libtorch_cpu.so: failed to map segment from shared object", "ulimit -v"),
        ("ValueError: the widths are [Errno 2]", ""),
    ],
)
def test_a_shortage_that_a_cell_tells_of_has_its_cure(message: str, cure: str) -> None:
    assert bool(cure) == bool(cure_of(message))
    assert cure in cure_of(message)


STREAMS = {
    "a reader that leaves": ("{0} | true; exit ${{PIPESTATUS[0]}}", 141, ""),
    "a full device": ("{0} >/dev/full", 2, "error: standard output: No space left on device: the work is done"),
    "all of them closed": ("{0} <&- >&- 2>&-", 0, ""),
    "no room for the error either": ("{0} >/dev/full 2>/dev/full", 2, ""),
}
"""Where the standard streams lead, the exit status, and what is said on standard error, if that can be read."""


@pytest.mark.slow
@pytest.mark.parametrize("name", STREAMS)
def test_standard_streams_that_fail(name: str, book: Callable[..., Project]) -> None:
    """The work is done all the same, and can be read by who did it even where a umask would forbid that."""
    project = book({"one": chapter_text(CELLS)})
    how, status, line = STREAMS[name]
    program = (
        "import sys, subprocess; from claimbook import cli, files, progress\n"
        "def run(project, _):\n"
        "    progress.Progress().say('at work')\n"
        "    files.write_atomic(project.build / 'runs' / 'a', 'done')\n"
        "    subprocess.run(['echo', 'a child that speaks'], stdout=2)\n"
        "    [cli.say(9 * 'x') for _ in range(3)]\n"
        "cli.run = run; sys.exit(cli.main(sys.argv[1:]))"
    )
    words = [sys.executable, "-c", program, "--root", str(project.root), "run", "one"]
    source = {"PYTHONPATH": str(Path(files.__file__).parents[1])}
    command = f"umask 777; {how.format(shlex.join(words))}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, env=os.environ | source)
    assert done.returncode == status, done.stderr.decode()
    said = [text for text in done.stderr.decode().splitlines() if text not in ("at work", "a child that speaks")]
    assert len(said) == bool(line)
    assert line in "".join(said)
    assert (project.build / "runs" / "a").read_text() == "done"
    assert (project.build / "runs").stat().st_mode & 0o777 == 0o700


def hostile(folder: Path) -> dict[str, str]:
    """No home that can be written, another look of figures, another kernel, an IPython that fails, no UTF-8.

    And Python's own variables that change warnings and hashes, and how wide and colourful texts are.
    """
    kernel = folder / "jupyter" / "kernels" / "python3" / "kernel.json"
    startup = folder / "ipython" / "profile_default" / "startup" / "00.py"
    for file, text in (
        (kernel, '{"argv": ["/bin/false"], "display_name": "Python 3", "language": "python"}'),
        (startup, "raise SystemExit"),
        (folder / "config" / "jupyter_config.py", "raise SystemExit"),
        (folder / "config" / "jupyter_config.json", '{"ConnectionFileMixin": {"ip": "10.255.255.1"}}'),
        (folder / "matplotlibrc", "lines.linewidth: 30\nfigure.facecolor: red\nfont.size: 40\n"),
    ):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return {
        "HOME": "/proc/none",
        "XDG_CACHE_HOME": "/proc/none",
        "MATPLOTLIBRC": str(folder / "matplotlibrc"),
        "MPLBACKEND": "nothing",
        "JUPYTER_PATH": str(folder / "jupyter"),
        "IPYTHONDIR": str(folder / "ipython"),
        "LC_ALL": "C",
        "PYTHONIOENCODING": "ascii",
        "PYTHONUTF8": "0",
        "PYTHONOPTIMIZE": "1",
        "PYTHONWARNINGS": "error",
        "PYTHONHASHSEED": "7",
        "PYTHONBREAKPOINT": "nothing",
        "JUPYTER_CONFIG_PATH": str(folder / "config"),
        "TMPDIR": "/proc/none",
        "COLUMNS": "1",
        "FORCE_COLOR": "1",
        "TORCH_LOGS": "nothing",
    }


def test_what_a_builder_has_chosen_reaches_no_process(
    book: Callable[..., Project], tmp_path: Path, monkeypatch
) -> None:
    project = book({"one": chapter_text(CELLS)})
    places = {"HOME", "XDG_CACHE_HOME", "TMPDIR"}  # a machine's, not a taste
    for name in hostile(tmp_path):
        monkeypatch.delenv(name, raising=False)
    before = surroundings(project)
    prompts = {"PYTHONINSPECT": "1", "PYTHONVERBOSE": "1", "PIP_NO_INDEX": "0", "MPLBACKEND": "TkAgg", "LANGUAGE": "tr"}
    for name, text in (hostile(tmp_path) | prompts).items():
        monkeypatch.setenv(name, text)
    assert {name: text for name, text in surroundings(project).items() if name not in places} == before


@pytest.mark.slow
def test_a_chapter_is_the_same_in_any_surroundings(book: Callable[..., Project], tmp_path: Path) -> None:
    claim = 'from claimbook import claim\nclaim("equation-8/double", "twice", measured=2 * seed, at_least=2)'
    checks = "1 if __debug__ else 1 / 0  # python -O would leave out what chapters assert"
    project = book({"one": chapter_text((*CELLS, checks, FIGURE, claim, HEADER + SHOWN))})
    drawn = []
    for odd in ({}, hostile(tmp_path / "odd")):
        output = tmp_path / f"results {len(drawn)}"
        command = [sys.executable, "-m", "claimbook.cli", "--root", str(project.root), "--output", str(output)]
        done = subprocess.run(
            [*command, "run", "one"], env={**os.environ, **odd}, capture_output=True, stdin=subprocess.DEVNULL
        )
        assert done.returncode == 0, done.stderr.decode()
        assert b"equation-8/double" in done.stdout
        (figure,) = output.glob("runs/*-figures/fig-line.svg")
        drawn.append(figure.read_bytes())
    assert drawn[0] == drawn[1]
