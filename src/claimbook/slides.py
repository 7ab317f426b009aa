"""A deck of slides for every chapter, made of the passages that its markup names.

These are: what one learns, definitions and theorems, figures with what they show, limits, what was measured, and the
problems. The prose that follows a passage becomes the presenter's notes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt
from markupsafe import Markup
from mdit_py_plugins.dollarmath import dollarmath_plugin

from .chapters import Book, Chapter
from .claims import METADATA, Claim
from .drawings import compact
from .files import write_atomic
from .pieces import Piece, pieces
from .plain import Resolved, plain_markdown
from .problems import LEVELS, TAGS, solution_of
from .templates import render

NOTES = 900
"""Letters of presenter's notes on a slide: what can be said in a minute."""

_HEADLINE = re.compile(r"\s*\*\*(.+?)\*\*\s*(.*)", re.DOTALL)
_LOCAL = re.compile(r"\[([^\]]*)\]\((?!https?:)[^)\s]*\)")


@dataclass(frozen=True)
class DeckSlide:
    """One slide: title and body as Markdown, perhaps a figure (file name, alternative text), and notes."""

    title: str
    body: str = ""
    figure: str = ""
    alt: str = ""
    notes: str = ""


def _markdown() -> MarkdownIt:
    def formula(text: str, options: dict[str, Any]) -> str:
        shown = ("\\[", "\\]") if options["display_mode"] else ("\\(", "\\)")
        return render("formula.html", start=shown[0], text=text, end=shown[1])

    return MarkdownIt("commonmark").enable("table").use(dollarmath_plugin, renderer=formula)


_MARKDOWN = _markdown()


def slides_of(notebook: Any, known: Resolved) -> tuple[list[DeckSlide], dict[str, str]]:
    """The slides of an executed chapter, and its figures as SVG text by file name."""
    parts = pieces(notebook, TAGS)
    hidden = {id(part) for part in solution_of(parts)}
    found, figures, heading = [], {}, ""
    for index, part in enumerate(parts):
        if id(part) in hidden:
            continue
        if part.kind == "heading":
            heading = part.cell.source.lstrip("# ")
        elif part.kind == "admonition" and part.argument.startswith("Before you start"):
            found.append(DeckSlide("What you will learn", _first(part, known), notes=_following(parts, index, known)))
        elif _is_statement(part):
            found.append(_statement(part, known, _following(parts, index, known)))
        elif part.kind == "text" and heading == "Limits":
            found.append(DeckSlide("Limits", plain_markdown(part.cell.source, known)))
        elif part.cell.cell_type == "code" and part.cell.metadata.get("mystnb", {}).get("figure"):
            slide, svg = _figure(part.cell, known, _following(parts, index, known))
            if svg:
                figures[slide.figure] = svg
                found.append(slide)
    return [*found, *_measured(notebook)], figures


def _first(part: Piece, known: Resolved) -> str:
    """The first paragraph of a box."""
    text = "\n".join(line for line in part.body.splitlines() if not line.startswith(":"))
    return plain_markdown(text.strip().split("\n\n")[0], known)


def _following(parts: Sequence[Piece], index: int, known: Resolved) -> str:
    """The prose or the proof after a piece (past other statements), else the prose before it; cut at a paragraph."""
    later = [part for part in parts[index + 1 :] if not _is_statement(part)][:1]
    near = [part for part in later if part.kind in ("text", "prf:proof")]
    near += [part for part in parts[max(index - 1, 0) : index] if part.kind == "text"]
    if not near:
        return ""
    text = near[0].cell.source if near[0].kind == "text" else f"*Proof.* {_unlabelled(near[0].body)}"
    kept = ""
    for paragraph in plain_markdown(text, known).strip().split("\n\n"):
        if kept and len(kept) + len(paragraph) > NOTES:
            break
        kept += f"{paragraph}\n\n"
    return kept.strip()


def _is_statement(part: Piece) -> bool:
    return part.kind.startswith("prf:") and part.kind != "prf:proof"


def _unlabelled(body: str) -> str:
    """The text of a directive without its options."""
    return "\n".join(line for line in body.splitlines() if not re.match(r":[\w-]+:", line)).strip()


def _statement(part: Piece, known: Resolved, notes: str) -> DeckSlide:
    kind = part.kind.removeprefix("prf:").capitalize()
    number = known.numbers.get(part.options.get("label", ""), "")
    title = f"{kind} {number}".strip() + (f": {part.argument}" if part.argument else "")
    return DeckSlide(title, plain_markdown(_unlabelled(part.body), known).strip(), notes=notes)


def _figure(cell: Any, known: Resolved, notes: str) -> tuple[DeckSlide, str]:
    """Its caption's first words, in bold, are the title; the rest of it opens the notes."""
    meta = cell.metadata["mystnb"]
    caption = plain_markdown(meta["figure"].get("caption", "").strip(), known)
    match = _HEADLINE.match(caption)
    title, rest = (match[1], match[2]) if match else ("", caption)
    svg = next((o["data"]["image/svg+xml"] for o in cell.outputs if "image/svg+xml" in o.get("data", {})), "")
    file = f"{meta['figure'].get('name', '')}.svg"
    alt = " ".join(meta.get("image", {}).get("alt", "").split())
    return DeckSlide(title.rstrip("."), figure=file, alt=alt, notes=f"{rest.strip()}\n\n{notes}".strip()), "".join(svg)


def _measured(notebook: Any) -> Iterator[DeckSlide]:
    records = [
        output["metadata"][METADATA]["claim"]
        for cell in notebook.cells
        for output in cell.get("outputs", ())
        if "claim" in output.get("metadata", {}).get(METADATA, {})
    ]
    claims = [Claim.from_record(record) for record in records]
    controls = [claim for claim in claims if claim.negative_control]
    if claims:
        lines = "\n".join(f"* {claim.sentence}" for claim in controls[:4])
        said = f"{len(claims)} claims, measured when the page was built."
        more = f" {len(controls)} of them had to fail, and did:\n\n{lines}" if controls else ""
        yield DeckSlide("What was measured", said + more)


def _problems(book: Book, chapter: Chapter) -> Iterator[DeckSlide]:
    for page in book.chapters:
        if page.folder == chapter.folder and page.problems:
            lines = [
                f"* **{level.capitalize()}**: " + ", ".join(p.title for p in page.problems if p.level == level)
                for level in LEVELS
                if any(p.level == level for p in page.problems)
            ]
            yield DeckSlide("Problems", "\n".join(lines))


def deck(title: str, slides: Sequence[DeckSlide]) -> str:
    """The deck as a page; it stands in a folder beside `reveal`, `mathjax` and `_static`."""

    def html(text: str) -> Markup:
        return Markup(_MARKDOWN.render(_LOCAL.sub(r"\1", text)))

    def inline(text: str) -> Markup:
        return Markup(_MARKDOWN.renderInline(text))

    return render("deck.html", title=title, slides=slides, html=html, inline=inline)


def write_deck(book: Book, chapter: Chapter, notebook: Any, known: Resolved, site: Path) -> bool:
    """Write `decks/<chapter>.html` and its figures into the site; False for a page that has no figures."""
    if not chapter.figures or chapter.folder is None:
        return False
    slides, figures = slides_of(notebook, known)
    folder = site / "decks"
    folder.mkdir(exist_ok=True)
    for name, svg in figures.items():
        write_atomic(folder / name, compact(svg))
    write_atomic(folder / f"{chapter.name}.html", deck(chapter.title, [*slides, *_problems(book, chapter)]))
    return True
