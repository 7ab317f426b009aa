"""Decks: marked passages become slides, what follows becomes notes, solutions do not, and a deck opens offline."""

import shutil
from pathlib import Path

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from pptx import Presentation
from throwaway import REPOSITORY

from claimbook.browser import Events, chromium, find_chromium
from claimbook.check import check_site
from claimbook.handouts import write_handouts
from claimbook.plain import Resolved
from claimbook.slides import DeckSlide, deck, slides_of

TEXT = r"""# Doubling

```{admonition} Before you start
:class: note

**You will learn** what twice $x$ is.

**Time** 3 minutes.
```

```{prf:theorem} Doubling
:label: thm-double
Twice $x$ is $x + x$.
```

This is the note, with [a link](other.md).

```{prf:lemma} Halving
:label: lem-half
Half of $2x$ is $x$.
```

```{prf:proof}
By doubling.
```
"""
END = """## Limits

* Numbers only.

## Problems

```{exercise} Twice
:label: ex-a
What?
```

```{solution} ex-a
Never on a slide.
```
"""
SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="90" height="60"><path d="M0 0L9 9"/></svg>'


@pytest.fixture
def made():
    meta = {
        "figure": {"caption": "**It rises.** By $x$ a step.", "name": "fig-line"},
        "image": {"alt": "A line\n rises"},
    }
    output = new_output("display_data", data={"image/svg+xml": SVG})
    cells = [
        new_markdown_cell(TEXT, id="a"),
        new_code_cell("show()", metadata={"mystnb": meta}, outputs=[output], id="b"),
        new_markdown_cell(END, id="c"),
    ]
    return slides_of(new_notebook(cells=cells), Resolved({}, {"thm-double": "4"}, {}))


def test_marked_passages_become_slides_and_what_follows_becomes_notes(made):
    slides, figures = made
    assert [s.title for s in slides] == [
        "What you will learn",
        "Theorem 4: Doubling",
        "Lemma: Halving",
        "It rises",
        "Limits",
    ]
    assert slides[1] == DeckSlide(
        "Theorem 4: Doubling", "Twice $x$ is $x + x$.", notes="This is the note, with [a link](other.md)."
    )
    assert slides[2].notes == "*Proof.* By doubling."
    assert (slides[3].figure, slides[3].alt, slides[3].notes) == ("fig-line.svg", "A line rises", "By $x$ a step.")
    assert figures == {"fig-line.svg": SVG}
    assert "Never" not in str(slides)


def site_of(made, folder: Path) -> Path:
    site = folder / "site"
    (site / "decks").mkdir(parents=True)
    for name in ("reveal", "mathjax"):
        shutil.copytree(REPOSITORY / "book" / "vendor" / name, site / name)
    (site / "_static").mkdir()
    shutil.copy(REPOSITORY / "book" / "static" / "deck.css", site / "_static")
    slides, figures = made
    (site / "decks" / "doubling.html").write_text(deck("Doubling", slides))
    for name, svg in figures.items():
        (site / "decks" / name).write_text(svg)
    return site


@pytest.mark.slow
def test_a_deck_holds_the_checks_of_the_site_and_opens_offline(made, tmp_path):
    site, slides = site_of(made, tmp_path), made[0]
    assert check_site(site) == []
    if find_chromium() is None:
        pytest.skip("Chromium is not installed")
    with chromium() as browser:
        page = browser.new_page()
        events = Events(page)
        page.goto((site / "decks" / "doubling.html").as_uri())
        page.wait_for_selector("html[data-ready]")
        assert page.evaluate("Reveal.getTotalSlides()") == len(slides) + 1
        assert page.evaluate("document.querySelectorAll('.slides mjx-container').length") >= 2
        assert page.evaluate("Reveal.getPlugin('notes') !== undefined")
        page.set_viewport_size({"width": 390, "height": 844})  # a phone: letters of 15 px at least, nothing cut
        page.reload()
        page.wait_for_selector("html[data-ready]")
        page.evaluate("Reveal.slide(1)")
        letters = page.evaluate(
            "Reveal.getScale() * parseFloat(getComputedStyle(document.querySelector('.present p')).fontSize)"
        )
        assert letters >= 15
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        assert events.found == []


def test_every_deck_of_the_book_stands_on_files_that_are_vendored():
    folder = REPOSITORY / "book" / "vendor" / "reveal"
    assert {f.name for f in folder.iterdir()} == {"LICENSE", "reveal.js", "reveal.css", "reset.css", "notes.js"}
    assert "5.2.1" in (folder / "reveal.js").read_text()


@pytest.mark.slow
def test_decks_go_to_pdf_and_figures_to_powerpoint(made, tmp_path):
    if find_chromium() is None:
        pytest.skip("Chromium is not installed")
    site = site_of(made, tmp_path)
    write_handouts(site, tmp_path / "slides")
    pdf = (tmp_path / "slides" / "doubling.pdf").read_bytes()
    assert pdf.count(b"/Type /Page\n") == len(made[0]) + 1
    (slide,) = Presentation(str(tmp_path / "slides" / "figures.pptx")).slides
    assert slide.shapes.title.text == "It rises"
    assert slide.notes_slide.notes_text_frame.text == "By \\(x\\) a step."
    assert slide.shapes[1]._element.nvPicPr.cNvPr.get("descr") == "A line rises"  # pptx has no name for it
    blobs = [r.target_part.blob for r in slide.part.rels.values() if r.target_part.partname.endswith(".svg")]
    assert blobs == [SVG.encode()]
