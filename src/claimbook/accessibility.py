"""What axe-core finds in a page that a browser has open: the contrast of what looks alike it judges a few times."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

_GRAVE = ("serious", "critical")

_PREPARED = """
(() => {
  for (const e of document.querySelectorAll("svg > *:not(title, desc, text, a)"))
    if (!e.querySelector("text, foreignObject, a, title, [role], [tabindex]")) e.remove();
  const places = new Map([[document.body, ""]]), seen = new Map();
  const place = e => {
    if (!places.has(e)) {
      const style = getComputedStyle(e), own = [e.tagName, e.className, style.backgroundColor, style.opacity];
      places.set(e, place(e.parentElement) + ">" + own.join());
    }
    return places.get(e);
  };
  for (const e of document.querySelectorAll("main, main *")) {
    const text = [...e.childNodes].filter(n => n.nodeType === Node.TEXT_NODE).map(n => n.data).join("").trim();
    if (text.length < 2 || !e.checkVisibility({visibilityProperty: true})) continue;
    const style = getComputedStyle(e), look = [style.color, style.fontSize, style.fontWeight, style.backgroundImage];
    const key = [...look, /[\\p{L}\\p{N}]/u.test(text), place(e)].join();
    seen.set(key, (seen.get(key) || 0) + 1);
    if (seen.get(key) <= ALIKE) e.dataset.judged = "";
  }
  axe.configure({rules: [{id: "color-contrast", selector: "[data-judged]"}]});
})()
"""
"""Leaves axe-core what it judges: of drawings what is not a path; the contrast of texts that are alike ALIKE times.

Alike are texts in the same colour, size and weight whose elements and all around them have the same names, classes and
grounds. Of one character, or of none that is a letter or a digit, axe-core does not judge the contrast.
"""

ALIKE = 3
"""Texts of one look and place whose contrast is judged: one of them may be scrolled out of its box."""


def violations(page: Any) -> Iterator[str]:
    """Serious and critical ones that axe-core finds in the content of a page, which is changed for good."""
    from axe_playwright_python.sync_playwright import Axe

    page.evaluate(Axe().axe_script)
    page.evaluate(_PREPARED.replace("ALIKE", str(ALIKE)))
    for violation in page.evaluate("axe.run('main', {resultTypes: ['violations']})")["violations"]:
        if violation["impact"] in _GRAVE:
            nodes = violation["nodes"]
            yield f"{violation['id']} ({len(nodes)} places): {nodes[0]['html'][:120]}"
