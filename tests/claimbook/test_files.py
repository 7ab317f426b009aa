"""Files and folders change in one step, and a killed step is undone."""

import os
import random
import shutil
from pathlib import Path

import pytest

from claimbook import cache, files
from claimbook.key import Key
from claimbook.project import BookError, Project
from claimbook.sweeps import status

DAMAGED = (b"", bytes(200), b'{"chunks": {', b"[1]", b'"a"', b"3", b"null", b"[" * 100_000, b"\xff", b'{"chunks": [1]}')


def _folder(path: Path, text: str) -> Path:
    path.mkdir()
    (path / "page").write_text(text)
    return path


def test_a_folder_is_replaced_whole(tmp_path: Path) -> None:
    target = _folder(tmp_path / "html", "old")
    files.replace_folder(_folder(tmp_path / "new", "new"), target)
    assert (target / "page").read_text() == "new"
    assert [p.name for p in tmp_path.iterdir()] == ["html"]


def test_a_replacement_killed_between_its_renames_is_undone(tmp_path: Path) -> None:
    _folder(tmp_path / ".html.previous", "old")
    files.recover_folder(tmp_path / "html")
    assert (tmp_path / "html" / "page").read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["html"]


def test_a_file_that_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "file"
    files.write_atomic(path, "old")
    with pytest.raises(TypeError):
        files.write_atomic(path, 3)  # type: ignore[arg-type]
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_one_build_at_a_time(tmp_path: Path) -> None:
    with files.lock(tmp_path), pytest.raises(BookError, match="another build"), files.lock(tmp_path):
        pass
    with files.lock(tmp_path):
        pass


def test_a_build_works_in_no_folder_that_holds_something_else(tmp_path: Path) -> None:
    """It would replace and remove what it takes for its own: `work`, `html`, `cache`."""
    _folder(tmp_path / "work", "a letter")
    with pytest.raises(BookError, match=r"\(work\): name a new or an empty folder"), files.lock(tmp_path):
        pass
    assert (tmp_path / "work" / "page").read_text() == "a letter"
    for place in (tmp_path / "new", tmp_path / "_build"):  # Jupyter Book writes to the latter too
        for _ in range(2):
            with files.lock(place):
                (place / "work").mkdir(exist_ok=True)


def test_what_is_no_source_is_not_copied(tmp_path: Path) -> None:
    root = tmp_path / "book"
    for name in ("src/a.py", "results/html/index.html", "env/lib/torch.py", "a.pyc", "work/b.py"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    (root / "results" / files.LOCK).touch()
    (root / "env" / "pyvenv.cfg").touch()
    (root / "gone").symlink_to("nowhere")
    (root / "round").symlink_to("round")
    os.mkfifo(root / "pipe")
    shutil.copytree(root, root / "results" / "copy", ignore=files.leaving_out("*.pyc"))
    kept = sorted(p.relative_to(root / "results" / "copy").as_posix() for p in (root / "results" / "copy").rglob("*"))
    assert kept == ["src", "src/a.py", "work", "work/b.py"]


def test_a_new_result_stays_where_a_clock_was_ahead(tmp_path: Path) -> None:
    project, nothing = Project(tmp_path), tmp_path / "none"
    options = {"shown": (), "claims": (), "parameters": {}, "seconds": 1.0}
    for name in (*"abcdef", "new"):
        entry = cache.store(project, "one", Key(name, {}), notebook="{}", figures=nothing, **options)
        os.utime(entry.folder, (2**32 + ord(name[0]),) * 2)
    assert sorted(p.name for p in (project.cache / "one").iterdir()) == ["b", "c", "d", "e", "f", "new"]


def test_a_damaged_entry_is_none(tmp_path: Path) -> None:
    """Emptied, zeroed, cut, another JSON, or one bit turned: what is read is what was stored, or nothing."""
    project, nothing = Project(tmp_path), tmp_path / "none"
    options = {"shown": (), "claims": (), "parameters": {"seed": 1}, "seconds": 1.0}
    entry = cache.store(project, "one", Key("abc", {}), notebook='{"cells": []}', figures=nothing, **options)
    draw = random.Random(0)
    for name in ("record.json", "executed.ipynb"):
        file = entry.folder / name
        whole = file.read_bytes()
        flips = []
        for _ in range(60):
            flipped = bytearray(whole)
            flipped[draw.randrange(len(whole))] ^= 1 << draw.randrange(8)
            flips.append(bytes(flipped))
        for damage in (*DAMAGED, *flips):
            file.write_bytes(damage)
            assert cache.lookup(project, "one", Key("abc", {})) in (None, entry)
        file.write_bytes(whole[:-5])
        assert cache.newest(project, "one") is None
        file.write_bytes(whole)
        assert cache.newest(project, "one") == entry


@pytest.mark.parametrize("damage", DAMAGED)
def test_a_damaged_plan_or_sign_of_life_is_no_traceback(damage: bytes, tmp_path: Path) -> None:
    (tmp_path / "plan.json").write_text('{"chunks": {"a": 2}}')
    (tmp_path / "clients").mkdir()
    (tmp_path / "clients/nowhere-1.json").write_bytes(damage)
    assert (status(tmp_path).clients, status(tmp_path).runs) == (0, 2)
    (tmp_path / "plan.json").write_bytes(damage)
    with pytest.raises(BookError, match=r"plan\.json is damaged"):
        status(tmp_path)
