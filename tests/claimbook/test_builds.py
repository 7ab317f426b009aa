"""Builds through the command line: what is done once, refused, run with other parameters, and what a kill leaves."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import nbformat
import psutil
import pytest
from tiny_site import ONE, command

from claimbook.files import tree_digest
from claimbook.fork_server import forks_are_safe
from claimbook.project import Project


def test_nothing_is_done_twice(site: Project, capsys: pytest.CaptureFixture[str]) -> None:
    before = tree_digest(site.html)
    stamp = site.html.stat().st_ino
    assert command(site, "build") == 0
    shown = capsys.readouterr()
    assert "one: unchanged, 1 claim holds" in shown.err
    assert f"open {(site.html / 'index.html').as_uri()}" in shown.out
    assert (tree_digest(site.html), site.html.stat().st_ino) == (before, stamp)
    assert command(site, "check") == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("one", ONE.replace("at_least=2,", "at_least=3,"), "one, cell 3 of 4"),
        ("welcome", '# Welcome\n\n<a href="gone.html">gone</a>\n', "book/welcome.html: dead link: gone.html"),
    ],
)
def test_what_fails_is_not_published(
    site: Project, capsys: pytest.CaptureFixture[str], name: str, text: str, message: str
) -> None:
    before = tree_digest(site.html)
    path = site.root / "book" / f"{name}.md"
    good = path.read_text()
    path.write_text(text)
    try:
        assert command(site, "build") == 1
        assert message in capsys.readouterr().err
        assert tree_digest(site.html) == before
    finally:
        path.write_text(good)


@pytest.mark.slow
def test_one_chapter_with_other_parameters(site: Project, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(site, "run", "one", "-p", "seed=3") == 0
    shown = capsys.readouterr().out
    path = Path(shown.splitlines()[0])
    assert path.parent == site.build / "runs"
    notebook = nbformat.read(path, as_version=4)
    cells = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    assert cells[0] == 'seed = 3  # any integer\ntier = "quick"  # or "full"'
    assert len(cells) == 4
    assert "✓ equation-8/double" in shown
    assert "measured 6" in shown
    assert (site.build / "runs" / f"{path.stem}-figures" / "fig-line.pdf").is_file()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["run", "one", "-p", "sead=3"], "did you mean seed"),
        (["run", "oen"], "did you mean one"),
        (["build", "--tier", "huge"], "choose one of quick, full"),
        (["build", "--jobs", "0"], "at least one chapter"),
        (["run", "one", "--device", "cuda"], "unknown parameter device"),
    ],
)
def test_wrong_requests_end_with_status_2(
    site: Project, capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    before = {p for p in site.build.rglob("*") if "work" not in p.parts}
    assert command(site, *words) == 2
    shown = capsys.readouterr().err
    assert message in shown
    assert len(shown.strip().splitlines()) == 1
    assert {p for p in site.build.rglob("*") if "work" not in p.parts} == before


def test_figures_are_written_in_both_formats(site: Project) -> None:
    assert command(site, "figures") == 0
    assert sorted(p.name for p in (site.build / "figures").iterdir()) == ["fig-line.pdf", "fig-line.svg"]
    assert b"<dc:date>" not in (site.build / "figures" / "fig-line.svg").read_bytes()


def _left(site: Project) -> list[str]:
    others = [p.info for p in psutil.process_iter(["cmdline", "ppid"]) if p.info["ppid"] != os.getpid()]
    return [line for p in others if str(site.root) in (line := " ".join(p["cmdline"] or ()))]


def _until(happens: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not happens():
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.mark.slow
def test_a_killed_build_leaves_no_trace(site: Project) -> None:
    before = tree_digest(site.html)
    last = json.loads((site.build / "site.json").read_text())
    shutil.rmtree(site.build)
    words = [sys.executable, "-m", "claimbook.cli", "--root", str(site.root), "build"]
    chapter = ("fork_server", 3) if forks_are_safe() else ("job.json", 1)  # the server, a chapter's process, its kernel
    ends = [(chapter, os.kill, signal.SIGTERM, 130)]  # a polite end, of the builder alone
    ends += [(at_work, os.killpg, signal.SIGKILL, -9) for at_work in (chapter, ("--path-output", 1))]  # Jupyter Book
    for (word, count), kill, by, status in ends:
        build = subprocess.Popen(words, start_new_session=True, stderr=subprocess.PIPE, text=True)
        _until(lambda word=word, count=count: sum(word in line for line in _left(site)) >= count)
        kill(build.pid, by)
        said = build.communicate()[1]
        assert build.returncode == status
        assert said.endswith("stopped\n") == (by == signal.SIGTERM)
        _until(lambda: not _left(site))
    assert command(site, "build") == 0
    assert tree_digest(site.html) == before
    assert json.loads((site.build / "site.json").read_text()) == last
    assert sorted(p.name for p in site.build.iterdir() if p.name.startswith(".")) == [".lock"]
