"""The course: assignments as nbgrader wants them, and a students' edition that is searched for every solution."""

import io
import json
import zipfile
from pathlib import Path

import nbformat
import pytest
from pages_of_problems import PROBLEMS
from pptx import Presentation
from pypdf import PdfWriter
from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject
from throwaway import make_book

from claimbook.build import Options, results
from claimbook.chapters import read_book
from claimbook.editions import Edition, edited
from claimbook.leaks import leaks, secrets_of
from claimbook.nbgrader import assignment
from claimbook.plain import Resolved
from claimbook.progress import Progress

FONT = {"Type": "Font", "Subtype": "Type1", "BaseFont": "Helvetica"}
LONG = "A product with two is a sum of equal terms, because multiplication repeats addition commutatively."
TEXT = PROBLEMS.replace("A product with two is a sum of equal terms.", LONG)


def printed(text: str) -> bytes:
    """A PDF of one page that says it."""
    writer, stream, content = PdfWriter(), io.BytesIO(), DecodedStreamObject()
    content.set_data(f"BT /F1 8 Tf 20 400 Td ({text}) Tj ET".encode())
    font = DictionaryObject({NameObject(f"/{key}"): NameObject(f"/{value}") for key, value in FONT.items()})
    page = writer.add_blank_page(600, 800)
    page[NameObject("/Resources")] = DictionaryObject(
        {NameObject("/Font"): DictionaryObject({NameObject("/F1"): font})}
    )
    page[NameObject("/Contents")] = content
    writer.write(stream)
    return stream.getvalue()


def presented(text: str) -> bytes:
    """Slides whose title says it."""
    slides, stream = Presentation(), io.BytesIO()
    slides.slides.add_slide(slides.slide_layouts[5]).shapes.title.text = text
    slides.save(stream)
    return stream.getvalue()


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    project = make_book(tmp_path_factory.mktemp("course"), {"some_problems": TEXT})
    book, records = results(project, Options(), Progress())
    return project, book, records


def executed(made):
    return nbformat.read(made[2]["some_problems"].notebook, as_version=4)


def test_an_assignment_has_solutions_between_marks_and_all_points(made):
    text = assignment(executed(made), "some_problems.md", Resolved({}, {}, {}))
    assert text is not None
    notebook = nbformat.reads(text, as_version=4)
    nbformat.validate(notebook)
    cells = {c.metadata.nbgrader.grade_id: c for c in notebook.cells if "nbgrader" in c.metadata}
    assert len(cells) == sum("nbgrader" in c.metadata for c in notebook.cells)
    assert sum(c.metadata.nbgrader.get("points", 0) for c in cells.values()) == 3
    code = cells["ex-twice-code"].source
    begin, end = code.index("### BEGIN SOLUTION"), code.index("### END SOLUTION")
    assert code.index("return x  # your code") < begin < code.index("return x + x") < end
    graded = {name for name, cell in cells.items() if cell.metadata.nbgrader.grade}
    assert graded == {"ex-twice-check", "ex-twice-judged", "ex-parity-judged"}
    outside = "\n".join(c.source.split("### BEGIN SOLUTION")[0] for c in notebook.cells)
    assert "commutatively" not in outside
    assert "Both points" not in text


def test_an_assignment_fails_as_handed_out_and_passes_as_solved(made):
    text = assignment(executed(made), "some_problems.md", Resolved({}, {}, {}))
    sources = [cell for cell in nbformat.reads(text or "", as_version=4).cells if cell.cell_type == "code"]
    solved: dict = {}
    for cell in sources:
        exec(cell.source, solved)
    handed_out: dict = {}
    failed = set()
    for cell in sources:
        try:
            exec(cell.source.split("### BEGIN SOLUTION")[0], handed_out)
        except AssertionError:
            failed.add(cell.metadata.nbgrader.grade_id)
    assert failed == {"ex-twice-check", "ex-twice-judged", "ex-parity-judged"}


def site_with(folder: Path, made, edition: Edition) -> Path:
    notebook = edited(executed(made), edition)
    (folder / "_sources").mkdir()
    (folder / "_sources" / "some_problems.ipynb").write_text(nbformat.writes(notebook))
    with zipfile.ZipFile(folder / "notebooks.zip", "w") as archive:
        archive.writestr("some_problems.ipynb", nbformat.writes(notebook))
    return folder


def test_a_students_edition_says_nothing_of_solutions_and_the_others_do(made, tmp_path):
    secrets = secrets_of(*made)
    for edition in Edition:
        (tmp_path / edition.value).mkdir()
        found = leaks(secrets, site_with(tmp_path / edition.value, made, edition))
        assert bool(found) == (edition is not Edition.STUDENT)
        places = {entry.split(":")[0] for entry in found}
        if found:
            assert places >= {"_sources/some_problems.ipynb", "notebooks.zip/some_problems.ipynb"}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("page.html", f"<p>A <b>product</b> with {LONG[15:]}</p>"),
        ("data.js", json.dumps({"text": LONG})),
        ("searchindex.js", "Search.setIndex({terms: {commut: 3}})"),
        ("output.ipynb", json.dumps({"cells": [{"source": "", "outputs": [{"text": LONG}]}]})),
        ("slides.pdf", printed(LONG)),
        ("figures.pptx", presented(LONG)),
    ],
)
def test_a_leak_is_found_wherever_it_is(made, tmp_path, name, text):
    secrets = secrets_of(*made)
    (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    assert [entry.split(":")[0].split(",")[0].split("/")[0] for entry in leaks(secrets, tmp_path)] == [name]


def test_what_other_text_says_too_is_no_secret(made, tmp_path):
    project, book, records = made
    (project.root / "book" / "welcome.md").write_text(f"# Welcome\n\n{LONG}\n")
    try:
        secrets = secrets_of(project, read_book(project), records)
    finally:
        (project.root / "book" / "welcome.md").write_text("# Welcome\n\nA page.\n")
    (tmp_path / "page.html").write_text(LONG)
    assert leaks(secrets, tmp_path) == []
    assert leaks(secrets_of(project, book, records), tmp_path)
