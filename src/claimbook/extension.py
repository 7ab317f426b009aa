"""A small Sphinx extension: MathJax on every page, since claims hold formulas too; numbers in tables never break."""

from __future__ import annotations

import re
from typing import Any

_NUMBER = re.compile(r"<td>(\s*-?[0-9.]+(?:e[-+]?[0-9]+)?\s*)</td>")


def keep_numbers_whole(html: str) -> str:
    """Marks table cells that hold one number: a browser may otherwise break 1e-12 behind the hyphen."""
    return _NUMBER.sub(r'<td class="number">\1</td>', html)


def _page(app: Any, pagename: str, templatename: str, context: dict[str, Any], doctree: Any) -> None:
    if "body" in context:
        context["body"] = keep_numbers_whole(context["body"])


def setup(app: Any) -> dict[str, Any]:
    app.set_html_assets_policy("always")
    app.connect("html-page-context", _page)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
