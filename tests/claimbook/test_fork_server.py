"""Chapters that are forked from a process that has loaded what they import run as those that are started anew."""

import io
import os
import resource
import signal
from collections.abc import Callable

import psutil
import pytest
from throwaway import chapter_text

from claimbook import child
from claimbook.build import Options, results
from claimbook.fork_server import forks_are_safe
from claimbook.progress import Progress
from claimbook.project import Project

pytestmark = pytest.mark.skipif(not forks_are_safe(), reason="chapters are started anew on this system")

TOLD = """import os, sys
print(sorted(name for name in os.environ if name != "JPY_PARENT_PID"))
print(os.environ["CLAIMBOOK_CHAPTER"], os.listdir(), sys.stdin.read(), sys.path, sys.flags.safe_path)
print(len({os.getpid(), os.getpgid(0)}), os.getsid(0) == os.getpid(), hash("hash"))
from ipykernel.kernelapp import IPKernelApp
print(IPKernelApp.instance().parent_handle == os.getppid())
print(os.popen("echo from a program").read())"""
LOADED = 'import sys\nprint("colorsys" in sys.modules)'


def _run(project: Project) -> str:
    _, records = results(project, Options(), Progress(io.StringIO()))
    return "".join(r.notebook.read_text() for r in records.values())


def _asks_for(project: Project, *modules: str) -> None:
    file = project.root / "pyproject.toml"
    file.write_text(file.read_text() + f"preload = {list(modules)}\n")


def _servers(project: Project) -> list[psutil.Process]:
    own = psutil.Process().children()
    return [
        p for p in own if p.is_running() and str(project.root) in p.cmdline() and "claimbook.fork_server" in p.cmdline()
    ]


@pytest.mark.slow
def test_a_chapter_finds_what_it_would_find_if_it_were_started(
    book: Callable[..., Project], monkeypatch: pytest.MonkeyPatch
) -> None:
    told = []
    for safe in (True, False):
        monkeypatch.setattr(child, "forks_are_safe", lambda safe=safe: safe)
        child.stop_server()
        project = book({"one": chapter_text(["n = 1", TOLD, f"# {safe}"])})
        told.append(_run(project).replace(f"# {safe}", ""))
        assert len(_servers(project)) == safe
    assert told[0] == told[1]
    assert "echo from a program" in told[0]
    assert "False" not in told[0]


@pytest.mark.slow
def test_modules_are_loaded_before(book: Callable[..., Project], monkeypatch: pytest.MonkeyPatch) -> None:
    project = book({"one": chapter_text(["n = 1", LOADED])})
    assert "False" in _run(project)
    _asks_for(project, "no.such.module", "colorsys")
    project = Project(project.root)
    (project.root / "book" / "one.md").write_text(chapter_text(["n = 2", LOADED]))
    assert "True" in _run(project)


@pytest.mark.slow
def test_another_server_is_started_where_one_was_killed(book: Callable[..., Project]) -> None:
    for seed in range(2):
        project = book({"one": chapter_text([f"seed = {seed}", "1 + 1"])})
        assert "2" in _run(project)
        (server,) = _servers(project)
        os.kill(server.pid, signal.SIGKILL)
        server.wait()


@pytest.mark.slow
def test_nothing_is_left_of_a_server_that_is_stopped_and_its_time_counts(book: Callable[..., Project]) -> None:
    child.stop_server()
    before = _used_by_children()
    work = "import time\nwhile time.process_time() < 3:\n    pass"
    project = book({"one": chapter_text(["n = 1", work])})
    _run(project)
    (server,) = _servers(project)
    child.stop_server()
    assert not server.is_running()
    assert not _servers(project)
    assert _used_by_children() > before + 2


def _used_by_children() -> float:
    """Seconds of processor, as the loop of the test counts them: with those of the system, which asking takes."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
