"""A small Sphinx extension: MathJax on every page, since claims hold formulas too.

It also writes down what became of every reference, for notebooks that are read without Sphinx.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.addnodes import pending_xref
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.docutils import SphinxDirective

from . import abreast, glossary, navigation, page_context, statement_list
from .export import DOWNLOAD, REFERENCES
from .links import Names, cells_of, linked, plain_docstring
from .problems import headline
from .templates import render

_COMMA = re.compile(r'(<span class="math notranslate nohighlight">[^<]*</span>)([,.;:!?)’]+)')
_PERCENT = re.compile(r"</span>\s+%")


def _page(app: Any, pagename: str, templatename: str, context: dict[str, Any], doctree: Any) -> None:
    title = re.sub(r"<[^>]+>", "", context.get("title") or "")
    context["toctree"] = navigation.by_titles(app, pagename, context["toctree"])
    context["metatags"] = context.get("metatags", "") + page_context.head(app, pagename, title, context, doctree)
    if app.config.claimbook_api and "body" in context and doctree is not None:
        context["body"] = _with_links(app, pagename, context["body"])
    if "body" in context:
        # docutils calls the citations a list although its entries are none (axe-core: aria-required-children)
        context["body"] = context["body"].replace(
            '<div role="list" class="citation-list">', '<div class="citation-list">'
        )
        context["body"] = glossary.defined(_kept_together(context["body"]), app.env.claimbook_terms)
    told = app.config.html_context.get("claimbook")
    if told is not None:
        downloads = context["pathto"](DOWNLOAD, resource=True)
        context["theme_extra_footer"] = page_context.colophon(app, pagename, title, told, downloads)


def _kept_together(body: str) -> str:
    """No line starts with the comma after a formula, or with the percent sign of a number."""
    return _PERCENT.sub("</span>\u00a0%", _COMMA.sub(r'<span class="kept">\1\2</span>', body))


def _with_links(app: Any, pagename: str, body: str) -> str:
    objects = app.env.get_domain("py").objects
    cells, packages = cells_of(Path(app.env.doc2path(pagename))), tuple(app.config.claimbook_api)
    names = Names.of(cells, objects.__contains__, packages, app.config.claimbook_elsewhere)

    def address(name: str) -> str:
        entry = objects[name]
        return f"{app.builder.get_relative_uri(pagename, entry.docname)}#{entry.node_id}"

    return linked(body, names, address)


def _plain(app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    lines[:] = plain_docstring(lines)


def _lost(app: Any) -> Any:
    """The page that a server shows for an address that leads nowhere."""
    title = "This page does not exist"
    yield "404", {"title": title, "body": render("lost.html", title=title)}, "page.html"


class _Problem(SphinxDirective):
    """The first line of a problem: its level, the minutes and points that it takes, and what it teaches."""

    has_content = True

    def run(self) -> list[Any]:
        line = nodes.container(classes=["problem-line"])
        self.state.nested_parse(StringList([headline("\n".join(self.content))], self.env.docname), 0, line)
        return [line]


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
        place = mark.parent.index(mark)
        mark.parent[place : place + 1] = mark.children


def _document(app: Any, config: Any) -> None:
    """Where packages are to be documented: autodoc with their docstrings as plain text, and their source."""
    if config.claimbook_api:
        app.connect("autodoc-process-docstring", _plain)


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
    """What Sphinx calls when it loads the extension."""
    app.set_html_assets_policy("always")
    app.add_config_value("claimbook_api", [], "env")
    app.add_config_value("claimbook_elsewhere", {}, "env")
    app.connect("config-inited", _document)
    app.add_directive("problem", _Problem)
    app.add_post_transform(_Mark)
    app.connect("builder-inited", _begin)
    app.connect("doctree-resolved", _read_marks, priority=900)
    app.connect("build-finished", _write_references)
    app.connect("html-page-context", _page)
    app.connect("html-collect-pages", _lost)
    abreast.setup(app)
    glossary.setup(app)
    navigation.setup(app)
    statement_list.setup(app)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
