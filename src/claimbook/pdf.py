"""The book and each of its chapters as PDF: every page printed by Chromium, joined, with bookmarks.

Solutions leave their places and stand in an appendix: of the chapter in its own file, of the whole book at its end.
"""

from __future__ import annotations

import json
import os
import re
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import yaml

from .browser import SETTLED, chromium
from .chapters import page_of, read_book
from .files import tree_digest, write_atomic
from .project import BookError, BuildFailed, Project
from .templates import render

BOOK = "book.pdf"
FOLDER = "downloads"
"""Beside notebooks and wheels."""

JOBS = min(2, os.cpu_count() or 1)
_PLACE = "<!-- pdf -->"
_BAR_ENDS = '<div class="sidebar-primary-items__end'
_LINKS = re.compile(re.escape(_PLACE) + r".*?" + re.escape(_PLACE), re.S)
_PAPER: dict[str, Any] = {"format": "A4", "margin": dict.fromkeys(("top", "bottom", "left", "right"), "18mm")}
_ONLY_TEXT = ".solution { display: none !important; }"
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


@dataclass(frozen=True)
class Printed:
    """One page as PDF: its text and, where it has any, its solutions."""

    docname: str
    title: str
    text: bytes
    solutions: bytes | None


def _print(site: Path, docnames: list[str]) -> list[Printed]:
    """The pages, printed in a browser of its own."""
    made = []
    with chromium() as browser:
        context = browser.new_context(viewport={"width": 800, "height": 1100}, color_scheme="light")
        for docname in docnames:
            page = context.new_page()
            page.goto((site / f"{docname}.html").as_uri(), wait_until="load")
            page.emulate_media(media="print", color_scheme="light")
            page.evaluate("document.documentElement.dataset.theme = 'light'")
            page.evaluate(SETTLED)
            title = page.locator("article h1").first.evaluate("h => h.firstChild.textContent.trim()")
            page.evaluate(_UNFOLDED)
            style = page.add_style_tag(content=_ONLY_TEXT)
            text = page.pdf(**_PAPER)
            style.evaluate("tag => tag.remove()")
            solutions = page.pdf(**_PAPER) if page.evaluate(_ONLY_SOLUTIONS) else None
            made.append(Printed(docname, title, text, solutions))
            page.close()
    return made


def _joined(parts: list[tuple[str, bytes]], title: str) -> bytes:
    """PDFs in one, with a bookmark at each."""
    from pypdf import PdfReader, PdfWriter

    writer = PdfWriter()
    for name, content in parts:
        reader = PdfReader(BytesIO(content))
        if not any(page.extract_text().strip() for page in reader.pages):
            raise BuildFailed(f"the PDF of {name} holds no text")
        writer.append(reader, outline_item=name, import_outline=False)
    writer.add_metadata({"/Title": title})
    writer.compress_identical_objects(remove_duplicates=True, remove_unreferenced=True)
    stream = BytesIO()
    writer.write(stream)
    return stream.getvalue()


def make_pdfs(project: Project) -> list[Path]:
    """Write `book.pdf` and a PDF of each page into the built site, and link them from its pages.

    BookError where there is no site; the stamp of the site is renewed, so that the next build leaves it alone.
    """
    site = project.html
    stamp = project.build / "site.json"
    if not (site / "index.html").is_file() or not stamp.is_file():
        raise BookError(f"no site in {site}: build it first (make book)")
    title = yaml.safe_load((project.root / "_config.yml").read_text(encoding="utf-8")).get("title", "Book")
    docnames = [page_of(docname) for docname in read_book(project).docnames]
    with ProcessPoolExecutor(JOBS, mp_context=get_context("spawn")) as pool:
        parts = list(pool.map(partial(_print, site), [docnames[start::JOBS] for start in range(JOBS)]))
    found = {printed.docname: printed for part in parts for printed in part}
    printed = [found[docname] for docname in docnames]
    folder = site / FOLDER
    folder.mkdir(exist_ok=True)
    files = {}
    for page in printed:
        own = [(page.title, page.text), *([("Solutions", page.solutions)] if page.solutions else [])]
        files[page.docname] = folder / f"{page.docname.rsplit('/', 1)[-1]}.pdf"
        write_atomic(files[page.docname], _joined(own, page.title))
    whole = [(page.title, page.text) for page in printed]
    whole += [(f"Solutions: {page.title}", page.solutions) for page in printed if page.solutions]
    write_atomic(folder / BOOK, _joined(whole, title))
    for docname in docnames:
        _link(site / f"{docname}.html", files[docname].name, "../" * docname.count("/"))
    last = json.loads(stamp.read_text(encoding="utf-8"))
    write_atomic(stamp, json.dumps(last | {"site": tree_digest(site)}))
    return [folder / BOOK, *files.values()]


def _link(page: Path, own: str, up: str) -> None:
    """Links to the PDFs in the side bar of a page; links that an earlier call wrote are replaced."""
    text = _LINKS.sub("", page.read_text(encoding="utf-8"))
    links = render("pdf_links.html", own=f"{up}{FOLDER}/{own}", whole=f"{up}{FOLDER}/{BOOK}")
    write_atomic(page, text.replace(_BAR_ENDS, f"{_PLACE}{links}{_PLACE}{_BAR_ENDS}", 1))
