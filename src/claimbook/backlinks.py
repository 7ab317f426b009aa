"""Links back: from documented code to the pages and claims that use it, from a claim to its statement."""

from __future__ import annotations

import posixpath
import re
from collections import defaultdict
from collections.abc import Iterator
from html import unescape
from pathlib import Path

from markupsafe import Markup

from .links import API
from .templates import render

_OTHER = {API, "_modules", "_static", "decks", "reveal"}
_USE = re.compile(rf'<a class="code-link" href="[^"]*\b{API}/[^"#]+\.html#([^"]+)"')
_CLAIM = re.compile(
    rf'<a href="([^"#]+#(claim-[^"]+))">[^<]*</a>\s*<a class="code-link" href="[^"]*\b{API}/[^"#]+#([^"]+)"'
)
_BOX = re.compile(r'(<div class="claim [^"]*" id="claim-[^"]*"(?:(?!</div>).)*)(<code>([\w-]+)/[\w-]+</code>)', re.S)
_TITLE = re.compile(r"<h1>((?:(?!</h1>).)*?)<a class=\"headerlink\"", re.S)
_OBJECT = re.compile(r'<dt class="sig sig-object py" id="([^"]+)">.*?</dt>\s*<dd>', re.S)
_TABLE = 'class="claims-table"'


def _pages(site: Path) -> Iterator[tuple[str, str]]:
    for page in sorted(site.rglob("*.html")):
        place = page.relative_to(site)
        if place.parts[0] not in _OTHER:
            yield place.as_posix(), page.read_text(encoding="utf-8")


def link_back(site: Path) -> None:
    """Write the links into the pages of a rendered site; nothing to do where no code is documented."""
    pages = dict(_pages(site))
    uses: dict[str, dict[str, str]] = defaultdict(dict)
    claims: dict[str, dict[str, str]] = defaultdict(dict)
    tables = {name: text for name, text in pages.items() if _TABLE in text}
    for name, text in pages.items():
        title = _TITLE.search(text)
        if title is None or name in tables:
            continue
        for used in _USE.findall(text):
            uses[used][posixpath.relpath(name, API)] = unescape(" ".join(re.sub(r"<[^>]+>", "", title[1]).split()))
    for name, text in tables.items():
        for address, anchor, used in _CLAIM.findall(text):
            place = posixpath.normpath(posixpath.join(posixpath.dirname(name), address))
            claims[used][posixpath.relpath(place, API)] = anchor.removeprefix("claim-")
    for page in (site / API).glob("*.html"):

        def told(match: re.Match[str]) -> str:
            found = uses[match[1]], claims[match[1]]
            return match[0] + (render("used.html", pages=found[0], claims=found[1]) if any(found) else "")

        page.write_text(_OBJECT.sub(told, page.read_text(encoding="utf-8")), encoding="utf-8")
    _link_claims(site, pages, tables)


def _link_claims(site: Path, pages: dict[str, str], tables: dict[str, str]) -> None:
    """The name of a claim leads to its statement on the page of claims."""
    for name, text in pages.items():
        for table, listed in tables.items():

            def named(match: re.Match[str], name: str = name, table: str = table, listed: str = listed) -> str:
                if f' id="{match[3]}"' not in listed:
                    return match[0]
                to = f"{posixpath.relpath(table, posixpath.dirname(name) or '.')}#{match[3]}"
                return match[1] + render("link.html", to=to, text=Markup(match[2]))

            text = _BOX.sub(named, text)
        if text != pages[name]:
            (site / name).write_text(text, encoding="utf-8")
