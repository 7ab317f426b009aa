"""The book and each of its chapters as PDF: every page printed by Chromium, joined, with bookmarks.

Solutions leave their places and stand in an appendix: of the chapter in its own file, of the whole book at its end.
Code that a page folds away stays on the site. Formulas are set in fonts (`print_formulas`): a sixth of the bytes that
their outlines take.
"""

from __future__ import annotations

import json
import os
import re
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from io import BytesIO
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import yaml

from .browser import SETTLED, chromium
from .chapters import page_of, read_book
from .check import oversize
from .files import stored, tree_digest, write_atomic
from .pdf_size import pack
from .project import BookError, BuildFailed, Project
from .templates import render

BOOK = "book.pdf"
FOLDER = "downloads"
"""Beside notebooks and wheels."""

PACKAGES = ("playwright", "pypdf", "pikepdf", "fontTools")
"""Needed here, and not by a build."""

JOBS = min(2, os.cpu_count() or 1)
PATIENCE = 300_000
"""Milliseconds that a page may take to open, on a machine that is busy."""

_PLACE = "<!-- pdf -->"
_BAR_ENDS = '<div class="sidebar-primary-items__end'
_LINKS = re.compile(re.escape(_PLACE) + r".*?" + re.escape(_PLACE), re.S)
_PAPER: dict[str, Any] = {"format": "A4", "margin": dict.fromkeys(("top", "bottom", "left", "right"), "18mm")}
_ONLY_TEXT = ".solution { display: none !important; }"
_PRINTED = """
details.hide.above-input, #jb-print-docs-body { display: none !important; }
.bd-main .bd-content .bd-article h1:first-of-type { display: block !important; }
"""
_ONLY_SOLUTIONS = """
(() => {
  const article = document.querySelector("article"), title = article.querySelector("h1");
  const solutions = [...article.querySelectorAll(".solution")];
  for (const solution of solutions) {
    for (const closed of solution.querySelectorAll("details")) closed.open = true;
    solution.classList.remove("dropdown", "toggle", "toggle-hidden");
  }
  title.prepend("Solutions: ");
  article.replaceChildren(title, ...solutions);
  return solutions.length;
})()
"""
_UNFOLDED = "for (const closed of document.querySelectorAll('article details')) closed.open = true;"
_FORMULAS = "**/mathjax/"


@dataclass(frozen=True)
class Printed:
    """One page as PDF: its text and, where it has any, its solutions."""

    docname: str
    title: str
    text: bytes
    solutions: bytes | None


def _set_in_fonts(page: Any, formulas: Path) -> None:
    """Give the page, instead of the site's MathJax, the one that lies in `formulas` with its fonts."""
    page.route(f"{_FORMULAS}tex-*.js*", lambda route: route.fulfill(path=formulas / "tex-chtml.js"))
    fonts = "output/chtml/fonts/woff-v2"
    page.route(
        f"{_FORMULAS}{fonts}/*",
        lambda route: route.fulfill(path=formulas / fonts / route.request.url.rsplit("/", 1)[-1]),
    )


def _print(site: Path, formulas: Path | None, docnames: list[str]) -> list[Printed]:
    """The pages, printed in a browser of its own."""
    made = []
    with chromium() as browser:
        context = browser.new_context(viewport={"width": 800, "height": 1100}, color_scheme="light")
        context.set_default_timeout(PATIENCE)
        for docname in docnames:
            page = context.new_page()
            if formulas is not None:
                _set_in_fonts(page, formulas)
            page.goto((site / f"{docname}.html").as_uri(), wait_until="load")
            page.emulate_media(media="print", color_scheme="light")
            page.evaluate("document.documentElement.dataset.theme = 'light'")
            page.evaluate(SETTLED)
            title = page.locator("article h1").first.evaluate("h => h.firstChild.textContent.trim()")
            page.evaluate(_UNFOLDED)
            page.add_style_tag(content=_PRINTED)
            style = page.add_style_tag(content=_ONLY_TEXT)
            text = page.pdf(**_PAPER)
            style.evaluate("tag => tag.remove()")
            solutions = page.pdf(**_PAPER) if page.evaluate(_ONLY_SOLUTIONS) else None
            made.append(Printed(docname, title, text, solutions))
            page.close()
    return made


def _joined(parts: list[tuple[str, bytes]], title: str) -> bytes:
    """PDFs in one, with a bookmark at each, packed."""
    from pypdf import PdfReader, PdfWriter

    writer = PdfWriter()
    for name, content in parts:
        reader = PdfReader(BytesIO(content))
        if not any(page.extract_text().strip() for page in reader.pages):
            raise BuildFailed(f"the PDF of {name} holds no text")
        writer.append(reader, outline_item=name, import_outline=False)
    writer.add_metadata({"/Title": title})
    writer.compress_identical_objects(remove_duplicates=True, remove_unreferenced=True)
    plain = BytesIO()
    writer.write(plain)
    return pack(plain.getvalue())


def make_pdfs(project: Project) -> list[Path]:
    """Write `book.pdf` and a PDF of each chapter with its problems into the built site, and link them from its pages.

    BookError where a package is missing, or the site; BuildFailed where the site is then larger than the book allows.
    Its stamp is renewed, so that the next build leaves it alone.
    """
    if missing := " ".join(name for name in PACKAGES if find_spec(name) is None):
        raise BookError(f"PDFs need packages that are not installed: pip install {missing}")
    site = project.html
    stamp = project.build / "site.json"
    if not (site / "index.html").is_file() or not stamp.is_file():
        raise BookError(f"no site in {site}: build it first (make book)")
    title = yaml.safe_load((project.root / "_config.yml").read_text(encoding="utf-8")).get("title", "Book")
    book = read_book(project)
    docnames = [page_of(docname) for docname in book.docnames]
    named = project.settings.print_formulas
    work = partial(_print, site, project.root / named if named else None)
    with ProcessPoolExecutor(JOBS, mp_context=get_context("spawn")) as pool:
        parts = list(pool.map(work, [docnames[start::JOBS] for start in range(JOBS)]))
    found = {printed.docname: printed for part in parts for printed in part}
    printed = [found[docname] for docname in docnames]
    folder = site / FOLDER
    folder.mkdir(exist_ok=True)
    for old in folder.glob("*.pdf"):
        old.unlink()
    files = {}
    for chapter in book.chapters:
        if chapter.collects_claims or chapter.problems:
            continue
        more = [c for c in book.chapters if c.folder == chapter.folder and c.problems]
        pages = [found[page_of(c.docname)] for c in (chapter, *more)]
        file = folder / f"{chapter.name}.pdf"
        write_atomic(file, _joined(_in_order(pages), pages[0].title))
        files |= {page.docname: file for page in pages}
    write_atomic(folder / BOOK, _joined(_in_order(printed), title))
    for docname in docnames:
        _link(site / f"{docname}.html", files.get(docname), "../" * docname.count("/"))
    write_atomic(stamp, json.dumps((stored(stamp) or {}) | {"site": tree_digest(site)}))
    if found_wrong := oversize(site, project.settings.site_megabytes):
        raise BuildFailed("\n".join(map(str, found_wrong)))
    return [folder / BOOK, *dict.fromkeys(files.values())]


def _in_order(pages: list[Printed]) -> list[tuple[str, bytes]]:
    """The texts of some pages and, after all of them, their solutions."""
    texts = [(page.title, page.text) for page in pages]
    return texts + [(f"Solutions: {page.title}", page.solutions) for page in pages if page.solutions]


def _link(page: Path, own: Path | None, up: str) -> None:
    """Links to the PDFs in the side bar of a page; links that an earlier call wrote are replaced."""
    text = _LINKS.sub("", page.read_text(encoding="utf-8"))
    links = render("pdf_links.html", own=f"{up}{FOLDER}/{own.name}" if own else "", whole=f"{up}{FOLDER}/{BOOK}")
    write_atomic(page, text.replace(_BAR_ENDS, f"{_PLACE}{links}{_PLACE}{_BAR_ENDS}", 1))
