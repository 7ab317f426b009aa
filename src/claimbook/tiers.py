"""The last lines of a chapter that has two tiers: of which one its numbers are, and where those at full size stand."""

from __future__ import annotations

import posixpath

from .cache import Record
from .chapters import Book, Chapter
from .checkout import at


def on_tiers(book: Book, chapter: Chapter, record: Record, drawn: int) -> str:
    """A paragraph for the page of a chapter as it was run; empty for a chapter without the parameter `tier`.

    ``drawn`` is the number of its figures that are shown at full size too.
    """
    tier = record.parameters.get("tier")
    if tier is None:
        return ""
    others = ", ".join(f"{name} = {value}" for name, value in record.parameters.items() if name != "tier")
    here = f"**Quick and full.** What this build measured for this page is of the tier {tier}"
    here += f" ({others}).\n" if others else ".\n"
    run = book.evidence.full.get(chapter.name)
    if run is None:
        command = f"python -m claimbook.cli seeds {chapter.name} --tier full --seeds 0"
        return f"{here}The tier full, with more starts, draws and samples, is not recorded yet: `{command}` runs it.\n"
    held = f"all {run.claims} claims held" if run.hold == run.claims else f"{run.hold} of {run.claims} claims held"
    time = f"{run.cpu / 60:.1f} minutes of processor time, {at(run.commit)}"
    pages = [c.docname for c in book.chapters if c.collects_claims]
    beside = [f"[]({posixpath.relpath(page, posixpath.dirname(chapter.docname) or '.')}.md)" for page in pages]
    shown = f"; {' and '.join(beside)} shows each number beside the quick one" if beside else ""
    also = f" Figures here that unfold at full size: {drawn}." if drawn else ""
    return f"{here}At full size, with more starts, draws and samples, {held} ({time}){shown}.{also}\n"
