"""What recorded tables say of a claim reaches the page of claims: its spread, its room, the errors it notices."""

import json
from collections.abc import Callable

import pandas as pd
import pytest
from throwaway import chapter_text

from claimbook import measured
from claimbook.chapters import read_book
from claimbook.claims import Claim
from claimbook.evidence import AllEvidence, Evidence, FullRun, read_evidence
from claimbook.project import Project
from claimbook.tables import Provenance, write_table

SEEDS = pd.DataFrame(
    [("one", k, "theorem-1/small", 0.1 * k, "≤", 1.0, "holds" if k < 11 else "does not hold") for k in (1, 3, 12)],
    columns=["chapter", "seed", "claim", "measured", "relation", "bound", "verdict"],
)
FULL = pd.DataFrame(
    [
        ("one", 0, "theorem-1/small", 1.5, "≤", 2.0, "holds", 90.0, "0123456789abcdef"),
        ("one", 0, "theorem-1/large", 1.0, "≤", 0.5, "does not hold", 90.0, "0123456789abcdef"),
        ("two", 0, None, float("nan"), None, float("nan"), "the kernel died", float("nan"), "0123456789abcdef"),
    ],
    columns=["chapter", "seed", "claim", "measured", "relation", "bound", "verdict", "cpu", "commit"],
)
TRIED = pd.DataFrame(
    [("a", "λ is wrong", "one", "theorem-1/small", "does not hold"), ("b", "none", "one", "theorem-1/small", "holds")],
    columns=["mutation", "says", "chapter", "claim", "verdict"],
)  # fmt: skip


@pytest.fixture
def project(book: Callable[..., Project]) -> Project:
    project = book({"one": chapter_text(["n = 1"])})
    settings = project.root / "pyproject.toml"
    settings.write_text(settings.read_text().replace("[tool.claimbook]", '[tool.claimbook]\nevidence = "data"'))
    (project.root / "data").mkdir()
    origin = Provenance.here(seed=0, parameters={}, seconds=1.0, root=project.root)
    write_table(SEEDS, project.root / "data" / "seeds.csv", origin)
    write_table(FULL, project.root / "data" / "full.csv", origin)
    write_table(TRIED, project.root / "data" / "mutations.csv", origin)
    return Project(project.root)


def test_the_tables_are_read_a_claim_at_a_time(project: Project) -> None:
    found = read_evidence(project)
    assert found.of("theorem-1/small") == Evidence(3, 2, 0.1, 0.1 * 12, "≤ 1", 1.5, "≤ 2", True, 2, ("λ is wrong",))
    assert found.of("theorem-1/other") == Evidence()
    assert len(found.origins) == 3
    assert found.full == {"one": FullRun(2, 1, 90.0, "0123456789abcdef")}, "the other one broke"
    assert AllEvidence.from_record(json.loads(json.dumps(found.record()))) == found
    assert read_book(project).evidence == found


def test_a_book_without_tables_has_no_evidence(book: Callable[..., Project]) -> None:
    assert not read_evidence(book({"one": chapter_text(["n = 1"])})).by_claim


@pytest.mark.parametrize(
    ("bounds", "number", "room"),
    [
        ({"at_most": 1.0}, 0.25, 25),
        ({"at_least": 1.0}, 4.0, 25),
        ({"at_most": 1.0}, 2.0, 100),
        ({"at_most": 0.0}, 0.0, None),
        ({"at_least": -1.0}, 0.0, None),
    ],
)
def test_the_room_is_the_share_of_the_bound_that_is_taken(bounds: dict, number: float, room: float | None) -> None:
    tested = measured.Tested(Claim("theorem-1/small", "small", number, **bounds), "one.html", "One", Evidence())
    assert (tested.room and tested.room.here) == room


def test_the_page_shows_spread_room_and_errors(project: Project) -> None:
    claim = Claim("theorem-1/small", "small", 0.5, at_most=1.0, bound_from="a standard error").record()
    book = read_book(project)
    chapters = [{"page": "one.html", "title": "One", "claims": [claim]}]
    record = {"chapters": chapters, "statements": book.statements.record(), "evidence": book.evidence.record()}
    measured.use(json.dumps(record))
    try:
        table, summary = measured.claims_table(1).html, measured.claims_summary().text
    finally:
        measured.forget()
    other = measured.Tested(
        Claim("theorem-1/small", "small", 0.5, at_most=2.0), "one.html", "One", book.evidence.of(claim["id"])
    )
    assert not other.spread_text, "numbers held against another bound are of another claim"
    for text in (
        "0.1 … 1.2 at 3 seeds, held at 2",
        "1.5 at full size, required ≤ 2<",
        "λ is wrong",
        "50 % of the room",
        "The bound: a standard error",
    ):
        assert text in table
    assert "1 of them were measured at full size too (the tier full), 1 held" in summary
    assert "1 of 1 experiments then measured a number beyond their bound" in summary
    assert "Recorded as seeds.csv" in summary
