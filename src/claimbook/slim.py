"""What a rendered site carries and nobody needs, taken out: a second set of icons, fonts twice, indents, maps.

A listing of a source becomes a plain page: the theme's frame around it is as long as most sources, and the marks for
its colours as long as itself. A page of the code's documentation names the list of all in its side bar, not each.
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

from markupsafe import Markup

from .links import API
from .templates import render

_MAP = re.compile(r"\n?(?://# sourceMappingURL=\S+|/\*# sourceMappingURL=[^*]+\*/)\s*$")
_PLAIN = re.compile(r'<span class="(?:w|p|n|o|si)">([^<]*)</span>')
_SILENT = re.compile(r'<span class="[wp]">([^<]*)</span>')
_MARK = re.compile(r'<span class="(\w+)">([^<]+)</span>')
_GOES_ON = re.compile(r"(<i class=(\w+)>[^<]*)</i>(\s+)<i class=\2>")
_WORD = re.compile(r'<span class="pre">([^<]*)</span>')
_KEPT = re.compile(r"<(pre|script|style|textarea)\b.*?</\1>", re.S)
_INDENT = re.compile(r"\s*\n\s*")
_ICONS = re.compile(r'<script[^>]*\bsrc="[^"]*scripts/fontawesome\.js[^"]*"[^>]*></script>')
_TRUETYPE = re.compile(r',\s*url\([^)]*\.ttf\)\s*format\("truetype"\)')
_CONTENTS = re.compile(r'(<nav class="bd-links bd-docs-nav"[^>]*>).*?(</nav>)', re.S)
_LISTING = re.compile(r"<title>(?P<title>.*?)</title>.*?<article[^>]*>(?P<body>.*?)</article>", re.S)
_STYLE = re.compile(
    r'<link\b[^>]*\bhref="([^"]*/(?:theme|pydata-sphinx-theme|pygments|sphinx-book-theme|book)\.css[^"]*)"'
)
_HOME = re.compile(r'<a class="navbar-brand[^"]*" href="([^"]*)">.*?<p class="title[^"]*">(.*?)</p>', re.S)


def slim(site: Path) -> None:
    """Make the files of a rendered site smaller; what a page shows stays as it is."""
    listings = site / "_modules"
    documented = {page for page in (site / API).glob("*.html") if page.name != "index.html"}
    for page in site.rglob("*.html"):
        text = _SILENT.sub(r"\1", _ICONS.sub("", page.read_text(encoding="utf-8")))
        if listings in page.parents:
            text = _listing(_marked(text), os.path.relpath(site, page.parent))
        if page in documented:
            text = _PLAIN.sub(r"\1", _WORD.sub(r"\1", text))
            link = Markup(render("link.html", to="index.html", text="The code"))
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


def _marked(page: str) -> str:
    """A listing with the colours of its words in short marks; operators and punctuation have none."""
    text, more = _MARK.sub(r"<i class=\1>\2</i>", _PLAIN.sub(r"\1", page).replace("<span></span>", "")), 1
    while more:
        text, more = _GOES_ON.subn(r"\1\3", text)
    return text


def _listing(page: str, root: str) -> str:
    """The listing of a rendered page in a frame of its own; `root` is the way to the site's."""
    found, home = _LISTING.search(page), _HOME.search(page)
    if found is None or home is None:
        return page
    return render(
        "listing.html",
        title=Markup(found["title"]),
        styles=_STYLE.findall(page),
        home=home[1],
        book=Markup(home[2]),
        code=f"{root}/{API}/index.html",
        search=f"{root}/search.html",
        body=Markup(found["body"]),
    )


def _without_indents(page: str) -> str:
    """A page without the white space around its line ends, but for text that shows it."""
    out, end = [], 0
    for kept in _KEPT.finditer(page):
        out += [_INDENT.sub("\n", page[end : kept.start()]), kept[0]]
        end = kept.end()
    return "".join([*out, _INDENT.sub("\n", page[end:])])
