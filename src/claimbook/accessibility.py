"""What axe-core finds in a page that a browser has open, in a third of the time that it takes for all of a chapter."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

_GRAVE = ("serious", "critical")

_THINNED = """
(() => {
  for (const e of document.querySelectorAll("svg > *:not(title, desc, text, a)"))
    if (!e.querySelector("text, foreignObject, a, title, [role], [tabindex]")) e.remove();
  const seen = new Set(), clear = "rgba(0, 0, 0, 0)";
  for (const token of document.querySelectorAll("main pre span")) {
    if (token.closest("a, [role], [tabindex]:not(pre)") || token.querySelector("a, span")) continue;  // more than text
    let behind = token;
    while (behind.parentElement && getComputedStyle(behind).backgroundColor === clear) behind = behind.parentElement;
    const style = getComputedStyle(token), look = [style.color, style.fontSize, style.fontWeight, style.opacity];
    const key = [...look, getComputedStyle(behind).backgroundColor].join();
    const short = token.textContent.trim().length < 2;  // axe-core does not judge the contrast of one character
    if (short || seen.has(key)) token.style.visibility = "hidden";
    if (!short) seen.add(key);
  }
})()
"""
"""Leaves axe-core what it judges: of code one token of each colour on each ground, of drawings what is not a path."""


def violations(page: Any) -> Iterator[str]:
    """Serious and critical ones that axe-core finds in the content of a page, which is changed for good."""
    from axe_playwright_python.sync_playwright import Axe

    page.evaluate(_THINNED)
    for violation in Axe().run(page, context="main", options={"resultTypes": ["violations"]}).response["violations"]:
        if violation["impact"] in _GRAVE:
            nodes = violation["nodes"]
            yield f"{violation['id']} ({len(nodes)} places): {nodes[0]['html'][:120]}"
