"""A small Sphinx extension: MathJax on every page, since claims and tables of claims hold formulas too."""

from __future__ import annotations

from typing import Any


def setup(app: Any) -> dict[str, Any]:
    app.set_html_assets_policy("always")
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
