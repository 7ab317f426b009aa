"""The list of all pages that stands beside each of them, made from their titles.

Sphinx makes it for each page anew from all sections and documented objects of all pages, of which it keeps the titles.
"""

from __future__ import annotations

from typing import Any

from sphinx.addnodes import toctree


def settle(app: Any, env: Any) -> None:
    """Keep of each page its title and the lists of pages in it, as Sphinx does again for every page."""
    env.claimbook_lists = {}
    env.claimbook_titles = {docname: contents.deepcopy() for docname, contents in env.tocs.items()}
    for docname, contents in env.claimbook_titles.items():
        if env.metadata[docname].get("tocdepth"):  # what is cut then depends on how deep it was
            continue
        for item in contents.children:
            if len(item) > 1:
                lists = list(item.findall(toctree))
                if lists:
                    item[1][:] = lists
                else:
                    item.pop(1)


def by_titles(app: Any, page: str, navigation: Any) -> Any:
    """``navigation``, the function ``toctree`` of templates: from the titles alone where only these are shown.

    Pages in no list, such as those of sources, have the same one if they are in folders of one depth: it is kept.
    """

    def made(**options: Any) -> str:
        contents = app.env.tocs
        if options.get("titles_only") and not options.get("collapse"):
            app.env.tocs = app.env.claimbook_titles
        try:
            return navigation(**options)
        finally:
            app.env.tocs = contents

    def shown(**options: Any) -> str:
        if page in app.env.found_docs:
            return made(**options)
        kept, key = app.env.claimbook_lists, (page.count("/"), *sorted(options.items()))
        if key not in kept:
            kept[key] = made(**options)
        return kept[key]

    return shown


def setup(app: Any) -> None:
    """Connect this part of the extension."""
    app.connect("env-check-consistency", settle, priority=400)  # before other processes are forked
