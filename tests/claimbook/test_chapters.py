"""Chapters and the book are read strictly: what is malformed is an error before anything runs."""

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from throwaway import REPOSITORY, SUM_CELLS, chapter_text

from claimbook.chapters import read_book
from claimbook.project import BookError, Project
from claimbook.statements import read_statements

CALLS = 'claim("theorem-1/gap", "the gap", measured=0, at_most=1)\nshow(drawn, "fig-one")'
Make = Callable[..., Project]


def test_a_chapter_is_read(book: Make) -> None:
    text = chapter_text((*SUM_CELLS, CALLS), minutes=2)
    read = read_book(book({"one": text, "plain": "# Plain\n"}))
    chapter = read.chapter("book/one.md")
    assert (chapter.name, chapter.docname, chapter.title) == ("one", "book/one", "A tiny chapter")
    assert (chapter.claims, chapter.figures, chapter.minutes) == (("theorem-1/gap",), ("fig-one",), 2.0)
    assert [p.name for p in chapter.parameters] == ["tier", "seed"]
    assert [docname for docname, _ in read.pages] == ["book/welcome", "book/plain"]
    shown = chapter.parameterised({"tier": "full", "seed": 0})
    assert shown.cells[1].source == 'tier = "full"  # or "full"\nseed = 0'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (chapter_text((*SUM_CELLS, CALLS.replace("theorem-1", "theorem-3"))), "no statement 'theorem-3'"),
        (chapter_text(SUM_CELLS, minute=3), "did you mean minutes"),
        (chapter_text((*SUM_CELLS, CALLS, CALLS)), "names must differ"),
        (chapter_text((*SUM_CELLS, CALLS.replace('"fig-one"', "name"))), "as a plain string"),
        (chapter_text(["x = 1", "%matplotlib inline"]), "not plain Python"),
        (chapter_text(["x = [1"]), "not plain Python"),
        ("# No front matter\n\n```{code-cell}\n1\n```\n", "front matter"),
        (chapter_text(SUM_CELLS).replace("kernelspec", "kernel"), "kernelspec"),
    ],
)
def test_a_malformed_chapter_is_an_error(book: Make, text: str, message: str) -> None:
    with pytest.raises(BookError, match=message):
        read_book(book({"one": text}))


def test_unknown_chapters_and_missing_pages_are_errors(book: Make) -> None:
    project = book({"landscape": chapter_text(SUM_CELLS)})
    with pytest.raises(BookError, match="did you mean landscape"):
        read_book(project).chapter("landscpe")
    (project.root / "book" / "landscape.md").unlink()
    with pytest.raises(BookError, match=r"no book/landscape\.md"):
        read_book(project)
    with pytest.raises(BookError, match="no book at"):
        Project.find(Path("/"))


def test_the_books_own_pages_are_well_formed() -> None:
    read = read_book(Project(REPOSITORY))
    assert read.docnames[0] == "book/welcome"
    measured = read.chapter("measured")
    assert measured.collects_claims
    for section in read_statements(Project(REPOSITORY)).sections:
        assert f"claims_table({section})" in measured.text


def test_every_package_is_pinned() -> None:
    lines = (REPOSITORY / "requirements.txt").read_text().splitlines()
    pins = [line.split("#")[0].strip() for line in lines if line.split("#")[0].strip()]
    assert pins[-3:] == ["-e .", "-e src/claimbook", "-e book"]
    assert all(pin.count("==") == 1 for pin in pins[:-3])
    assert "torch==2.13.0" in pins


def test_both_ways_of_building_have_one_configuration() -> None:
    config = yaml.safe_load((REPOSITORY / "_config.yml").read_text())
    assert config["only_build_toc_files"] is True
    assert config["execute"]["execute_notebooks"] == "force"
    assert config["sphinx"]["config"]["html_theme_options"]["navbar_persistent"] == []
