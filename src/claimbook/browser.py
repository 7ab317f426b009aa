"""Open every page of the built site in headless Chromium, network off, at four widths, light and dark."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from .accessibility import violations
from .check import Finding
from .project import BookError

View = tuple[str, str]
SIZES = {"phone": (390, 844), "tablet": (1024, 768), "desktop": (1400, 900), "wide": (2560, 1440)}
OPENED = (
    (("phone", "light"), ("phone", "dark")),
    (("tablet", "light"), ("wide", "dark"), ("desktop", "dark"), ("desktop", "light")),
)
"""Sizes and colour schemes of the views of a page, in the order in which each window that it is opened in has them."""

VIEWS = tuple(view for views in OPENED for view in views)

JUDGED = tuple(views[-1] for views in OPENED)
"""The last views, as axe-core changes a page: one width of each kind of layout, and both schemes."""

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
JOBS = min(2, os.cpu_count() or 1)
"""Browsers at a time."""

TALLEST = 16000
"""Pixels of a page that a screenshot shows at most."""

_LOCAL = ("file:", "data:", "blob:", "about:", "chrome:", "devtools:")
_FLAGS = ["--disable-gpu", "--disable-dev-shm-usage", "--allow-file-access-from-files", "--hide-scrollbars"]
_FLAGS += ["--disable-background-networking", "--host-resolver-rules=MAP * ~NOTFOUND"]

SETTLED = """
(async () => {
  if (document.readyState !== "complete") await new Promise(done => addEventListener("load", done));
  if (window.MathJax && MathJax.startup && MathJax.startup.promise) await MathJax.startup.promise;
  if (document.fonts) await document.fonts.ready;
  for (const image of document.images) { image.loading = "eager"; }
  await Promise.all([...document.images].map(image => image.decode().catch(() => null)));
  for (const moving of document.getAnimations()) { try { moving.finish(); } catch (endless) { moving.cancel(); } }
  await new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)));
})()
"""

_LOOK = """
(() => {
  const visible = e => { const r = e.getBoundingClientRect(), s = getComputedStyle(e);
    return r.width > 0 && r.height > 0 && r.right > 0 && r.left < innerWidth
      && s.visibility !== "hidden" && s.display !== "none"; };
  const short = e => (e.textContent || e.outerHTML).trim().replace(/\\s+/g, " ").slice(0, 80);
  const formulas = [...document.querySelectorAll("span.math, div.math")];
  const root = document.documentElement, width = root.clientWidth;
  const boxed = e => { for (let p = e.parentElement; p && p !== document.body; p = p.parentElement) {
    if (["auto", "scroll", "hidden", "clip"].includes(getComputedStyle(p).overflowX)) return true; } return false; };
  const wide = [...document.querySelectorAll("main *")].filter(
    e => e.getBoundingClientRect().right > width + 1 && visible(e) && !boxed(e));
  return {
    unrendered: formulas.filter(e => !e.querySelector("mjx-container")).map(short),
    broken: [...document.querySelectorAll("mjx-merror, [data-mml-node=merror]")].map(short),
    overflow: Math.max(root.scrollWidth, document.body.scrollWidth) - width,
    wide: wide.slice(0, 3).map(e => e.tagName.toLowerCase() + "." + e.className + " " + short(e)),
    hidden: [...document.querySelectorAll("main mjx-container")].filter(visible).filter(e => {
      const r = e.getBoundingClientRect();
      for (let p = e.parentElement; p && p.tagName !== "MAIN"; p = p.parentElement) {
        if (getComputedStyle(p).overflowX !== "visible" && r.left < p.getBoundingClientRect().left - 1) return true; }
      return r.left < 0; }).map(short),
    cut: width < 1024 ? [] : [...document.querySelectorAll(".book-table, .claims-table")]
      .filter(e => visible(e) && e.scrollWidth > e.clientWidth + 1).map(short),
    searches: [...document.querySelectorAll("form.bd-search, input[type=search]")]
      .filter(visible).filter(e => !(e.tagName === "INPUT" && e.closest("form.bd-search"))).length,
    images: [...document.images].filter(i => !(i.complete && i.naturalWidth > 0)).map(i => i.src.slice(-80)),
    theme: root.dataset.theme || "",
    height: Math.min(root.scrollHeight, 16000),
  };
})()
"""


def find_chromium() -> str | None:
    """The path of a Chromium, from the environment variable CHROMIUM or the usual names."""
    named = os.environ.get("CHROMIUM")
    return next((path for name in ([named] if named else NAMES) if (path := shutil.which(name))), None)


def _chromium_path() -> str:
    path = find_chromium()
    if path is None:
        raise BookError("no Chromium found: install it (Debian: apt-get install chromium), or set CHROMIUM to its path")
    return path


@contextmanager
def chromium() -> Iterator[Any]:
    """The system's Chromium, headless and without a network, driven by Playwright; BookError where there is none."""
    path = _chromium_path()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=_FLAGS, chromium_sandbox=False)
        try:
            yield browser
        finally:
            browser.close()


class Events:
    """What the browser reported of one page: requests that leave the machine, files that fail, errors of scripts."""

    def __init__(self, page: Any) -> None:
        self.found: list[tuple[str, str]] = []
        page.on("request", self._request)
        page.on("requestfailed", self._failed)
        page.on("websocket", lambda socket: self.found.append(("request to another host", socket.url)))
        page.on("pageerror", lambda error: self.found.append(("JavaScript error", str(error).splitlines()[0])))
        page.on("console", self._console)

    def _request(self, request: Any) -> None:
        if not request.url.startswith(_LOCAL):
            self.found.append(("request to another host", request.url))

    def _failed(self, request: Any) -> None:
        if request.failure != "net::ERR_ABORTED":
            self.found.append(("missing file", f"{request.resource_type}: {request.failure}"))

    def _console(self, message: Any) -> None:
        if message.type == "error" and not message.text.startswith("Failed to load resource"):
            self.found.append(("JavaScript error", message.text[:160]))


def _look(seen: dict[str, Any], scheme: str) -> Iterator[tuple[str, str]]:
    for kind, name in (
        ("formula not rendered", "unrendered"),
        ("formula with an error", "broken"),
        ("formula whose left end is hidden", "hidden"),
        ("image not loaded", "images"),
        ("table cut off", "cut"),
    ):
        yield from ((kind, text) for text in seen[name])
    if seen["overflow"] > 0 or seen["wide"]:
        causes = "; ".join(seen["wide"]) or "the page"
        yield "wider than the screen", f"by {seen['overflow']} px: {causes}"
    if seen["searches"] > 1:
        yield "search bars", f"{seen['searches']} are visible"
    if seen["theme"] and seen["theme"] != scheme:
        yield "colour scheme", f"{seen['theme']} instead of {scheme}"


def _visit(browser: Any, path: Path, name: str, views: Sequence[View], shots: Path) -> Iterator[Finding]:
    """The findings of a page in one window, opened in the first of its views and brought to the others."""
    first, scheme = views[0]
    context = browser.new_context(
        viewport=_window(*SIZES[first]), color_scheme=scheme, reduced_motion="reduce", is_mobile=first == "phone"
    )
    try:
        page = context.new_page()
        events = Events(page)
        page.goto(path.as_uri(), wait_until="load")
        for size, scheme in views:
            where, (width, height) = f"{name} ({size}, {scheme})", SIZES[size]
            page.emulate_media(color_scheme=scheme)
            page.set_viewport_size(_window(width, height))
            page.evaluate(SETTLED)
            seen = page.evaluate(_LOOK)
            yield from (Finding(where, kind, cause) for kind, cause in (*events.found, *_look(seen, scheme)))
            # a window as tall as the page: capturing beyond a smaller one lays long pages out anew, and wrongly
            page.set_viewport_size(_window(width, min(TALLEST, max(height, seen["height"]))))
            page.evaluate(SETTLED)
            stem = name.removesuffix(".html").replace("/", "-")
            page.screenshot(path=shots / f"{stem}-{size}-{scheme}.png")
            if (size, scheme) in JUDGED and page.locator("main").count():
                page.set_viewport_size(_window(width, height))
                yield from (Finding(where, "accessibility", cause) for cause in violations(page))
    finally:
        context.close()


def _window(width: int, height: int) -> dict[str, int]:
    return {"width": width, "height": height}


def _looked_at(page: Path, site: Path) -> Sequence[Sequence[View]]:
    """The views of each window: all; of pages from one template (documentation, listings) one view, of decks two."""
    folders = set(page.relative_to(site).parts)
    few = 1 if {"api", "_modules"} & folders else 2 if "decks" in folders else None
    return OPENED if few is None else [(view,) for view in JUDGED[:few]]


def check_in_browser(site: Path, shots: Path) -> list[Finding]:
    """All findings over pages × sizes × colour schemes; a screenshot of each view is written into `shots`.

    Of the listings of sources, all from one template, one is opened. Raises BookError where there is no Chromium.
    The pages are shared out among JOBS browsers.
    """
    pages = sorted(p for p in site.rglob("*.html") if "_static" not in p.relative_to(site).parts)
    pages = [p for p in pages if b'http-equiv="Refresh"' not in p.read_bytes()[:400]]
    listings = [p for p in pages if "_modules" in p.relative_to(site).parts]
    pages = [p for p in pages if p not in listings[1:]]
    _chromium_path()
    shots.mkdir(parents=True, exist_ok=True)
    for old in shots.glob("*.png"):
        old.unlink()
    jobs = min(JOBS, len(pages))
    look = partial(_look_at, site, shots)
    if jobs <= 1:
        return list(dict.fromkeys(look(pages)))
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        parts = pool.map(look, [pages[start::jobs] for start in range(jobs)])
        return list(dict.fromkeys(finding for part in parts for finding in part))


def _look_at(site: Path, shots: Path, pages: list[Path]) -> list[Finding]:
    """The findings of some of the pages, in a browser of its own."""
    from playwright.sync_api import Error

    found: list[Finding] = []
    with chromium() as browser:
        for page in pages:
            name = page.relative_to(site).as_posix()
            for views in _looked_at(page, site):
                try:
                    found += _visit(browser, page, name, views, shots)
                except Error as error:
                    found.append(Finding(f"{name} ({views[0][0]})", "browser", error.message.splitlines()[0]))
    return found
