"""Errors put in on purpose: which claims notice them, which are raised over, and that the table goes on growing."""

import io
from collections.abc import Callable

import pytest
from throwaway import chapter_text

from claimbook.build import Options
from claimbook.cli import main
from claimbook.mutations import COLUMNS, mutate, noticed, read_mutations
from claimbook.progress import Progress
from claimbook.project import BookError, Project
from claimbook.tables import read_table

CELLS = (
    "seed = 2",
    "import toy\nfrom claimbook import claim",
    'claim("theorem-1/twice", "twice", measured=toy.double(seed), at_most=4)',
    'claim("theorem-1/loose", "loose", measured=toy.double(seed), at_most=1000)',
    'if toy.double(seed) == 6:\n    raise RuntimeError("six")\n'
    'claim("theorem-2/whole", "whole", measured=0, at_most=0, kind="software")',
)
PATCHES = """import toy
def factor(k): toy.double = lambda x: k * x
def broken(): raise RuntimeError("no such patch")
"""
DECLARED = """module: errors.patches
mutations:
  - {name: thrice, says: three times, patch: factor(3), chapters: [one]}
  - {name: exact, says: nothing is changed, patch: factor(2), chapters: [one]}
"""


@pytest.fixture
def project(book: Callable[..., Project]) -> Project:
    project = book({"one": chapter_text(CELLS)})
    (project.root / "errors").mkdir()
    (project.root / "errors" / "__init__.py").write_text("")
    (project.root / "errors" / "patches.py").write_text(PATCHES)
    (project.root / "errors" / "mutations.yml").write_text(DECLARED)
    settings = project.root / "pyproject.toml"
    settings.write_text(settings.read_text().replace("[tool.claimbook]", '[tool.claimbook]\nmutations = "errors"'))
    return Project(project.root)


@pytest.mark.slow
def test_each_claim_notices_or_not_and_a_raise_is_named_apart(project: Project) -> None:
    said = io.StringIO()
    table = mutate(project, [], [], Options(jobs=1), Progress(said))
    assert tuple(table.columns) == COLUMNS
    found = {(row["mutation"], row["claim"]): row["verdict"] for row in table.to_dict("records")}
    assert found["thrice", "theorem-1/twice"] == "does not hold"
    assert found["thrice", "theorem-1/loose"] == "holds"
    assert found["thrice", "theorem-2/whole"] == "raised", "the cell before the claim fails"
    assert {verdict for (mutation, _), verdict in found.items() if mutation == "exact"} == {"holds"}
    by_claim = {row["claim"]: row for row in noticed(table).to_dict("records")}
    assert by_claim["theorem-1/twice"]["broken_by"] == "thrice"
    assert by_claim["theorem-1/loose"]["broken_by"] == by_claim["theorem-1/loose"]["raised_under"] == ""
    assert (by_claim["theorem-2/whole"]["kind"], by_claim["theorem-2/whole"]["raised_under"]) == ("software", "thrice")


@pytest.mark.slow
def test_a_patch_that_cannot_be_put_in_breaks_nothing_silently(project: Project) -> None:
    file = project.root / "errors" / "mutations.yml"
    file.write_text(DECLARED.replace("factor(3)", "broken()"))
    with pytest.raises(BookError, match=r"thrice could not be put in: .*no such patch"):
        mutate(project, [], ["thrice"], Options(jobs=1), Progress(io.StringIO()))


@pytest.mark.slow
def test_the_command_goes_on_where_it_stopped(project: Project, capsys: pytest.CaptureFixture) -> None:
    root = ["--root", str(project.root), "mutations", "--jobs", "1"]
    assert main([*root, "--only", "exact"]) == 0
    assert main([*root, "--stored"]) == 0
    assert set(read_table(project.build / "mutations.csv")[0]["mutation"]) == {"exact"}
    assert main(root) == 0
    assert "1 runs are stored, 1 to do" in capsys.readouterr().err
    assert len(read_table(project.build / "mutations.csv")[0]) == 6
    assert main([*root, "--only", "twice"]) == 2
    assert "unknown mutation twice" in capsys.readouterr().err


def test_a_book_without_mutations_says_so(book: Callable[..., Project]) -> None:
    with pytest.raises(BookError, match="names no folder"):
        read_mutations(book({"one": chapter_text(["n = 1"])}))
