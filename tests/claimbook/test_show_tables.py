"""Tables as readers see them: numbers, what is missing, badges, headers in words, and what the site's check refuses."""

import math
from pathlib import Path

import pandas as pd
import pytest
from bs4 import BeautifulSoup

from claimbook.check import check_site
from claimbook.checkout import DIRTY
from claimbook.recorded import Origin
from claimbook.table import Badge, number_cell, table
from claimbook.tables import Provenance

FRAME = pd.DataFrame(
    {
        "network": ["a & b", "the other"],
        "relative_gap": [4.113e-10, math.nan],
        "objective": [48758.463452, 2.5],
        "count": [12345, 7],
        "ok": [True, False],
        "verdict": ["CERTIFIED", "elsewhere"],
    }
)
HEADERS = {"relative_gap": "relative gap"}
BADGES = {"CERTIFIED": Badge("certified", "good")}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.31062e6, "1\u202f310\u202f620"),
        (8.46e10, "8.46e10"),
        (0.0123456, "0.0123"),
        (0.99999, "1.00"),
        (999.96, "1000"),
        (-2.220446e-16, "−2.22e−16"),
        (0.0, "0"),
        (-0.0, "0"),
        (math.inf, "∞"),
        (-math.inf, "−∞"),
        (math.nan, "–"),
    ],
)
def test_numbers_have_three_digits_and_one_way_to_be_written(value: float, text: str) -> None:
    assert number_cell(value) == text


def test_a_table_names_its_rows_and_columns_and_scrolls() -> None:
    made = table(FRAME, "Two < three networks", headers=HEADERS, badges=BADGES)
    soup = BeautifulSoup(made.html, "html.parser")
    box = soup.find("div")
    assert (box["tabindex"], box["role"], box["aria-label"]) == ("0", "region", "Two < three networks")
    assert soup.caption.get_text() == "Two < three networks"
    heads = [th.get_text() for th in soup.thead.find_all("th")]
    assert heads == ["network", "relative gap", "objective", "count", "ok", "verdict"]
    assert all(th["scope"] == "col" for th in soup.thead.find_all("th"))
    first, second = soup.tbody.find_all("tr")
    assert first.th["scope"] == "row"
    cells = [c.get_text() for c in first.find_all(["th", "td"])]
    assert cells == ["a\u00a0&\u00a0b", "4.11·10−10", "48\u202f758", "12\u202f345", "yes", "✓ certified"]
    others = [c.get_text() for c in second.find_all(["th", "td"])]
    assert others == ["the\u00a0other", "–", "2.50", "7", "no", "elsewhere"]
    assert soup.find("span", class_="badge-good")
    assert "id=" not in made.html


def test_what_is_missing_is_a_sign_and_more_digits_are_to_be_had() -> None:
    made = table(FRAME, "c", headers=HEADERS, digits={"objective": 7})
    assert "48\u202f758.46" in made.html
    assert '<span aria-label="none" role="img">–</span>' in made.html
    assert "relative gap" in made.text
    assert "nan" not in made.text.lower()


def test_an_index_comes_first_and_columns_that_are_values_are_named() -> None:
    wide = FRAME.assign(lam=[0.1, 3.0]).pivot(index="network", columns="lam", values="objective")
    soup = BeautifulSoup(table(wide, "c", headers={"lam": "λ ="}).html, "html.parser")
    assert [th.get_text() for th in soup.thead.find_all("th")] == ["network", "λ = 0.1", "λ = 3"]
    assert len(soup.find_all("tr")) == 3


@pytest.mark.parametrize(("headers", "caption"), [({}, "c"), (HEADERS, " ")])
def test_a_variable_as_a_header_and_no_caption_are_refused(headers: dict, caption: str) -> None:
    with pytest.raises(ValueError, match=r"in words|say in a sentence"):
        table(FRAME, caption, headers=headers)


def test_an_origin_says_whether_the_tree_was_changed() -> None:
    where = Provenance("2 cores", {"python": "3.11"}, "0679af34157189e96f26" + DIRTY, 0, {"benchmark": "x"}, 379.4)
    assert "at commit 0679af341571 with uncommitted changes." in str(Origin("x", where))
    assert "in 379 s on 2 cores" in str(Origin("x", where))


def _site(folder: Path, inner: str) -> list[str]:
    page = f'<html><body><main><div class="cell_output">{inner}</div></main></body></html>'
    (folder / "index.html").write_text(page)
    return [f.cause for f in check_site(folder) if f.kind == "table"]


def test_the_site_refuses_raw_tables(tmp_path: Path) -> None:
    assert _site(tmp_path, table(FRAME, "c", headers=HEADERS, badges=BADGES).html) == []
    assert "a raw data frame" in _site(tmp_path, FRAME.to_html())[0]
    raw = "<table><tr><th>relative_gap</th></tr><tr><td>1.310620e+06</td><td>NaN</td><td>0.123456</td></tr></table>"
    found = " ".join(_site(tmp_path, raw))
    for cause in ("no caption", "scrolled by keyboard", "variable: relative_gap", "1.310620e+06", "NaN", "0.123456"):
        assert cause in found
