"""Every odd request ends with exit status 2 and one line that names the cure."""

import errno
import os
import shutil
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from odd_requests import CELLS, REQUESTS, Row
from throwaway import chapter_text

from claimbook import files
from claimbook.cli import main
from claimbook.project import Project


def answer(project: Project, words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> tuple[object, list[str]]:
    """The exit status and what is said on stderr, without argparse's usage."""
    root = () if "--root" in words else ("--root", str(project.root))
    try:
        status: object = main([*root, *words])
    except SystemExit as end:
        status = end.code
    lines = capsys.readouterr().err.splitlines()
    return status, [line for line in lines if "error: " in line or not line.startswith(("usage:", " "))]


@pytest.mark.parametrize("row", [pytest.param(row, id=row.what) for row in REQUESTS])
def test_an_odd_request_is_refused_in_one_line(
    row: Row, book: Callable[..., Project], capsys: pytest.CaptureFixture[str]
) -> None:
    project = book({"one": chapter_text(CELLS)})
    if row.change is not None:
        row.change(project.root)
    status, lines = answer(project, row.words, capsys)
    assert status == 2
    assert len(lines) == 1
    assert row.cure in lines[0]
    assert not (project.build / "runs").exists()


SPACE, FILES = "free some space", "ulimit -n"
REFUSALS = [
    (errno.EROFS, "name one with --output"), (errno.ENOSPC, SPACE), (errno.EDQUOT, SPACE), (errno.EMFILE, FILES),
    (errno.EFBIG, "ulimit -f"), (errno.EAGAIN, "ulimit -u"), (errno.ENOMEM, "ulimit -v"),
]  # fmt: skip


@pytest.mark.parametrize(("number", "cure"), REFUSALS)
@pytest.mark.parametrize("how", ["a file", "a folder that is copied"])
def test_a_disk_or_machine_that_refuses(
    number: int, cure: str, how: str, book: Callable[..., Project], capsys: pytest.CaptureFixture[str], monkeypatch
) -> None:
    def refuses(*_: object, **__: object) -> None:
        error = OSError(number, os.strerror(number), "/some/file")
        raise error if how == "a file" else shutil.Error([("/some/file", "/some/copy", str(error))])

    monkeypatch.setattr(files, "FileLock", refuses)
    status, lines = answer(book({"one": chapter_text(CELLS)}), ("run", "one"), capsys)
    assert (status, len(lines)) == (2, 1)
    assert "/some/file" in lines[0]
    assert cure in lines[0]


def test_no_memory_for_the_command_itself(book: Callable[..., Project], capsys, monkeypatch) -> None:
    monkeypatch.setattr(files, "FileLock", lambda *_, **__: (_ for _ in ()).throw(MemoryError))
    status, lines = answer(book({"one": chapter_text(CELLS)}), ("run", "one"), capsys)
    assert (status, len(lines)) == (2, 1)
    assert "ulimit -v" in lines[0]


@pytest.mark.parametrize("words", [("run", "one"), ("--root", ".", "run", "one")])
def test_a_working_directory_that_is_gone(words: tuple[str, ...], tmp_path: Path, capsys, monkeypatch) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert main(words) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "name it with --root" in line


@pytest.mark.parametrize(
    ("place", "cure"), [("letters", "holds other files (work)"), (".", "holds other files"), ("src/x", "sources (src)")]
)
def test_results_do_not_mix_with_what_is_there(place: str, cure: str, book: Callable[..., Project], capsys) -> None:
    project = book({"one": chapter_text(CELLS)})
    letter = project.root / "letters" / "work" / "letter"
    letter.parent.mkdir(parents=True)
    letter.touch()
    status, lines = answer(project, ("--output", str(project.root / place), "run", "one"), capsys)
    assert (status, len(lines)) == (2, 1)
    assert cure in lines[0]
    assert letter.is_file()


def test_a_port_that_is_taken(book: Callable[..., Project], capsys: pytest.CaptureFixture[str]) -> None:
    project = book({"one": chapter_text(CELLS)})
    project.html.mkdir(parents=True)
    (project.html / "index.html").write_text("x")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        status, lines = answer(project, ("serve", "--port", port), capsys)
    assert (status, len(lines)) == (2, 1)
    assert "choose another with --port" in lines[0]
