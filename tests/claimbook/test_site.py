"""A published site: what its pages show, where their links lead, what is printed, and what a browser finds."""

import re
import shutil
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import nbformat
import pytest
from pypdf import PdfReader
from throwaway import REPOSITORY, SUM_CELLS, chapter_text, make_book
from tiny_site import command

from claimbook import browser
from claimbook.browser import find_chromium
from claimbook.project import Project


def test_the_site_shows_what_the_chapter_says(site: Project) -> None:
    page = (site.html / "book" / "one.html").read_text()
    assert 'id="claim-equation-8-double"' in page
    assert '<div class="drawing" role="img" aria-label="A line that rises from left to right">' in page
    for layout in ("own", "wide"):
        drawing = page[page.index(f'<svg class="drawing-{layout}"') :].partition("</svg>")[0]
        assert "stroke: currentcolor" in drawing
        assert "#000000" not in drawing
        assert drawing.count("--figure-ffffff") == 1, "of the axes; the ground of the whole figure is gone"
        assert set(re.findall(r' href="#([^"]+)"', drawing)) <= set(re.findall(r'\bid="([^"]+)"', page))
    identifiers = re.findall(r'\bid="(d\d+)"', page)
    assert len(identifiers) == len(set(identifiers)) > 8
    assert not list((site.html / "_images").glob("*.svg"))
    assert "Theorem 1" in page
    told = page[page.index("<strong>Quick and full.</strong>") :].partition("</p>")[0]
    assert "is of the tier quick (seed = 1)" in told
    assert "2.0" in page
    assert "mathjax/tex-svg.js" in page
    assert re.search(r'<meta name="description" content="[^"]{20,}', page)
    assert 'property="og:title" content="A tiny chapter"' in page
    assert re.search(r'class="book-colophon">\s*<p>Version 1.2 · <a href="../downloads/notebooks.zip"', page)
    assert "This page does not exist" in (site.html / "404.html").read_text()
    assert "../_sources/book/one.ipynb" in page
    table = (site.html / "book" / "measured.html").read_text()
    assert 'href="../book/one.html#claim-equation-8-double"' in table
    source = nbformat.read(site.html / "_sources" / "book" / "one.ipynb", as_version=4)
    assert [cell.execution_count for cell in source.cells if cell.cell_type == "code"] == [None, 1, 2, 3, 4]


def test_terms_and_statements_are_found(site: Project) -> None:
    page = (site.html / "book" / "one.html").read_text()
    assert 'href="look_up.html#term-twice" data-definition="A number added to itself, and no more."' in page
    listed = (site.html / "book" / "look_up.html").read_text()
    assert re.search(r'href="one.html#thm-double">Theorem 1</a>\s+\(Doubling\)', listed)
    assert re.search(r"Cite this page</summary><p>“A tiny chapter”, in [^<]*Version 1.2", page)
    assert not list(site.html.rglob("*.map"))


@pytest.mark.slow
def test_addresses_where_site_and_repository_have_one(tmp_path: Path) -> None:
    site = make_book(tmp_path, {"one": chapter_text(SUM_CELLS)})
    (site.root / "book" / "references.bib").touch()
    shutil.copytree(REPOSITORY / "book" / "vendor", site.root / "book" / "vendor")
    config = site.root / "_config.yml"
    text = config.read_text().replace('url: ""', "url: https://github.com/example/book")
    config.write_text(text.replace("html_context:", "html_baseurl: https://book.example.org/\n    html_context:"))
    config.write_text(re.sub(r" *html_(static_path|css_files|js_files|favicon).*\n", "", config.read_text()))
    git = ["git", "-C", str(site.root), "-c", "user.name=A", "-c", "user.email=a@example.org"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "Numbers are < twice themselves"]):
        subprocess.run([*git, *words], check=True)
    assert command(site, "build") == 0
    page = (site.html / "book" / "one.html").read_text()
    assert '<link rel="canonical" href="https://book.example.org/book/one.html"' in page
    assert '<meta property="og:url" content="https://book.example.org/book/one.html">' in page
    assert "https://github.com/example/book/issues/new?title=Correction%20to%20" in page
    assert '<link rel="alternate" type="application/atom+xml" title="Changes" href="../changes.xml">' in page
    feed = ElementTree.parse(site.html / "changes.xml").getroot()
    assert "<loc>https://book.example.org/book/one.html</loc>" in (site.html / "sitemap.xml").read_text()
    names = {"atom": "http://www.w3.org/2005/Atom"}
    assert [e.text for e in feed.findall("atom:entry/atom:title", names)] == ["Numbers are < twice themselves"]


def test_code_names_lead_to_their_documentation_and_source(site: Project) -> None:
    page = (site.html / "book" / "one.html").read_text()
    target = '<a class="code-link" href="../api/toy.html#toy.used.double" title="toy.used.double">'
    assert f'{target}<span class="n">toy</span><span class="o">.</span><span class="n">double</span></a>' in page
    assert f'{target}<code class="docutils literal notranslate"><span class="pre">double</span></code></a>' in page
    table = (site.html / "book" / "measured.html").read_text()
    assert f"{target}<code>toy.<wbr>used.<wbr>double</code></a>" in table
    documented = (site.html / "api" / "toy.html").read_text()
    assert 'On the pages\n<a href="../book/one.html">A tiny chapter</a>.' in documented
    assert '<a href="../book/one.html#claim-equation-8-double">equation-8-double</a>.' in documented
    assert '<a href="measured.html#equation-8"><code>equation-8/double</code></a>' in page
    assert 'id="toy.used.double"' in documented
    assert "|x| and x* are no markup" in documented
    assert 'href="../_modules/toy/used.html#double"' in documented
    assert 'href="api/toy.html"' in (site.html / "book" / "welcome.html").read_text().replace("../", "")


@pytest.mark.browser
@pytest.mark.skipif(find_chromium() is None, reason="no Chromium here")
def test_the_book_is_printed_with_its_solutions_at_the_end(site: Project, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(site, "pdf") == 0
    whole = PdfReader(site.html / "downloads" / "book.pdf")
    marks = [str(mark["/Title"]) for mark in whole.outline]
    assert marks[1] == "A tiny chapter"
    assert marks[-1] == "Solutions: A tiny chapter"
    text = [page.extract_text() for page in whole.pages]
    assert "Doubled." in text[-1]
    assert "Solutions: A tiny chapter" in " ".join(text[-1].split())
    assert any(" ".join(page.split()).startswith("A tiny chapter") for page in text), "its title heads the chapter"
    assert sum("Doubled." in page for page in text) == 1
    assert any("twice the seed is 2.0" in " ".join(page.split()) for page in text)
    page = (site.html / "book" / "one.html").read_text()
    assert '<a href="../downloads/one.pdf">' in page
    assert command(site, "build") == 0
    assert "bringing the site up to date" in capsys.readouterr().err
    assert (site.html / "downloads" / "one.pdf").is_file()
    assert command(site, "check") == 0


@pytest.mark.browser
@pytest.mark.skipif(find_chromium() is None, reason="no Chromium here")
def test_the_site_holds_in_a_browser(site: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the widths of a phone and a desk; `test_browser` looks at all four."""
    monkeypatch.setattr(browser, "SIZES", {size: browser.SIZES[size] for size in ("phone", "desktop")})
    assert command(site, "check", "--browser") == 0
    shots = {p.name for p in (site.build / "screenshots").iterdir()}
    assert {"book-one-desktop-light.png", "book-one-phone-dark.png"} <= shots
