"""Around the text of a page: what a link to it shows elsewhere, how to cite it, and where to send a correction."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote, urlencode

from docutils import nodes

from .templates import render

PREVIEWS = "previews"
"""The folder of the site with the pictures that links to its pages show."""

FEED = "changes.xml"


def description(doctree: Any) -> str:
    """The first paragraph of a page that is a sentence of prose, cut at 200 characters."""
    for paragraph in doctree.findall(nodes.paragraph) if doctree else ():
        text = " ".join(paragraph.astext().split())
        if len(text) > 30:
            return text if len(text) <= 200 else text[:200].rsplit(" ", 1)[0] + " …"
    return ""


def preview(doctree: Any) -> str | None:
    """The name of the first figure of a page."""
    for figure in doctree.findall(nodes.figure) if doctree else ():
        for name in (*figure["names"], *figure["ids"]):
            if name.startswith("fig-"):
                return name
    return None


def head(app: Any, pagename: str, title: str, context: dict[str, Any], doctree: Any) -> str:
    """What search engines, messengers and readers of feeds learn of a page; addresses only where the site has one."""
    base = (app.config.html_baseurl or "").rstrip("/")
    told = description(doctree)
    named = {
        "og:title": title,
        "og:site_name": app.config.html_title or app.config.project,
        "og:type": "article",
        "og:description": told,
    }
    picture = preview(doctree) or app.config.html_context.get("claimbook", {}).get("preview")
    if base:
        named["og:url"] = f"{base}/{pagename}{app.builder.out_suffix}"
        if picture:
            named |= {"og:image": f"{base}/{PREVIEWS}/{picture}.png", "twitter:card": "summary_large_image"}
    feed = context["pathto"](FEED, resource=True) if app.config.html_context.get("claimbook", {}).get("feed") else ""
    return render("head.html", properties=named, description=told, feed=feed)


def _correction(repository: str, title: str, pagename: str, told: dict[str, Any]) -> str:
    """An address that opens an issue which already says which page, and at which commit."""
    body = f"Page: {pagename}\nVersion: {told.get('version', 'unknown')}, commit {told.get('commit', 'unknown')}\n\n"
    query = urlencode({"title": f"Correction to “{title}”", "body": body}, quote_via=quote)
    return f"{repository.rstrip('/')}/issues/new?{query}"


def colophon(app: Any, pagename: str, title: str, told: dict[str, Any], downloads: str) -> str:
    """The foot of a page: version, licence, how to cite the page, the notebooks, and where to send a correction."""
    version = " ".join(filter(None, ("Version", told.get("version"), told.get("commit") and f"({told['commit']})")))
    parts = [version if told.get("version") else "", told.get("date", ""), told.get("licence", "")]
    book = app.config.html_title or app.config.project
    base = (app.config.html_baseurl or "").rstrip("/")
    where = f"{base}/{pagename}{app.builder.out_suffix}" if base else ""
    of = "" if title == book else f", in {book}"
    known = (version if told.get("version") else "", told.get("date", ""), where)
    cited = f"“{title}”{of}. {', '.join(part for part in known if part)}"
    repository = told.get("repository")
    return render(
        "colophon.html",
        parts=[part for part in parts if part],
        downloads=downloads,
        cited=re.sub(r"[.\s]*$", ".", cited),
        correction=_correction(repository, title, pagename, told) if repository else "",
    )
