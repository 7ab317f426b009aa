"""The page *What the paper says and what we measured*: tables of claims, made from the claims themselves."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from .claims import CLAIMS_FILE, Claim, number_text
from .evidence import AllEvidence, Evidence
from .ledger import Kind, Outcome
from .project import ROOT, Project
from .statements import Statements, read_statements
from .templates import render


@dataclass(frozen=True)
class Tested:
    """A claim, the page (from the site's root) and title of the chapter that makes it, and what else is recorded."""

    claim: Claim
    page: str
    title: str
    evidence: Evidence

    @property
    def seeded(self) -> bool:
        """Whether other seeds are recorded, against the same bound."""
        return self.evidence.seeds > 0 and self.evidence.required == self.claim.required_text

    @property
    def room(self) -> Room | None:
        """How much of the room up to its bound the claim takes; None where that is no share, as of a bound 0."""
        claim, known = self.claim, self.evidence
        ends = (known.least, known.largest) if self.seeded else (claim.measured, claim.measured)
        shares = [_share(claim, x) for x in (claim.measured, *ends)]
        if any(share is None for share in shares):
            return None
        here, *others = (min(1.0, share or 0.0) for share in shares)
        return Room(100 * here, 100 * min(here, *others), 100 * max(here, *others))

    @property
    def spread_text(self) -> str:
        """The least and the largest number over the recorded seeds."""
        known = self.evidence
        least, largest = number_text(known.least), number_text(known.largest)
        if not self.seeded:
            return ""
        span = least if least == largest else f"{least} … {largest}"
        held = "" if known.hold == known.seeds else f", held at {known.hold}"
        return f"{span} at {known.seeds} {'seed' if known.seeds == 1 else 'seeds'}{held}"

    @property
    def full_text(self) -> str:
        """The number at the full tier; the bound there if it is another one, and whether it held."""
        known = self.evidence
        if known.full is None:
            return ""
        other = "" if known.full_required == self.claim.required_text else f", required {known.full_required}"
        return f"{number_text(known.full)} at full size{other}{'' if known.full_holds else ', not held'}"


@dataclass(frozen=True)
class Room:
    """Shares of a bound in percent: the number measured here, the least and the largest over the recorded seeds."""

    here: float
    least: float
    largest: float

    @property
    def text(self) -> str:
        return "less than 1 % of the room" if self.here < 1 else f"{self.here:.0f} % of the room"


def _share(claim: Claim, measured: float) -> float | None:
    """measured/bound of a claim ≤, bound/measured of one ≥: 1 at the bound, less on its right side."""
    bound = claim.bound
    if not (math.isfinite(bound) and bound > 0 and measured >= 0):
        return None
    if claim.at_most is not None:
        return measured / bound
    return bound / measured if measured > 0 else math.inf


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
    forget()
    _GIVEN[:] = [collected]


def forget() -> None:
    """Drop what was given and what was collected."""
    _GIVEN.clear()
    for made in (_collected, collect, _evidence, _statements):
        made.cache_clear()


@cache
def _collected() -> dict[str, Any]:
    """What is known of the claims of all other chapters, as ``claims_json`` puts it.

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
        progress = Progress()
        progress.say("the claims of all other chapters are needed: those without a fresh result are run first")
        book, records = results(project, Options(), progress, others)
        text = claims_json(book, records, staged=False)
    return json.loads(text)


@cache
def collect() -> tuple[Tested, ...]:
    """The claims of all other chapters."""
    known = _evidence()
    return tuple(
        Tested(Claim.from_record(record), chapter["page"], chapter["title"], known.of(record["id"]))
        for chapter in _collected()["chapters"]
        for record in chapter["claims"]
    )


@cache
def _evidence() -> AllEvidence:
    return AllEvidence.from_record(_collected()["evidence"])


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
    text = " ".join([text, *_recorded_text(collect())])
    return Html(render("paragraph.html", css="claims-summary", text=text), text)


def _recorded_text(tested: Sequence[Tested]) -> list[str]:
    """How many claims hold at all recorded seeds, how many experiments a mutation breaks, and where that is from."""
    seeded = [t.evidence for t in tested if t.seeded]
    tried = [t.evidence for t in tested if t.evidence.tried and t.claim.kind == Kind.EXPERIMENT.value]
    full = [t.evidence for t in tested if t.evidence.full is not None and t.claim.kind != Kind.RECORDED.value]
    said = []
    if seeded:
        said.append(
            f"Of {len(seeded)} claims that were measured at other seeds ({min(e.seeds for e in seeded)} to "
            f"{max(e.seeds for e in seeded)} seeds each), {sum(e.hold == e.seeds for e in seeded)} held at all of them."
        )
    if full:
        said.append(
            f"{len(full)} of them were measured at full size too (the tier full), "
            f"{sum(e.full_holds for e in full)} held."
        )
    if tried:
        silent = sum(not e.noticed and bool(e.raised) for e in tried)
        said.append(
            f"Errors were put into the code on purpose: {sum(bool(e.noticed) for e in tried)} of {len(tried)} "
            f"experiments then measured a number beyond their bound, {silent} more could not be measured."
        )
    return [*said, *_evidence().origins]
