"""The filter on the page of claims, in a browser: by words, by kind, and everything back."""

from pathlib import Path

import pytest

from claimbook import measured
from claimbook.browser import chromium, find_chromium
from claimbook.claims import Claim
from claimbook.evidence import Evidence
from claimbook.statements import Statement
from claimbook.templates import render

SCRIPT = Path(__file__).parents[2] / "book" / "static" / "claims_filter.js"
CLAIMS = [
    Claim("theorem-1/gap", "distance of the digits", 0.0, at_most=1, function="package.distance"),
    Claim("theorem-1/wrong", "a wrong λ", 2.0, at_least=1, negative_control=True),
]


@pytest.mark.browser
@pytest.mark.skipif(find_chromium() is None, reason="no Chromium here")
def test_claims_are_found_by_words_and_by_kind(tmp_path: Path) -> None:
    one, two = Statement("theorem-1", "Theorem 1", 1, "A gap."), Statement("theorem-2", "Theorem 2", 1, "A path.")
    tested = [measured.Tested(c, "book/x.html", "X", Evidence()) for c in CLAIMS]
    table = render("claims_table.html", caption="Claims", rows=[(one, tested), (two, [])])
    page_text = (
        f'<!doctype html><meta charset="utf-8"><script src="{SCRIPT.as_uri()}"></script><p class="claims-summary">s</p>'
        f"{table}"
    )
    file = tmp_path / "page.html"
    file.write_text(page_text, encoding="utf-8")
    with chromium() as browser:
        page = browser.new_page()
        page.goto(file.as_uri())
        shown = page.locator("tr:visible:has(td)")
        assert shown.count() == 3
        page.get_by_label("Find").press_sequentially("Theorem DISTANCE")
        assert "distance of the digits" in shown.all_inner_texts()[0]
        assert shown.count() == 1
        assert page.locator("tbody:visible").count() == 1
        assert page.locator("output").inner_text() == "1 shown"
        page.get_by_label("Find").fill("")
        page.get_by_label("Show").select_option("negative controls")
        assert ["a wrong λ" in text for text in shown.all_inner_texts()] == [True]
        page.get_by_label("Show").select_option("statements without a claim")
        assert shown.count() == 1
        page.get_by_label("Show").select_option("all claims")
        assert shown.count() == 3
