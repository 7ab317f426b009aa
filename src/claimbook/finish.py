"""After the rendering: figures into their pages, links back, previews, the feed of changes; what nobody needs goes."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import yaml

from .backlinks import link_back
from .checkout import changes
from .drawings import FOLDER, inline_drawings
from .feed import feed
from .files import write_atomic
from .page_context import FEED, PREVIEWS
from .project import BookError, Project
from .slim import slim
from .templates import render

_PREVIEW = re.compile(rf'property="og:image" content="[^"]*/{PREVIEWS}/([a-z0-9-]+)\.png"')


def finish(project: Project, site: Path) -> None:
    """Complete the rendered `site` in its place."""
    inline_drawings(site, project.staged / FOLDER)
    link_back(site)
    _previews(project, site)
    config: dict[str, Any] = yaml.safe_load((project.staged / "_config.yml").read_text(encoding="utf-8"))
    base = config.get("sphinx", {}).get("config", {}).get("html_baseurl") or ""
    if base:
        pages = sorted(page.relative_to(site).as_posix() for page in site.rglob("*.html"))
        write_atomic(site / "sitemap.xml", render("sitemap.xml", base=base.rstrip("/"), pages=pages))
    found = changes(project.root)
    if found:
        repository = (config.get("repository") or {}).get("url") or ""
        write_atomic(site / FEED, feed(config.get("title", ""), found, base=base, repository=repository))
    slim(site)


def _previews(project: Project, site: Path) -> None:
    """The pictures that the pages name for links to them, from the figures that are staged."""
    named: set[str] = set()
    for page in site.rglob("*.html"):
        named |= set(_PREVIEW.findall(page.read_text(encoding="utf-8")[:20000]))
    if named:
        (site / PREVIEWS).mkdir(exist_ok=True)
    for name in sorted(named):
        picture = project.staged / FOLDER / f"{name}.png"
        if not picture.is_file():
            raise BookError(f"no preview {name}: give `preview` in pyproject.toml the first figure of a chapter")
        shutil.copyfile(picture, site / PREVIEWS / picture.name)
