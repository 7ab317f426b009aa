"""What a rendered site carries and nobody needs, taken out: a second set of icons, fonts twice, indents, maps."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

from markupsafe import Markup

from .links import API
from .templates import render

_MAP = re.compile(r"\n?(?://# sourceMappingURL=\S+|/\*# sourceMappingURL=[^*]+\*/)\s*$")
_PLAIN = re.compile(r'<span class="(?:w|p|n)">([^<]*)</span>')
_KEPT = re.compile(r"<(pre|script|style|textarea)\b.*?</\1>", re.S)
_INDENT = re.compile(r"\s*\n\s*")
_ICONS = re.compile(r'<script[^>]*\bsrc="[^"]*scripts/fontawesome\.js[^"]*"[^>]*></script>')
_TRUETYPE = re.compile(r',\s*url\([^)]*\.ttf\)\s*format\("truetype"\)')
_CONTENTS = re.compile(r'(<nav class="bd-links bd-docs-nav"[^>]*>).*?(</nav>)', re.S)


def slim(site: Path) -> None:
    """Make the files of a rendered site smaller; what a page shows stays as it is."""
    listings = site / "_modules"
    code = site / API / "index.html"
    for page in site.rglob("*.html"):
        text = _ICONS.sub("", page.read_text(encoding="utf-8"))
        if listings in page.parents:  # a quarter of their size is marks that nothing colours
            text = _PLAIN.sub(r"\1", text)
            if code.is_file():
                link = Markup(render("link.html", to=os.path.relpath(code, page.parent), text="The code"))
                text = _CONTENTS.sub(rf"\1{link}\2", text, count=1)
        page.write_text(_without_indents(text), encoding="utf-8")
    for file in [*site.rglob("*.js.map"), *site.rglob("*.css.map")]:
        file.unlink()
        source = file.with_suffix("")
        source.write_text(_MAP.sub("\n", source.read_text(encoding="utf-8")), encoding="utf-8")
    for style in site.rglob("*.css"):
        text = style.read_text(encoding="utf-8")
        if _TRUETYPE.search(text):  # every browser since 2016 takes the same fonts as woff2
            style.write_text(_TRUETYPE.sub("", text), encoding="utf-8")
    for font in site.rglob("*.ttf"):
        if font.with_suffix(".woff2").is_file():
            font.unlink()
    icons = site / "_static" / "scripts" / "fontawesome.js"  # its icons are in the theme's style sheet too
    icons.unlink(missing_ok=True)
    shutil.rmtree(site / "_static" / "locales", ignore_errors=True)  # translations that only the rendering needs


def _without_indents(page: str) -> str:
    """A page without the white space around its line ends, but for text that shows it."""
    out, end = [], 0
    for kept in _KEPT.finditer(page):
        out += [_INDENT.sub("\n", page[end : kept.start()]), kept[0]]
        end = kept.end()
    return "".join([*out, _INDENT.sub("\n", page[end:])])
