"""The directive `statement-list`: every numbered statement of the book with its title, by page, as links."""

from __future__ import annotations

from typing import Any

from docutils import nodes
from docutils.parsers.rst import Directive


class statement_list(nodes.General, nodes.Element):  # noqa: N801
    """Where the list will stand once all numbers are known."""


class StatementList(Directive):
    """Marks the place of the list."""

    def run(self) -> list[nodes.Node]:
        return [statement_list()]


def collect(app: Any, doctree: Any) -> None:
    """Remember the statements of a page in their order: label, kind and title."""
    kinds = (n for n in doctree.findall(nodes.Element) if "realtype" in n.attributes and n.get("label"))
    found = [(node["label"], node["realtype"], node[0].deepcopy()) for node in kinds]
    app.env.claimbook_statements[app.env.docname] = found


def _entry(app: Any, here: str, docname: str, number: str, statement: tuple[str, str, Any]) -> nodes.list_item:
    label, kind, title = statement
    address = app.builder.get_relative_uri(here, docname) + f"#{label}"
    link = nodes.reference("", "", nodes.Text(f"{kind.capitalize()} {number}".strip()), internal=True, refuri=address)
    words = nodes.paragraph("", "", link)
    if title.astext():
        words += nodes.Text(" ")
        words += [child.deepcopy() for child in title.children]
    return nodes.list_item("", words)


def resolve(app: Any, doctree: Any, here: str) -> None:
    """Put the list where the directive stands."""
    for place in list(doctree.findall(statement_list)):
        made: list[nodes.Node] = []
        for docname in app.env.collect_relations():
            statements = app.env.claimbook_statements.get(docname, ())
            if not statements:
                continue
            numbered = {k: n for kind in app.env.toc_fignumbers.get(docname, {}).values() for k, n in kind.items()}
            link = nodes.reference("", app.env.titles[docname].astext(), internal=True)
            link["refuri"] = app.builder.get_relative_uri(here, docname)
            made.append(nodes.paragraph("", "", nodes.strong("", "", link)))
            entries = nodes.bullet_list(classes=["statement-list"])
            for statement in statements:
                number = ".".join(map(str, numbered.get(statement[0], ())))
                entries += _entry(app, here, docname, number, statement)
            made.append(entries)
        place.replace_self(made)


def begin(app: Any) -> None:
    """No statements yet."""
    app.env.claimbook_statements = {}


def setup(app: Any) -> None:
    """Connect this part of the extension."""
    app.add_node(statement_list)
    app.add_directive("statement-list", StatementList)
    app.connect("builder-inited", begin)
    app.connect("doctree-read", collect)
    app.connect("doctree-resolved", resolve)
