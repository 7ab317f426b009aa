"""Checks of the rendered site: what a reader must never meet. Each finding names page, kind and cause."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from bs4 import BeautifulSoup
from bs4.element import NavigableString

from .fork_server import forks_are_safe

_RESOURCES = {
    "img": ("src", "srcset"),
    "script": ("src",),
    "iframe": ("src",),
    "source": ("src", "srcset"),
    "video": ("src", "poster"),
    "audio": ("src",),
    "embed": ("src",),
    "object": ("data",),
    "use": ("href", "xlink:href"),
    "image": ("href", "xlink:href"),
}
_LINKED = {"stylesheet", "icon", "shortcut", "preload", "modulepreload", "prefetch", "preconnect"} | {
    "dns-prefetch",
    "manifest",
}
_CSS_URL = re.compile(r"""url\(\s*['"]?\s*((?:https?:)?//[^'")\s]+)|@import\s+['"]((?:https?:)?//[^'"]+)""")
_SVG_URL = re.compile(r"""(?:xlink:href|href|src)\s*=\s*["']((?:https?:)?//[^"']+)""")
_LATEX = re.compile(
    r"\$\$|\\begin\{|\\end\{|\\(?:eqref|ref|cite|label|frac|sqrt|sum|prod|mathbb|mathcal|mathrm|operatorname|lVert|Vert"
    r"|lambda|phi|Phi|theta|Theta|Omega|sigma|le|ge|top|cdot)\b|\\[()\[\]]|(?<![\\\w$])\$[^$\s][^$\n]{0,120}[^$\s\\]\$(?![\w$])"
)
_SNAKE = re.compile(r"[A-Za-z][A-Za-z0-9]*(_[A-Za-z0-9]+)+")
_RAW_NUMBER = re.compile(r"-?\d+\.\d{6,}|-?\d(\.\d+)?e[-+]\d+|nan|NaN|NaT|-?inf|None")
_ID = re.compile(r'\bid="([^"]+)"')
_HASH = re.compile(r"[0-9a-f]{20,}")
_OPAQUE = ("pre", "code", "script", "style", "textarea", "svg", "template", "noscript")


@dataclass(frozen=True)
class Finding:
    """One fault of one page."""

    page: str
    kind: str
    cause: str

    def __str__(self) -> str:
        return f"{self.page}: {self.kind}: {self.cause}"


@dataclass(frozen=True)
class _Link:
    """A link to a place on a page."""

    address: str
    path: Path
    place: str


@dataclass(frozen=True)
class _Page:
    """A page that was read: its places, what is wrong with it, and its links to places on this and other pages."""

    here: Path
    name: str
    anchors: frozenset[str]
    findings: tuple[Finding, ...]
    links: tuple[_Link, ...]


def _external(address: str) -> bool:
    parts = urlsplit(address.strip())
    return parts.scheme in {"http", "https", "ws", "wss", "ftp"} or (not parts.scheme and bool(parts.netloc))


def _requests(soup: Any) -> Iterator[str]:
    """Addresses that a browser fetches by itself when it shows the page."""
    for tag in soup.find_all([*_RESOURCES, "link"]):
        if tag.name == "link":
            if _LINKED & set(tag.get("rel") or ()):
                yield tag.get("href") or ""
            continue
        for name in _RESOURCES[tag.name]:
            value = tag.get(name) or ""
            yield from (part.split()[0] for part in value.split(",") if part.strip()) if name == "srcset" else (value,)
    for style in [tag.get_text() for tag in soup.find_all("style")] + [t["style"] for t in soup.find_all(style=True)]:
        yield from (a or b for a, b in _CSS_URL.findall(style))


def _images(soup: Any) -> Iterator[str]:
    for image in soup.find_all("img"):
        alt, source = image.get("alt"), image.get("src") or "?"
        name = source.rsplit("/", 1)[-1]
        if image.get("role") == "presentation" and alt == "":
            continue
        if alt is None or not alt.strip():
            yield f"{name} has no alternative text"
        elif _HASH.search(alt) or alt.strip() in {name, source}:
            yield f"{name} has its file name as alternative text"
    for drawing in soup.find_all("svg"):
        if drawing.get("aria-hidden") == "true" or drawing.find_parent("svg"):
            continue
        if not (drawing.get("aria-label") or drawing.find("title")):
            yield "an inline svg has no aria-label, no title and is not aria-hidden"


def _tables(soup: Any) -> Iterator[str]:
    """What a reader must not meet in a table that a cell shows: a raw data frame, names of variables, raw numbers."""
    for table in soup.select(".cell_output table"):
        head = " ".join(table.get_text(" ").split())[:60]
        if "dataframe" in (table.get("class") or ()):
            yield f"a raw data frame, show it with claimbook.table: {head}"
            continue
        if not (table.caption and table.caption.get_text().strip()):
            yield f"has no caption: {head}"
        box = table.find_parent(attrs={"tabindex": "0"})
        if box is None:
            yield f"cannot be scrolled by keyboard (no box with tabindex): {head}"
        for cell in table.find_all(["th", "td"]):
            text = cell.get_text().strip()
            if cell.name == "th" and _SNAKE.fullmatch(text):
                yield f"a header is the name of a variable: {text}"
            if _RAW_NUMBER.fullmatch(text) and "claim-value" not in (cell.get("class") or ()):
                yield f"a raw number: {text}"


def _text(soup: Any) -> Iterator[str]:
    """Text that a reader sees outside code and formulas."""
    body = soup.body or soup
    for piece in body.find_all(string=True):
        if type(piece) is not NavigableString or not piece.strip():
            continue
        inside = any(p.name in _OPAQUE or {"math", "sig"} & set(p.get("class") or ()) for p in piece.parents if p.name)
        if not inside:
            yield piece


def _anchors(soup: Any) -> frozenset[str]:
    named = soup.find_all("a", attrs={"name": True})
    return frozenset([tag["id"] for tag in soup.find_all(id=True)] + [tag["name"] for tag in named])


def _dead_links(page: str, soup: Any, here: Path) -> Iterator[Finding | _Link]:
    """Links within the site that lead nowhere; those to a place on a page are left for when its places are known."""
    for link in soup.find_all("a", href=True):
        address = link["href"].strip()
        parts = urlsplit(address)
        if parts.scheme or parts.netloc or address in {"", "#"}:
            continue
        path = (here.parent / unquote(parts.path)).resolve() if parts.path else here
        if path.is_dir():
            path /= "index.html"
        if not path.is_file():
            yield Finding(page, "dead link", address)
        elif parts.fragment:
            yield _Link(address, path, unquote(parts.fragment))


def _check_page(page: str, soup: Any, here: Path) -> Iterator[Finding | _Link]:
    for block in soup.find_all(["pre", "div"], class_=["traceback", "output_traceback"]):
        yield Finding(page, "traceback", block.get_text().strip().splitlines()[-1][:120])
    for block in soup.find_all("pre"):
        if "Traceback (most recent call last)" in block.get_text() and not block.find_parent(class_="traceback"):
            yield Finding(page, "traceback", block.get_text().strip().splitlines()[-1][:120])
    for cause in _images(soup):
        yield Finding(page, "alternative text", cause)
    for cause in _tables(soup):
        yield Finding(page, "table", cause)
    for address in _requests(soup):
        if _external(address):
            yield Finding(page, "request to another host", address)
        elif address and not address.startswith(("data:", "#", "blob:")):
            path = (here.parent / unquote(urlsplit(address).path)).resolve()
            if not path.is_file():
                yield Finding(page, "missing file", address)
    yield from _dead_links(page, soup, here)
    for text in _text(soup):
        match = _LATEX.search(text)
        if match:
            start = max(0, match.start() - 30)
            yield Finding(page, "raw LaTeX", " ".join(text[start : match.end() + 30].split()))


def _read(site: Path, page: Path) -> _Page:
    """What there is on a page; of a listing of sources, which is code and not the book's text, its places only."""
    name, here = page.relative_to(site), page.resolve()
    if "_modules" in name.parts:  # no quotation mark is left in such code
        return _Page(here, name.as_posix(), frozenset(_ID.findall(page.read_text(encoding="utf-8"))), (), ())
    soup = BeautifulSoup(page.read_bytes(), "html.parser")
    seen = list(_check_page(name.as_posix(), soup, here))
    findings = tuple(item for item in seen if isinstance(item, Finding))
    return _Page(here, name.as_posix(), _anchors(soup), findings, tuple(x for x in seen if isinstance(x, _Link)))


def _read_all(site: Path, pages: list[Path]) -> list[_Page]:
    """All pages, by as many processes as there are cores if this one can be forked."""
    if not forks_are_safe() or threading.active_count() > 1:
        return [_read(site, page) for page in pages]
    from sphinx.util.parallel import ParallelTasks

    found: dict[Path, _Page] = {}

    def keep(share: list[Path], read: list[_Page]) -> None:
        found.update(zip(share, read, strict=True))

    tasks = ParallelTasks(cores := os.cpu_count() or 1)
    for k in range(4 * cores):
        tasks.add_task(lambda share: [_read(site, page) for page in share], pages[k :: 4 * cores], keep)
    tasks.join()
    return [found[page] for page in pages]


def oversize(site: Path, megabytes: float | None) -> list[Finding]:
    """That the files of a site, with what it offers for download, take more than `megabytes` (10⁶ bytes)."""
    taken = sum(path.stat().st_size for path in site.rglob("*") if path.is_file()) / 1e6
    if megabytes is None or taken <= megabytes:
        return []
    return [Finding("site", "size", f"{taken:.1f} MB, at most {megabytes:g} (site_megabytes in pyproject.toml)")]


def check_site(site: Path) -> list[Finding]:
    """All findings of a rendered site; empty when it may be published."""
    pages = sorted(p for p in site.rglob("*.html") if "_static" not in p.relative_to(site).parts)
    if not pages:
        return [Finding(str(site), "site", "holds no page")]
    read = _read_all(site, pages)
    anchors = {page.here: page.anchors for page in read}
    found = []
    for page in read:
        found += page.findings
        dead = (link for link in page.links if link.place not in anchors.get(link.path, (link.place,)))
        found += [Finding(page.name, "dead anchor", link.address) for link in dead]
    for path in sorted(site.rglob("*")):
        if path.suffix == ".css":
            hits = [a or b for a, b in _CSS_URL.findall(path.read_text(errors="replace"))]
        elif path.suffix == ".svg":
            hits = _SVG_URL.findall(path.read_text(errors="replace"))
        else:
            continue
        found += [Finding(path.relative_to(site).as_posix(), "request to another host", hit) for hit in hits]
    return list(dict.fromkeys(found))
