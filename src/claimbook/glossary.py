"""Links to terms of the glossary carry the definition, for a script that shows it beside the word."""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes
from markupsafe import escape
from sphinx.addnodes import pending_xref

_TERM = re.compile(r'<a class="reference internal" href="(?P<address>[^"]*#(?P<id>term-[^"]+))"')
_HERE = "\ue000"
"""Stands for a reference: a character that no text has, and that docutils leaves alone."""
_REMARK = re.compile(rf"\s*\([^()]*{_HERE}[^()]*\)")
_LONGEST = 300


def collect(app: Any, doctree: Any) -> None:
    """Remember the first paragraph of every definition on the page, by the identifiers of its terms."""
    for item in doctree.findall(nodes.definition_list_item):
        identifiers = [identifier for term in item.findall(nodes.term) for identifier in term["ids"]]
        paragraph = next(iter(item.findall(nodes.paragraph)), None)
        if paragraph is not None:
            text = _plain(paragraph)
            cut = text if len(text) <= _LONGEST else text[:_LONGEST].rsplit(" ", 1)[0] + " …"
            app.env.claimbook_terms |= dict.fromkeys((i for i in identifiers if i.startswith("term-")), cut)


def _plain(paragraph: Any) -> str:
    """The text of a definition without what it refers to: a remark in brackets that holds a reference is left out."""
    copy = paragraph.deepcopy()
    for reference in list(copy.findall(pending_xref)):
        reference.replace_self(nodes.Text(_HERE))
    return " ".join(_REMARK.sub("", copy.astext()).replace(_HERE, "").split())


def defined(body: str, terms: dict[str, str]) -> str:
    """The body of a page with the definition on every link to a term."""

    def link(match: re.Match[str]) -> str:
        text = terms.get(match["id"])
        return f'{match[0]} data-definition="{escape(text)}"' if text else match[0]

    return _TERM.sub(link, body)


def begin(app: Any) -> None:
    """No terms yet."""
    app.env.claimbook_terms = {}


def setup(app: Any) -> None:
    """Connect this part of the extension."""
    app.connect("builder-inited", begin)
    app.connect("doctree-read", collect)
