"""The feed of changes: the latest commits to what the book is made of, as an Atom feed beside the pages."""

from __future__ import annotations

from .checkout import Change
from .templates import render


def feed(title: str, found: tuple[Change, ...], *, base: str = "", repository: str = "") -> str:
    """The Atom feed of the changes; addresses where the site and the repository have one."""
    return render("feed.xml", title=title, changes=found, base=base.rstrip("/"), repository=repository.rstrip("/"))
