"""The key of a result changes with everything that could change the result, and with nothing else."""

from collections.abc import Callable

import pytest
from throwaway import SUM_CELLS, chapter_text

from claimbook import key
from claimbook.chapters import read_book
from claimbook.key import Key, key_of
from claimbook.project import BookError, Project


def _key(project: Project, **values: object) -> Key:
    chapter = read_book(project).chapter("one")
    defaults = {p.name: p.default for p in chapter.parameters}
    return key_of(project, chapter, defaults | values)


@pytest.fixture
def project(book: Callable[..., Project]) -> Project:
    project = book({"one/one": chapter_text(SUM_CELLS), "two/two": chapter_text(SUM_CELLS)})
    for name in ("one", "two"):
        (project.root / "book" / name / "experiment.py").write_text("x = 1\n")
        (project.root / "book" / name / "data").mkdir()
        (project.root / "book" / name / "data" / "table.csv").write_text("1\n")
    (project.root / "requirements.txt").write_text("numpy==1  # arrays\npyyaml==6\n-e .\n")
    return project


@pytest.mark.parametrize(
    ("path", "part"),
    [
        ("src/toy/used.py", "source: src/toy/used.py"),
        ("src/toy/unused.py", "source: src/toy/unused.py"),
        ("book/one/one.md", "text"),
        ("book/one/experiment.py", "folder: experiment.py"),
        ("book/one/data/table.csv", "folder: data/table.csv"),
    ],
)
def test_the_key_changes_with_all_that_is_the_chapters_or_shared(project: Project, path: str, part: str) -> None:
    before = _key(project)
    target = project.root / path
    target.write_text(target.read_text() + "\n")
    after = _key(project)
    assert after.digest != before.digest
    assert after.reasons(before.parts) == (part,)


@pytest.mark.parametrize(
    "path", ["book/two/experiment.py", "book/two/data/table.csv", "book/two/two.md", "book/welcome.md"]
)
def test_the_key_stays_with_what_belongs_to_others(project: Project, path: str) -> None:
    before = _key(project)
    target = project.root / path
    target.write_text(target.read_text() + "\n")
    assert _key(project) == before


def test_what_running_leaves_behind_is_no_part_of_the_key(project: Project) -> None:
    before = _key(project)
    (project.root / "src" / "toy" / "__pycache__").mkdir()
    (project.root / "src" / "toy" / "__pycache__" / "used.pyc").write_text("x")
    (project.root / "book" / "one" / ".ipynb_checkpoints").mkdir()
    (project.root / "book" / "one" / ".ipynb_checkpoints" / "one.md").write_text("x")
    assert _key(project) == before


def test_the_key_changes_with_parameters_versions_and_new_data(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = _key(project)
    assert _key(project, seed=1).reasons(before.parts) == ("parameters: seed",)
    (project.root / "book" / "one" / "data" / "new.csv").write_text("4\n")
    assert _key(project).reasons(before.parts) == ("folder: data/new.csv",)
    (project.root / "book" / "one" / "data" / "new.csv").unlink()
    monkeypatch.setattr(key, "packages", lambda path: {"numpy": "0", "pyyaml": before.parts["packages"]["pyyaml"]})
    assert _key(project).reasons(before.parts) == ("packages: numpy",)


def test_a_source_that_the_settings_name_must_exist(project: Project) -> None:
    settings = project.root / "pyproject.toml"
    settings.write_text(settings.read_text().replace('["src"]', '["src", "gone"]'))
    with pytest.raises(BookError, match="names gone, which does not exist"):
        _key(Project(project.root))


def test_versions_that_differ_from_the_pins_are_named(project: Project) -> None:
    shown = key.strays(project.root / "requirements.txt")
    assert len(shown) == 2
    assert shown[0].startswith("numpy")
    assert shown[0].endswith("(pinned 1)")


def test_of_the_machinery_the_key_holds_what_a_kernel_loads(project: Project) -> None:
    def machinery() -> set[str]:
        return {name for name in _key(project).parts["source"] if name.startswith("claimbook/")}

    plain = machinery()
    assert {"claimbook/claims.py", "claimbook/show.py", "claimbook/execute.py"} < plain
    assert not {"claimbook/site.py", "claimbook/cli.py", "claimbook/table.py"} & plain
    inside = "def command():\n    from claimbook.cli import main\n"
    (project.root / "book" / "one" / "experiment.py").write_text("from claimbook.table import table\n" + inside)
    assert machinery() - plain == {"claimbook/table.py"}
