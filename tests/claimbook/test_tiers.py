"""The last lines of a chapter: of which tier its numbers are, and where those at full size stand."""

from dataclasses import replace
from pathlib import Path

import nbformat
import pytest
from throwaway import MEASURED, SUM_CELLS, chapter_text, make_book

from claimbook.cache import Record
from claimbook.chapters import Book, read_book
from claimbook.evidence import AllEvidence, FullRun
from claimbook.project import Project
from claimbook.site import stage
from claimbook.tiers import on_tiers


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return make_book(tmp_path, {"part/one": chapter_text(SUM_CELLS), "measured": MEASURED})


def record(folder: Path, **parameters: object) -> Record:
    folder.mkdir()
    nbformat.write(nbformat.v4.new_notebook(), folder / "executed.ipynb")
    return Record(folder, "one", parameters, 1.0, (), (), {})


def known(book: Book, claims: int, hold: int) -> Book:
    run = FullRun(claims, hold, 150.0, "0123456789abcdef")
    return replace(book, evidence=AllEvidence({}, full={"one": run}))


def test_a_page_says_its_tier_and_where_the_other_one_stands(project: Project, tmp_path: Path) -> None:
    book, here = read_book(project), record(tmp_path / "one", tier="quick", seed=0)
    one = book.chapter("one")
    assert "`python -m claimbook.cli seeds one --tier full --seeds 0` runs it" in on_tiers(book, one, here, 0)
    told = on_tiers(known(book, 27, 27), one, here, 3)
    assert "is of the tier quick (seed = 0)." in told
    assert "all 27 claims held (2.5 minutes of processor time, at commit 0123456789ab); [](../measured.md)" in told
    assert told.endswith("unfold at full size: 3.\n")
    assert "26 of 27 claims held" in on_tiers(known(book, 27, 26), one, here, 0)


def test_only_a_chapter_with_a_tier_says_so(project: Project, tmp_path: Path) -> None:
    book = known(read_book(project), 1, 1)
    records = {"one": record(tmp_path / "one", tier="full"), "measured": record(tmp_path / "measured")}
    staged = stage(project, book, records)
    cells = {
        name: nbformat.read(next(staged.rglob(f"{name}.ipynb")), as_version=4).cells for name in ("one", "measured")
    }
    assert cells["one"][-1].source.startswith("**Quick and full.** What this build")
    assert "measured.ipynb)" in cells["one"][-1].source, "the link leads to the staged page"
    assert cells["measured"] == []
