"""A word of the glossary shows its definition in a browser: by pointer, by keyboard, by touch."""

from pathlib import Path

import pytest
from throwaway import REPOSITORY

from claimbook.browser import chromium, find_chromium
from claimbook.glossary import defined

SCRIPT = (REPOSITORY / "book" / "static" / "terms.js").read_text()
STYLE = (REPOSITORY / "book" / "static" / "book.css").read_text()
LINK = '<a class="reference internal" href="#term-gap"><span>gap</span></a>'
TEXT = 'Objective minus "bound", at least 0.'


def _page(tmp_path: Path) -> str:
    body = f'<main class="bd-article" style="margin: 6rem 0 0 70%">The {LINK}.</main>'
    page = tmp_path / "page.html"
    head = '<!doctype html><html lang="en"><meta name="viewport" content="width=device-width"><title>A page</title>'
    page.write_text(f"{head}<style>{STYLE}</style><script>{SCRIPT}</script>{defined(body, {'term-gap': TEXT})}</html>")
    return page.as_uri()


def test_only_known_terms_carry_a_definition() -> None:
    assert defined(LINK, {}) == LINK
    assert 'data-definition="Objective minus &#34;bound&#34;, at least 0."' in defined(LINK, {"term-gap": TEXT})


@pytest.mark.browser
@pytest.mark.skipif(find_chromium() is None, reason="no Chromium here")
def test_the_definition_is_shown_inside_the_window_and_hidden_again(tmp_path: Path) -> None:
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 390, "height": 700})
        page.goto(_page(tmp_path))
        note, link = page.locator("#term-note"), page.locator("a[data-definition]")
        assert note.is_hidden()
        link.hover()
        assert note.inner_text() == TEXT
        box = note.bounding_box()
        assert box is not None
        assert 0 <= box["x"] <= box["x"] + box["width"] <= 390
        page.mouse.move(1, 1)
        assert note.is_hidden()
        page.keyboard.press("Tab")
        assert note.is_visible()
        assert link.get_attribute("aria-describedby") == note.get_attribute("id")
        page.keyboard.press("Escape")
        assert note.is_hidden()


@pytest.mark.browser
@pytest.mark.skipif(find_chromium() is None, reason="no Chromium here")
def test_the_first_touch_shows_and_the_second_follows(tmp_path: Path) -> None:
    with chromium() as browser:
        page = browser.new_context(viewport={"width": 390, "height": 700}, has_touch=True).new_page()
        page.goto(_page(tmp_path))
        link = page.locator("a[data-definition]")
        link.tap()
        assert page.locator("#term-note").is_visible()
        assert not page.url.endswith("#term-gap")
        link.tap()
        assert page.url.endswith("#term-gap")
