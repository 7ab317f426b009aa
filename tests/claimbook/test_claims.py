"""Claims: what holds, what never holds, what a reader sees, and the page made of them."""

import json
import math
from pathlib import Path

import pytest
from throwaway import REPOSITORY

from claimbook import measured
from claimbook.claims import CLAIMS_FILE, Claim, ClaimDoesNotHold, claim, claim_html, number_text
from claimbook.evidence import AllEvidence
from claimbook.project import ROOT, BookError, Project
from claimbook.statements import read_statements


@pytest.mark.parametrize(
    ("measured_value", "bounds", "holds"),
    [
        (1.0, {"at_most": 1.0}, True),
        (1.0 + 1e-15, {"at_most": 1.0}, False),
        (2.0, {"at_least": 2.0}, True),
        (1.9, {"at_least": 2.0}, False),
        (math.nan, {"at_most": math.inf}, False),
        (math.nan, {"at_least": -math.inf}, False),
        (math.inf, {"at_most": 1.0}, False),
        (-math.inf, {"at_most": 1.0}, True),
    ],
)
def test_when_a_claim_holds(measured_value: float, bounds: dict[str, float], holds: bool) -> None:
    made = Claim("theorem-1/gap", "the gap", measured_value, **bounds)
    assert made.holds is holds
    again = Claim.from_record(json.loads(json.dumps(made.record())))
    assert str(again) == str(made)
    assert again.holds is holds


def test_a_claim_that_does_not_hold_is_shown_and_raised(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ClaimDoesNotHold, match="theorem-1/gap"):
        claim("theorem-1/gap", "the gap", measured=2.0, at_most=1.0)
    assert "does not hold" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("value", "text"), [(3.0, "3"), (1.2345e-12, "1.23e-12"), (1e-9, "1e-9"), (2.5e7, "2.5e7"), (math.inf, "inf")]
)
def test_numbers_as_shown(value: float, text: str) -> None:
    assert number_text(value) == text


@pytest.mark.parametrize(
    "arguments",
    [
        {"at_most": 1.0, "at_least": 0.0},
        {},
        {"at_most": math.nan},
        {"id": "theorem-1", "at_most": 1.0},
        {"id": "Theorem 1/gap", "at_most": 1.0},
        {"sentence": " ", "at_most": 1.0},
        {"at_most": 1.0, "kind": "guess"},
        {"at_most": 1.0, "kind": "theorem"},
        {"at_most": 1.0, "because": "of a theorem"},
        {"at_most": 1.0, "outcome": "unclear"},
    ],
)
def test_a_malformed_claim_is_an_error(arguments: dict) -> None:
    with pytest.raises(ValueError, match="claim"):
        Claim(**{"id": "theorem-1/gap", "sentence": "the gap", "measured": 0.0, **arguments})


def test_the_box_escapes_text_and_keeps_formulas() -> None:
    shown = claim_html(Claim("theorem-1/gap", "gap < 1 for $\\lambda < 2$", 1e-12, at_most=1e-9))
    assert "gap &lt; 1 for" in shown
    assert "σ<sub>r+1</sub>/λ &lt; #{σ<sub>i</sub> > λ<sub>max</sub>} of my_name" in claim_html(
        Claim("theorem-1/gap", "σ_{r+1}/λ < #{σ_i > λ_max} of my_name", 1e-12, at_most=1e-9)
    ).replace("&gt;", ">")
    assert r'<span class="math notranslate nohighlight">\(\lambda &lt; 2\)</span>' in shown
    assert 'id="claim-theorem-1-gap"' in shown
    assert "1e-12" in shown


KNOWN = read_statements(Project(REPOSITORY))


def test_unknown_statements_are_errors_with_the_closest_ones() -> None:
    assert KNOWN.of("theorem-1/gap").name == "Theorem 1"
    with pytest.raises(BookError, match="did you mean theorem-1"):
        KNOWN.of("theorem-11/gap")
    with pytest.raises(BookError, match="<statement>/<name>"):
        KNOWN.of("theorem-1")


def test_every_statement_is_in_a_section_and_every_section_has_some() -> None:
    assert {s.section for s in KNOWN.by_id.values()} == set(KNOWN.sections)


def test_a_book_without_statements_accepts_any(tmp_path: Path) -> None:
    assert read_statements(Project(tmp_path)).of("anything/gap").id == "anything"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("statements: [{id: a}]\nsections: {}", "not a file of statements"),
        ("statements: [{id: a, name: A, section: 2, paraphrase: x}]\nsections: {1: One}", "sections \\[2\\]"),
        ("{", "line 1: not YAML"),
    ],
)
def test_a_malformed_file_of_statements_is_an_error(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.claimbook]\nstatements = "s.yml"\n')
    (tmp_path / "s.yml").write_text(text)
    with pytest.raises(BookError, match=message):
        read_statements(Project(tmp_path))


def test_the_page_lists_every_statement_tested_or_not(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = [
        Claim(
            "equation-8/digits",
            "distance < 1",
            1e-12,
            at_most=1e-9,
            function="package.module.function",
            kind="theorem",
            because="the triangle inequality",
        ),
        Claim("equation-8/wrong", "with a wrong λ", 0.5, at_least=0.1, negative_control=True, outcome="contradicts"),
        Claim("equation-8/old", "long ago", 0.5, at_least=0.1, kind="recorded"),
    ]
    path = tmp_path / "claims.json"
    record = {"page": "book/digits.html", "title": "Digits & more", "claims": [c.record() for c in made]}
    path.write_text(json.dumps({"chapters": [record], "evidence": AllEvidence({}).record()}))
    monkeypatch.setenv(CLAIMS_FILE, str(path))
    monkeypatch.setenv(ROOT, str(REPOSITORY))
    measured.forget()
    try:
        tables = {section: measured.claims_table(section) for section in KNOWN.sections}
        summary = measured.claims_summary()
    finally:
        measured.forget()
    table = tables[3].html
    assert 'href="../book/digits.html#claim-equation-8-digits">Digits &amp; more</a>' in table
    assert "function</code>" in table
    assert "distance &lt; 1" in table
    assert table.count("negative control</span>") == 1
    in_section = sum(s.section == 3 for s in KNOWN.by_id.values())
    explained = sum(bool(s.untested) for s in KNOWN.by_id.values() if s.section == 3)
    assert table.count("not tested in this book yet") == in_section - 1 - explained
    assert table.count('class="statement-open"') == in_section - 1
    assert sum(t.html.count('scope="rowgroup"') for t in tables.values()) == len(KNOWN.by_id)
    assert summary.text.startswith("3 claims, of which 3 hold and 2 were measured in this build")
    assert "1 contradict the sentence of the paper" in summary.text
    assert table.count('<tr class="claim-contradicts">') == 1
    assert "Implied by the triangle inequality" in table
