"""The page *What the paper says and what we measured*: tables of claims, made from the claims themselves."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from .claims import CLAIMS_FILE, Claim
from .ledger import Kind, Outcome
from .project import ROOT, Project
from .statements import Statements, read_statements
from .templates import render


@dataclass(frozen=True)
class Tested:
    """A claim, and the page (from the site's root) and title of the chapter that makes it."""

    claim: Claim
    page: str
    title: str


@dataclass(frozen=True)
class Html:
    """A piece of a page, with plain text for where HTML cannot be shown."""

    html: str
    text: str

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/html": self.html, "text/plain": self.text}


_GIVEN: list[str] = []


def use(collected: str) -> None:
    """Make the tables from this text, as a notebook that is far from its book carries it."""
    _GIVEN[:] = [collected]
    for made in (collect, _statements):
        made.cache_clear()


@cache
def collect() -> tuple[Tested, ...]:
    """The claims of all other chapters.

    In a build the runner hands them over, in an exported notebook `use` does. Elsewhere (a plain
    `jupyter-book build .`, a reader's Jupyter) stored results are used where fresh, and other chapters are run first.
    """
    path = os.environ.get(CLAIMS_FILE)
    if _GIVEN:
        text = _GIVEN[0]
    elif path:
        text = Path(path).read_text()
    else:
        from .build import Options, claims_json, results
        from .chapters import read_book
        from .progress import Progress

        project = Project.find()
        others = [c for c in read_book(project).chapters if not c.collects_claims]
        with open(os.devnull, "w") as quiet:
            book, records = results(project, Options(), Progress(quiet), others)
        text = claims_json(book, records, staged=False)
    return tuple(
        Tested(Claim.from_record(record), chapter["page"], chapter["title"])
        for chapter in json.loads(text)["chapters"]
        for record in chapter["claims"]
    )


@cache
def _statements() -> Statements:
    """Those given with the claims; else of the book that the runner names, or around the working directory."""
    if _GIVEN:
        return Statements.from_record(json.loads(_GIVEN[0])["statements"])
    root = os.environ.get(ROOT)
    return read_statements(Project(Path(root)) if root else Project.find())


def claims_table(section: int) -> Html:
    """The table of one section of the paper: each statement, every claim that tests it, or that none does yet."""
    known = _statements()
    statements = [s for s in known.by_id.values() if s.section == section]
    tested = {s.id: [t for t in collect() if known.of(t.claim.id) is s] for s in statements}
    caption = f"Section {section} of the paper, {known.sections[section][0].lower()}{known.sections[section][1:]}"
    rows = [(s, tested[s.id]) for s in statements]
    lines = [f"{s.name}: {s.paraphrase}\n" + "\n".join(f"  {t.claim}" for t in tested[s.id]) for s in statements]
    return Html(render("claims_table.html", caption=caption, rows=rows), "\n".join(lines))


def claims_summary() -> Html:
    """How many claims of each kind there are and which way they point; how many statements are tested and open."""
    tested = [t.claim for t in collect()]
    known = _statements()
    covered, count = {known.of(c.id).id for c in tested}, len(known.by_id)
    explained = sum(bool(s.untested) for s in known.by_id.values() if s.id not in covered)
    kinds = [f"{sum(c.kind == kind.value for c in tested)} {kind.value} ({kind.sentence})" for kind in Kind]
    pointing = {o.value: sum(c.outcome == o.value for c in tested) for o in Outcome}
    measured = sum(c.kind != Kind.RECORDED.value for c in tested)
    text = (
        f"{len(tested)} claims, of which {sum(c.holds for c in tested)} hold and {measured} were measured in this "
        "build: "
        f"{'; '.join(kinds)}. {pointing['contradicts']} contradict the sentence of the paper that they test, "
        f"{pointing['open']} leave a question open. {sum(c.negative_control for c in tested)} are negative controls, "
        f"cases that must fail and were seen to fail. They test {len(covered)} of {count} "
        f"statements of the paper; {explained} define or recall something that no measurement can test, and the table "
        f"says why; {count - len(covered) - explained} are not tested in this book yet."
    )
    return Html(render("paragraph.html", css="claims-summary", text=text), text)
