"""Open every page of the built site in headless Chromium, network off, wide and narrow, light and dark."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .check import Finding
from .devtools import BrowserError, Page, chromium, find_chromium
from .project import BookError

SIZES = {"desktop": (1280, 900), "phone": (390, 844)}
SCHEMES = ("light", "dark")
_LOCAL = ("file:", "data:", "blob:", "about:", "chrome:", "devtools:")

_SETTLED = """
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
    searches: [...document.querySelectorAll("form.bd-search, input[type=search]")]
      .filter(visible).filter(e => !(e.tagName === "INPUT" && e.closest("form.bd-search"))).length,
    images: [...document.images].filter(i => !(i.complete && i.naturalWidth > 0)).map(i => i.src.slice(-80)),
    theme: root.dataset.theme || "",
    height: Math.min(root.scrollHeight, 16000),
  };
})()
"""


def _events(page: str, events: list[dict[str, Any]]) -> Iterator[Finding]:
    for event in events:
        match event["method"], event["params"]:
            case "Network.requestWillBeSent", {"request": {"url": url}} if not url.startswith(_LOCAL):
                yield Finding(page, "request to another host", url)
            case "Network.webSocketCreated", {"url": url}:
                yield Finding(page, "request to another host", url)
            case "Network.loadingFailed", {"errorText": text, "type": kind} if text != "net::ERR_ABORTED":
                yield Finding(page, "missing file", f"{kind}: {text}")
            case "Runtime.exceptionThrown", {"exceptionDetails": details}:
                text = details.get("exception", {}).get("description") or details.get("text", "")
                yield Finding(page, "JavaScript error", text.splitlines()[0])
            case "Runtime.consoleAPICalled", {"type": "error", "args": arguments}:
                text = " ".join(str(a.get("value") or a.get("description") or "") for a in arguments)
                yield Finding(page, "JavaScript error", text[:160])


def _look(page: str, seen: dict[str, Any], scheme: str) -> Iterator[Finding]:
    for text in seen["unrendered"]:
        yield Finding(page, "formula not rendered", text)
    for text in seen["broken"]:
        yield Finding(page, "formula with an error", text)
    for source in seen["images"]:
        yield Finding(page, "image not loaded", source)
    if seen["overflow"] > 0 or seen["wide"]:
        causes = "; ".join(seen["wide"]) or "the page"
        yield Finding(page, "wider than the screen", f"by {seen['overflow']} px: {causes}")
    if seen["searches"] > 1:
        yield Finding(page, "search bars", f"{seen['searches']} are visible")
    if seen["theme"] and seen["theme"] != scheme:
        yield Finding(page, "colour scheme", f"{seen['theme']} instead of {scheme}")


def _visit(tab: Page, path: Path, name: str, size: str, scheme: str, shots: Path) -> Iterator[Finding]:
    width, height = SIZES[size]
    where = f"{name} ({size}, {scheme})"
    media = {"prefers-color-scheme": scheme, "prefers-reduced-motion": "reduce"}
    tab.call("Emulation.setEmulatedMedia", features=[{"name": k, "value": v} for k, v in media.items()])
    phone = size == "phone"
    tab.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=phone)
    tab.events.clear()
    tab.call("Page.navigate", url=path.as_uri())
    tab.wait_for("Page.loadEventFired")
    tab.evaluate(_SETTLED)
    seen = tab.evaluate(_LOOK)
    yield from _events(where, tab.events)
    yield from _look(where, seen, scheme)
    # a window as tall as the page: capturing beyond a smaller one lays long pages out anew, and wrongly
    tall = max(height, seen["height"])
    tab.call("Emulation.setDeviceMetricsOverride", width=width, height=tall, deviceScaleFactor=1, mobile=phone)
    tab.evaluate(_SETTLED)
    picture = tab.call("Page.captureScreenshot", format="png")["data"]
    (shots / f"{name.removesuffix('.html').replace('/', '-')}-{size}-{scheme}.png").write_bytes(
        base64.b64decode(picture)
    )


def check_in_browser(site: Path, shots: Path) -> list[Finding]:
    """All findings over pages × sizes × colour schemes; a screenshot of each view is written into `shots`.

    Raises BookError where there is no Chromium.
    """
    path = find_chromium()
    if path is None:
        raise BookError("no Chromium found: install it (Debian: apt-get install chromium), or set CHROMIUM to its path")
    pages = sorted(p for p in site.rglob("*.html") if "_static" not in p.relative_to(site).parts)
    pages = [p for p in pages if b'http-equiv="Refresh"' not in p.read_bytes()[:400]]
    shots.mkdir(parents=True, exist_ok=True)
    for old in shots.glob("*.png"):
        old.unlink()
    found: list[Finding] = []
    with chromium(path) as tab:
        for page in pages:
            name = page.relative_to(site).as_posix()
            for size in SIZES:
                for scheme in SCHEMES:
                    try:
                        found += _visit(tab, page, name, size, scheme, shots)
                    except BrowserError as error:
                        found.append(Finding(f"{name} ({size}, {scheme})", "browser", str(error)))
    return list(dict.fromkeys(found))
