"""The conditions under which an executed notebook counts, on notebooks made by hand."""

from collections.abc import Callable
from typing import Any

import pytest
from nbformat.v4 import new_output
from throwaway import chapter_text

from claimbook.chapters import Chapter, read_book
from claimbook.claims import METADATA, Claim
from claimbook.project import Project
from claimbook.verify import problems

HELD = Claim("theorem-1/gap", "the gap", 0.0, at_most=1.0)
BROKEN = Claim("theorem-1/gap", "the gap", 2.0, at_most=1.0)
HEADER = {"figure": {"name": "fig-a", "caption": "A caption"}, "image": {"alt": "A line that falls"}}


def _claim(made: Claim) -> Any:
    return new_output("display_data", {"text/plain": str(made)}, metadata={METADATA: {"claim": made.record()}})


def _figure(name: str) -> Any:
    return new_output("display_data", {"image/svg+xml": "<svg/>"}, metadata={METADATA: {"figure": name}})


def _stderr(text: str) -> Any:
    return new_output("stream", name="stderr", text=text)


@pytest.fixture
def chapter(book: Callable[..., Project]) -> Chapter:
    calls = 'claim("theorem-1/gap", "the gap", measured=0.0, at_most=1.0)\nshow(drawn, "fig-a")'
    text = chapter_text(["n = 1", f"first()\nsecond()\n{calls}"])
    return read_book(book({"one": text})).chapter("one")


def _executed(chapter: Chapter, outputs: list[Any], **metadata: Any) -> Any:
    notebook = chapter.notebook()
    for count, cell in enumerate(c for c in notebook.cells if c.cell_type == "code"):
        cell["execution_count"] = count + 1
    notebook.cells[-1]["outputs"] = outputs
    notebook.cells[-1].metadata.update({"mystnb": HEADER, **metadata})
    return notebook


def test_a_notebook_with_all_it_declares_counts(chapter: Chapter) -> None:
    notebook = _executed(chapter, [_claim(HELD), _figure("fig-a"), _stderr("oh")], tags=["remove-stderr"])
    assert problems(chapter, notebook) == ()


@pytest.mark.parametrize(
    ("outputs", "metadata", "expected"),
    [
        ([_figure("fig-a")], {}, "the claim theorem-1/gap did not appear"),
        ([_claim(HELD)], {}, "the figure fig-a did not appear"),
        ([_claim(HELD), _figure("fig-a"), _claim(HELD)], {}, "appeared 2 times"),
        (
            [_claim(HELD), _figure("fig-a"), _claim(Claim("theorem-2/path", "a path", 0.0, at_most=0.0))],
            {},
            "theorem-2/path appeared but no cell names it",
        ),
        ([_claim(BROKEN), _figure("fig-a")], {}, "claim theorem-1/gap does not hold"),
        ([_claim(HELD), _figure("fig-b")], {}, "the figure fig-b appeared but no cell names it"),
        ([_claim(HELD), _figure("fig-a")], {"mystnb": {}}, "no caption"),
        ([_claim(HELD), _figure("fig-a")], {"mystnb": {"figure": HEADER["figure"]}}, "no alternative text"),
        (
            [_claim(HELD), _figure("fig-a"), new_output("display_data", {"image/png": "aaaa"})],
            {},
            "displays an image by other means",
        ),
        ([_claim(HELD), _figure("fig-a"), _stderr("UserWarning: slow\n")], {}, "printed to stderr"),
        (
            [_claim(HELD), _figure("fig-a"), _stderr("Traceback (most recent call last):\nValueError: no\n")],
            {"tags": ["remove-stderr"]},
            "printed a traceback: ValueError: no",
        ),
        (
            [new_output("error", ename="ValueError", evalue="\x1b[31mno\x1b[0m", traceback=[])],
            {},
            "`first()`: ended with ValueError: no",
        ),
    ],
)
def test_each_fault_is_named(chapter: Chapter, outputs: list, metadata: dict, expected: str) -> None:
    found = problems(chapter, _executed(chapter, outputs, **metadata))
    assert any(expected in line for line in found), found
    assert all(line.startswith("one") for line in found)


def test_a_cell_that_did_not_run_is_named_with_its_line(chapter: Chapter) -> None:
    notebook = _executed(chapter, [])
    notebook.cells[-1]["execution_count"] = None
    line = chapter.text.splitlines().index("first()") + 1
    [found] = problems(chapter, notebook)
    assert found == f"one, cell 2 of 2 (one.md, line {line}): `first()`: did not run"
