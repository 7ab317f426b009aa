"""The key of a result changes with everything that could change the result, and with nothing else."""

from collections.abc import Callable
from pathlib import Path

import pytest
from throwaway import SUM_CELLS, chapter_text

from global_optimality.book import key
from global_optimality.book.chapters import read_book
from global_optimality.book.dependencies import used_files
from global_optimality.book.key import Key, key_of
from global_optimality.book.project import BookError, Project


def _key(project: Project, **values: object) -> Key:
    chapter = read_book(project).chapter("one")
    defaults = {p.name: p.default for p in chapter.parameters}
    return key_of(project, chapter, defaults | values)


@pytest.fixture
def project(book: Callable[..., Project]) -> Project:
    project = book({"one": chapter_text(SUM_CELLS, data=["shared.csv"])})
    (project.root / "data" / "one").mkdir(parents=True)
    (project.root / "data" / "one" / "table.csv").write_text("1\n")
    (project.root / "data" / "shared.csv").write_text("2\n")
    (project.root / "data" / "other.csv").write_text("3\n")
    (project.root / "requirements.txt").write_text("numpy==1  # arrays\npyyaml==6\n-e .\n")
    return project


@pytest.mark.parametrize(
    ("path", "part"),
    [
        ("src/toy/used.py", "source: toy/used.py"),
        ("src/toy/__init__.py", "source: toy/__init__.py"),
        ("book/one.md", "text"),
        ("data/one/table.csv", "data: one/table.csv"),
        ("data/shared.csv", "data: shared.csv"),
    ],
)
def test_the_key_changes_with_what_the_chapter_uses(project: Project, path: str, part: str) -> None:
    before = _key(project)
    target = project.root / path
    target.write_text(target.read_text() + "\n")
    after = _key(project)
    assert after.digest != before.digest
    assert after.reasons(before.parts) == (part,)


@pytest.mark.parametrize("path", ["src/toy/unused.py", "data/other.csv", "book/welcome.md"])
def test_the_key_stays_with_what_it_does_not_use(project: Project, path: str) -> None:
    before = _key(project)
    target = project.root / path
    target.write_text(target.read_text() + "\n")
    assert _key(project) == before


def test_the_key_changes_with_parameters_versions_and_new_data(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = _key(project)
    assert _key(project, seed=1).reasons(before.parts) == ("parameters: seed",)
    (project.root / "data" / "one" / "new.csv").write_text("4\n")
    assert _key(project).reasons(before.parts) == ("data: one/new.csv",)
    (project.root / "data" / "one" / "new.csv").unlink()
    monkeypatch.setattr(key, "packages", lambda path: {"numpy": "0", "pyyaml": before.parts["packages"]["pyyaml"]})
    assert _key(project).reasons(before.parts) == ("packages: numpy",)


def test_declared_data_must_exist(project: Project) -> None:
    (project.root / "data" / "shared.csv").unlink()
    with pytest.raises(BookError, match=r"no data/shared\.csv"):
        _key(project)


def test_imports_are_followed(tmp_path: Path) -> None:
    files = {
        "p/__init__.py": "",
        "p/a.py": "from . import b\nfrom .deep.c import x\n",
        "p/b.py": "import q\n",
        "p/deep/__init__.py": "from .. import d\n",
        "p/deep/c.py": "x = 1\nfrom ..e import *\n",
        "p/d.py": "",
        "p/e.py": "def late():\n    import p.f\n",
        "p/f.py": "",
        "p/alone.py": "",
        "q.py": "",
        "lazy/__init__.py": "import importlib\n",
        "lazy/hidden.py": "",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    roots = (tmp_path,)
    everything = {name for name in files if not name.startswith("lazy") and name != "p/alone.py"}
    assert set(used_files(["from p.a import anything\nimport numpy"], roots)) == everything
    assert set(used_files(["x = 1"], roots)) == set()
    assert set(used_files(["x = 1"], roots, ["p.alone"])) == {"p/alone.py", "p/__init__.py"}
    assert set(used_files(["import lazy"], roots)) == {"lazy/__init__.py", "lazy/hidden.py"}
