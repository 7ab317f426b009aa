"""How soon a page is seen when it is opened from disk, and how much of it moves afterwards, in a real browser."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from .browser import SETTLED, SIZES, chromium
from .check import Finding

SHIFT = 0.25
"""Cumulative layout shift above which a page fails: beyond it web.dev calls the shift poor (below 0.1, good)."""

LARGEST = 6
"""Pages that are looked at: the largest are the slowest."""

_MEASURED = """
() => new Promise(done => {
  const paint = performance.getEntriesByName("first-contentful-paint")[0];
  let shift = 0;
  const add = list => { for (const entry of list) if (!entry.hadRecentInput) shift += entry.value; };
  const observer = new PerformanceObserver(list => add(list.getEntries()));
  observer.observe({ type: "layout-shift", buffered: true });
  setTimeout(() => { add(observer.takeRecords()); done([paint ? paint.startTime / 1000 : NaN, shift]); }, 300);
})
"""


@dataclass(frozen=True)
class FirstView:
    """Of one page at one size: seconds to its first content, and its cumulative layout shift."""

    page: str
    size: str
    seconds: float
    shift: float


def largest(site: Path) -> list[Path]:
    """The pages of a site with the most bytes, without documentation and listings of sources."""
    pages = [page for page in site.rglob("*.html") if not {"api", "_modules", "_static", "decks"} & set(page.parts)]
    return sorted(pages, key=lambda page: page.stat().st_size, reverse=True)[:LARGEST]


def first_views(site: Path, pages: Iterable[Path]) -> Iterator[FirstView]:
    """Each page opened anew at the size of a phone and of a desk; BookError where there is no Chromium."""
    pages = list(pages)
    with chromium() as browser:
        for size in ("phone", "desktop"):
            width, height = SIZES[size]
            context = browser.new_context(viewport={"width": width, "height": height}, is_mobile=size == "phone")
            for path in pages:
                page = context.new_page()
                page.goto(path.as_uri(), wait_until="load")
                page.evaluate(SETTLED)
                seconds, shift = page.evaluate(_MEASURED)
                yield FirstView(path.relative_to(site).as_posix(), size, seconds, shift)
                page.close()


def report(views: Iterable[FirstView]) -> str:
    """A line for each view."""
    return "\n".join(f"{v.seconds:6.2f} s  shift {v.shift:.3f}  {v.page} ({v.size})" for v in views)


def moved(views: Iterable[FirstView]) -> list[Finding]:
    """The pages of which too much moves after it was seen."""
    return [Finding(f"{v.page} ({v.size})", "layout shift", f"{v.shift:.3f}") for v in views if v.shift > SHIFT]
