"""From chapters to a published site through the command line: what is shown, kept, refused, and what a kill leaves."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import nbformat
import psutil
import pytest
from pypdf import PdfReader
from throwaway import MEASURED, REPOSITORY, SUM_CELLS, chapter_text, make_book

import claimbook
from claimbook import browser
from claimbook.browser import find_chromium
from claimbook.cli import main
from claimbook.export import without_drawings
from claimbook.files import tree_digest
from claimbook.project import Project

PROSE = """
```{prf:theorem} Doubling
:label: thm-double
Twice $x$ is $x + x$ {cite}`haeffele2017global`.
```

By {prf:ref}`thm-double` and [the table](measured.md#doubling), by `double`, twice the seed is {glue:text}`twice:.1f`.

$$
x + x = 2x
$$ (eq-double)

See {eq}`eq-double` and {numref}`fig-line`; {term}`doubled <twice>`.

```{exercise}
:label: ex-double
Double it.
```

```{solution} ex-double
:class: dropdown
Doubled.
```
"""
LOOK_UP = """# Look up

```{glossary}
twice
  A number added to itself ({prf:ref}`thm-double`), and no more.
```

```{statement-list}
```
"""
HEADER = """---
mystnb:
  figure:
    caption: A line for $x > 0$.
    name: fig-line
  image:
    alt: A line that rises from left to right
---
"""
CELLS = (
    "seed = 1  # any integer",
    "import toy\nfrom matplotlib.figure import Figure\nfrom claimbook import claim, number, show",
    'number("twice", toy.double(seed))\n'
    'claim("equation-8/double", "twice the seed, $2x$", measured=toy.double(seed), at_least=2, function=toy.double)',
    HEADER + 'figure = Figure(figsize=(3, 2))\nfigure.subplots().plot([0, 1], [0, 1])\nshow(figure, "fig-line")',
)
ONE = chapter_text(CELLS, prose=PROSE)


def _main(project: Project, *words: str) -> int:
    return main(["--root", str(project.root), *words])


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    bibliography = "# Bibliography\n\n```{bibliography}\n```\n"
    pages = {"one": ONE, "measured": MEASURED, "look_up": LOOK_UP, "bibliography": bibliography}
    project = make_book(tmp_path_factory.mktemp("site"), pages, site=True)
    assert _main(project, "build") == 0
    return project


def test_the_site_shows_what_the_chapter_says(project: Project) -> None:
    page = (project.html / "book" / "one.html").read_text()
    assert 'id="claim-equation-8-double"' in page
    assert '<div class="drawing" role="img" aria-label="A line that rises from left to right">' in page
    for layout in ("own", "wide"):
        drawing = page[page.index(f'<svg class="drawing-{layout}"') :].partition("</svg>")[0]
        assert "stroke: currentcolor" in drawing
        assert "#000000" not in drawing
        assert "patch_1" not in drawing
        assert set(re.findall(r'xlink:href="#([^"]+)"', drawing)) <= set(re.findall(r'\bid="([^"]+)"', page))
    identifiers = re.findall(r'\bid="((?:fig-line|glyph)-[^"]+)"', page)
    assert len(identifiers) == len(set(identifiers))
    assert not list((project.html / "_images").glob("*.svg"))
    assert "Theorem 1" in page
    assert "2.0" in page
    assert "mathjax/tex-svg.js" in page
    assert re.search(r'<meta name="description" content="[^"]{20,}', page)
    assert 'property="og:title" content="A tiny chapter"' in page
    assert re.search(r'class="book-colophon">\s*<p>Version 1.2 · <a href="../downloads/notebooks.zip"', page)
    assert "This page does not exist" in (project.html / "404.html").read_text()
    assert "../_sources/book/one.ipynb" in page
    table = (project.html / "book" / "measured.html").read_text()
    assert 'href="../book/one.html#claim-equation-8-double"' in table
    source = nbformat.read(project.html / "_sources" / "book" / "one.ipynb", as_version=4)
    assert [cell.execution_count for cell in source.cells if cell.cell_type == "code"] == [None, 1, 2, 3, 4]


def test_terms_and_statements_are_found(project: Project) -> None:
    page = (project.html / "book" / "one.html").read_text()
    assert 'href="look_up.html#term-twice" data-definition="A number added to itself, and no more."' in page
    listed = (project.html / "book" / "look_up.html").read_text()
    assert re.search(r'href="one.html#thm-double">Theorem 1</a>\s+\(Doubling\)', listed)
    assert re.search(r"Cite this page</summary><p>“A tiny chapter”, in [^<]*Version 1.2", page)
    assert not list(project.html.rglob("*.map"))


def test_addresses_where_site_and_repository_have_one(tmp_path: Path) -> None:
    project = make_book(tmp_path, {"one": chapter_text(SUM_CELLS)})
    (project.root / "book" / "references.bib").touch()
    shutil.copytree(REPOSITORY / "book" / "vendor", project.root / "book" / "vendor")
    config = project.root / "_config.yml"
    text = config.read_text().replace('url: ""', "url: https://github.com/example/book")
    config.write_text(text.replace("html_context:", "html_baseurl: https://book.example.org/\n    html_context:"))
    config.write_text(re.sub(r" *html_(static_path|css_files|js_files|favicon).*\n", "", config.read_text()))
    git = ["git", "-C", str(project.root), "-c", "user.name=A", "-c", "user.email=a@example.org"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "Numbers are < twice themselves"]):
        subprocess.run([*git, *words], check=True)
    assert _main(project, "build") == 0
    page = (project.html / "book" / "one.html").read_text()
    assert '<link rel="canonical" href="https://book.example.org/book/one.html"' in page
    assert '<meta property="og:url" content="https://book.example.org/book/one.html">' in page
    assert "https://github.com/example/book/issues/new?title=Correction%20to%20" in page
    assert '<link rel="alternate" type="application/atom+xml" title="Changes" href="../changes.xml">' in page
    feed = ElementTree.parse(project.html / "changes.xml").getroot()
    assert "<loc>https://book.example.org/book/one.html</loc>" in (project.html / "sitemap.xml").read_text()
    names = {"atom": "http://www.w3.org/2005/Atom"}
    assert [e.text for e in feed.findall("atom:entry/atom:title", names)] == ["Numbers are < twice themselves"]


def test_code_names_lead_to_their_documentation_and_source(project: Project) -> None:
    page = (project.html / "book" / "one.html").read_text()
    target = '<a class="code-link" href="../api/toy.html#toy.used.double" title="toy.used.double">'
    assert f'{target}<span class="n">toy</span><span class="o">.</span><span class="n">double</span></a>' in page
    assert f'{target}<code class="docutils literal notranslate"><span class="pre">double</span></code></a>' in page
    table = (project.html / "book" / "measured.html").read_text()
    assert f"{target}<code>toy.<wbr>used.<wbr>double</code></a>" in table
    documented = (project.html / "api" / "toy.html").read_text()
    assert 'id="toy.used.double"' in documented
    assert "|x| and x* are no markup" in documented
    assert 'href="../_modules/toy/used.html#double"' in documented
    assert 'href="api/toy.html"' in (project.html / "book" / "welcome.html").read_text().replace("../", "")


def test_a_downloaded_notebook_runs_in_an_empty_folder(project: Project, tmp_path: Path) -> None:
    """With the wheel that the site carries, and no book around it; its text needs no Sphinx."""
    packages, folder = tmp_path / "packages", tmp_path / "empty"
    folder.mkdir()
    with zipfile.ZipFile(project.html / "downloads" / "notebooks.zip") as archive:
        archive.extractall(tmp_path / "unpacked")
    unpacked = tmp_path / "unpacked"
    assert sorted(p.name for p in unpacked.iterdir()) == ["measured.ipynb", "one.ipynb", "toy-1.2-py3-none-any.whl"]
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", str(packages)]
    subprocess.run([*install, str(next(unpacked.glob("*.whl")))], check=True)
    for name in ("one", "measured"):
        downloaded = nbformat.read(project.html / "_sources" / "book" / f"{name}.ipynb", as_version=4)
        zipped = (unpacked / f"{name}.ipynb").read_text(encoding="utf-8")
        assert downloaded == nbformat.reads(without_drawings(zipped), as_version=4)
        assert ("image/svg+xml" in zipped) == (name == "one")
        code = [cell.source for cell in downloaded.cells if cell.cell_type == "code"]
        assert "python -m pip install toy-1.2-py3-none-any.whl" in code[0]
        asked = "\nprint(claims_summary().text, claims_table(3).text)"
        script = "\n".join(code) + (asked if name == "measured" else "")
        environment = {k: v for k, v in os.environ.items() if not k.startswith("CLAIMBOOK")}
        environment["PYTHONPATH"] = os.pathsep.join([str(packages), str(Path(claimbook.__file__).parents[1])])
        command = [sys.executable, "-P", "-c", script]
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=True)
        assert "Missing" not in done.stdout
        if name == "measured":
            assert "1 claims, of which 1 hold" in done.stdout
            assert "twice the seed" in done.stdout
    text = "\n".join(c.source for c in nbformat.read(unpacked / "one.ipynb", 4).cells if c.cell_type == "markdown")
    assert "**Theorem 1 (Doubling).**" in text
    assert "By Theorem 1 and" in text
    assert "twice the seed is 2.0." in text
    assert "\\tag{1}" in text
    assert "See (1) and Fig. 1; doubled." in text
    assert "**Figure 1.** A line for $x > 0$." in text
    assert "**Solution to Exercise 1.**" in text
    assert "Haeffele and Vidal" in text
    assert not re.search(r"\{[a-z:]+\}`|^[`:]{3,}\{|:label:", text, re.MULTILINE)


def test_a_notebook_says_what_is_missing_and_where_it_lies(project: Project, tmp_path: Path) -> None:
    notebook = nbformat.read(project.html / "_sources" / "book" / "one.ipynb", as_version=4)
    command = [sys.executable, "-I", "-c", notebook.cells[0].source]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "Missing here: toy" in done.stdout
    assert "python -m pip install toy-1.2-py3-none-any.whl" in done.stdout


def test_nothing_is_done_twice(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    before = tree_digest(project.html)
    stamp = project.html.stat().st_ino
    assert _main(project, "build") == 0
    shown = capsys.readouterr()
    assert "one: unchanged, 1 claim holds" in shown.err
    assert f"open {(project.html / 'index.html').as_uri()}" in shown.out
    assert (tree_digest(project.html), project.html.stat().st_ino) == (before, stamp)
    assert _main(project, "check") == 0


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("one", ONE.replace("at_least=2,", "at_least=3,"), "one, cell 3 of 4"),
        ("welcome", '# Welcome\n\n<a href="gone.html">gone</a>\n', "book/welcome.html: dead link: gone.html"),
    ],
)
def test_what_fails_is_not_published(
    project: Project, capsys: pytest.CaptureFixture[str], name: str, text: str, message: str
) -> None:
    before = tree_digest(project.html)
    path = project.root / "book" / f"{name}.md"
    good = path.read_text()
    path.write_text(text)
    try:
        assert _main(project, "build") == 1
        assert message in capsys.readouterr().err
        assert tree_digest(project.html) == before
    finally:
        path.write_text(good)


def test_one_chapter_with_other_parameters(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    assert _main(project, "run", "one", "-p", "seed=3") == 0
    shown = capsys.readouterr().out
    path = Path(shown.splitlines()[0])
    assert path.parent == project.build / "runs"
    notebook = nbformat.read(path, as_version=4)
    cells = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    assert cells[0] == "seed = 3  # any integer"
    assert len(cells) == 4
    assert "✓ equation-8/double" in shown
    assert "measured 6" in shown
    assert (project.build / "runs" / f"{path.stem}-figures" / "fig-line.pdf").is_file()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["run", "one", "-p", "sead=3"], "did you mean seed"),
        (["run", "oen"], "did you mean one"),
        (["build", "--tier", "huge"], "choose one of quick, full"),
        (["build", "--jobs", "0"], "at least one chapter"),
        (["run", "one", "--device", "cuda"], "unknown parameter device"),
    ],
)
def test_wrong_requests_end_with_status_2(
    project: Project, capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    before = {p for p in project.build.rglob("*") if "work" not in p.parts}
    assert _main(project, *words) == 2
    shown = capsys.readouterr().err
    assert message in shown
    assert len(shown.strip().splitlines()) == 1
    assert {p for p in project.build.rglob("*") if "work" not in p.parts} == before


def test_figures_are_written_in_both_formats(project: Project) -> None:
    assert _main(project, "figures") == 0
    assert sorted(p.name for p in (project.build / "figures").iterdir()) == ["fig-line.pdf", "fig-line.svg"]
    assert b"<dc:date>" not in (project.build / "figures" / "fig-line.svg").read_bytes()


def _left(project: Project) -> list[str]:
    running = [" ".join(p.info["cmdline"] or ()) for p in psutil.process_iter(["cmdline"])]
    return [line for line in running if str(project.root) in line]


def _until(happens: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not happens():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_a_killed_build_leaves_no_trace(project: Project) -> None:
    before = tree_digest(project.html)
    last = json.loads((project.build / "site.json").read_text())
    shutil.rmtree(project.build)
    command = [sys.executable, "-m", "claimbook.cli", "--root", str(project.root), "build"]
    for at_work in ("job.json", "--path-output"):  # a chapter's process, Jupyter Book
        build = subprocess.Popen(command, start_new_session=True, stderr=subprocess.DEVNULL)
        _until(lambda word=at_work: any(word in line for line in _left(project)))
        os.killpg(build.pid, signal.SIGKILL)
        build.wait()
        _until(lambda: not _left(project))
    assert _main(project, "build") == 0
    assert tree_digest(project.html) == before
    assert json.loads((project.build / "site.json").read_text()) == last
    assert sorted(p.name for p in project.build.iterdir() if p.name.startswith(".")) == [".lock"]


@pytest.mark.browser
@pytest.mark.skipif(find_chromium() is None, reason="no Chromium here")
def test_the_book_is_printed_with_its_solutions_at_the_end(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _main(project, "pdf") == 0
    whole = PdfReader(project.html / "downloads" / "book.pdf")
    marks = [str(mark["/Title"]) for mark in whole.outline]
    assert marks[1] == "A tiny chapter"
    assert marks[-1] == "Solutions: A tiny chapter"
    text = [page.extract_text() for page in whole.pages]
    assert "Doubled." in text[-1]
    assert sum("Doubled." in page for page in text) == 1
    assert any("twice the seed is 2.0" in " ".join(page.split()) for page in text)
    page = (project.html / "book" / "one.html").read_text()
    assert '<a href="../downloads/one.pdf">' in page
    assert _main(project, "build") == 0
    assert "bringing the site up to date" in capsys.readouterr().err
    assert (project.html / "downloads" / "one.pdf").is_file()
    assert _main(project, "check") == 0


@pytest.mark.browser
@pytest.mark.skipif(find_chromium() is None, reason="no Chromium here")
def test_the_site_holds_in_a_browser(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the widths of a phone and a desk; `test_browser` looks at all four."""
    monkeypatch.setattr(browser, "SIZES", {size: browser.SIZES[size] for size in ("phone", "desktop")})
    assert _main(project, "check", "--browser") == 0
    shots = {p.name for p in (project.build / "screenshots").iterdir()}
    assert {"book-one-desktop-light.png", "book-one-phone-dark.png"} <= shots
