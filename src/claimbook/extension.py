"""A small Sphinx extension: MathJax on every page, since claims hold formulas too; numbers in tables never break.

It also writes down what became of every reference, for notebooks that are read without Sphinx.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.transforms.post_transforms import SphinxPostTransform

from .export import REFERENCES

_NUMBER = re.compile(r"<td>(\s*-?[0-9.]+(?:e[-+]?[0-9]+)?\s*)</td>")


def keep_numbers_whole(html: str) -> str:
    """Marks table cells that hold one number: a browser may otherwise break 1e-12 behind the hyphen."""
    return _NUMBER.sub(r'<td class="number">\1</td>', html)


def _page(app: Any, pagename: str, templatename: str, context: dict[str, Any], doctree: Any) -> None:
    if "body" in context:
        context["body"] = keep_numbers_whole(context["body"])


class _Mark(SphinxPostTransform):
    """Wraps every reference before it is resolved, so that its text can be read afterwards."""

    default_priority = 5

    def run(self, **_: Any) -> None:
        for node in list(self.document.findall(pending_xref)):
            wrapped = nodes.inline("", "", classes=["traced"], target=str(node.get("reftarget", "")))
            node.replace_self(wrapped)
            wrapped += node


def _read_marks(app: Any, doctree: Any, docname: str) -> None:
    seen = app.env.claimbook_texts.setdefault(docname, {})
    for mark in [node for node in doctree.findall(nodes.inline) if "traced" in node["classes"]]:
        seen[mark["target"]] = mark.astext()
        mark.replace_self(mark.children)


def _begin(app: Any) -> None:
    app.env.claimbook_texts = {}


def _write_references(app: Any, error: Exception | None) -> None:
    """`texts` by page and target, `numbers` by label, `labels` (exercises) and `titles` (pages) as they are called."""
    if error is not None:
        return
    numbers, labels = {}, {}
    for kinds in app.env.toc_fignumbers.values():
        for kind, found in kinds.items():
            for label, number in found.items():
                numbers[label] = ".".join(map(str, number))
                labels[label] = f"{kind.capitalize()} {numbers[label]}"
    for label, (_, number) in app.env.get_domain("math").equations.items():
        numbers[label] = str(number)
    for label, entry in getattr(app.env, "sphinx_exercise_registry", {}).items():
        if entry.get("type") == "exercise":
            labels.setdefault(label, "Exercise")
    titles = {
        f"{name.rsplit('/', 1)[-1]}{kind}": t.astext()
        for name, t in app.env.titles.items()
        for kind in (".md", ".ipynb")
    }
    found = {"texts": app.env.claimbook_texts, "numbers": numbers, "labels": labels, "titles": titles}
    Path(app.outdir).with_name(REFERENCES).write_text(json.dumps(found, indent=1, sort_keys=True), encoding="utf-8")


def setup(app: Any) -> dict[str, Any]:
    app.set_html_assets_policy("always")
    app.add_post_transform(_Mark)
    app.connect("builder-inited", _begin)
    app.connect("doctree-resolved", _read_marks, priority=900)
    app.connect("build-finished", _write_references)
    app.connect("html-page-context", _page)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
