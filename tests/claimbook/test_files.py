"""Files and folders change in one step, and a killed step is undone."""

from pathlib import Path

import pytest

from claimbook import files
from claimbook.project import BookError


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
