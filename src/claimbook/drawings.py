"""Figures as part of their page: inline, in the page's own ink, in the layout that its column has room for.

A figure comes in two layouts, its own and a wide one; a style sheet shows the one that fits (`drawing-own`,
`drawing-wide`). Black becomes `currentcolor`, and every other colour #rrggbb the variable --figure-rrggbb with that
colour as fallback, so that a style sheet can give a dark page other colours.
"""

from __future__ import annotations

import html
import re
from pathlib import Path

from markupsafe import Markup

from .show import WIDE
from .templates import render

FOLDER = "drawings"
"""Beside the staged pages: the wide layouts and the previews of the figures."""

_PIXELS = 4 / 3
_STRETCH = 1.08
"""A drawing is at most so much larger than it was made, so that letters have the same size in all of them."""
_PICTURE = re.compile(
    r'(?P<open><figure[^>]*\bid="(?P<name>fig-[a-z0-9-]+)"[^>]*>\s*)<img alt="(?P<alt>[^"]*)"'
    r'[^>]*src="(?P<source>[^"]+\.svg)"[^>]*/?>'
)
_PREAMBLE = re.compile(r"^.*?(?=<svg\b)|<metadata>.*?</metadata>|<!--.*?-->|<defs>\s*<style.*?</style>\s*</defs>", re.S)
_SIZE = re.compile(r'<svg\b[^>]*?\bviewBox="([^"]+)"[^>]*>')
_GROUND = re.compile(r'<g id="patch_1">.*?</g>', re.S)
_ID = re.compile(r'(\bid="|href="#|url\(#)([^")]+)')
_GLYPH = re.compile(r'<path id="([^"]+)"[^>]*\btransform="scale\(0\.015625\)"\s*/>')
_DIGITS = re.compile(r"(\d\.\d{3})\d+")
_METADATA = re.compile(r"<metadata>.*?</metadata>|<!--.*?-->", re.S)
_GROUP = re.compile(r'<g id="[^"]*"')  # nothing refers to a group
_SCALED = re.compile(rf"scale\([^)]*\)|{_DIGITS.pattern}")
_COLOUR = re.compile(r"(?<=: )#([0-9a-f]{6})\b")
_DRAWING = '<div class="drawing'
_EMPTY = re.compile(r"<defs>\s*</defs>")
_SPACE = re.compile(r"\s*\n\s*")


def _ink(match: re.Match[str]) -> str:
    return "currentcolor" if match[1] == "000000" else f"var(--figure-{match[1]},#{match[1]})"


def compact(svg: str) -> str:
    """A drawing for a file of its own: three decimals (a thousandth of a point), no indents, no names of groups."""
    short = _SCALED.sub(lambda m: m[1] or m[0], _GROUP.sub("<g", _METADATA.sub("", svg)))
    return _SPACE.sub(" ", short)


def inline(svg: str, name: str, layout: str, glyphs: dict[str, str]) -> str:
    """A drawing for the inside of a page: no ground of its own, identifiers of its own, colours by variables.

    Its glyphs are moved into `glyphs`, by name: a page holds each only once.
    """
    body = _GROUP.sub("<g", _GROUND.sub("", _PREAMBLE.sub("", svg), count=1))
    box = _SIZE.search(body)
    if box is None:
        raise ValueError(f"{name}: not a drawing with a viewBox")
    width = float(box[1].split()[2]) * _PIXELS * _STRETCH
    body = render("drawing_head.html", layout=layout, box=box[1], width=round(width)) + body[box.end() :]
    for glyph in _GLYPH.finditer(body):
        glyphs[glyph[1]] = _SPACE.sub(" ", glyph[0].replace('id="', 'id="glyph-', 1))
    own = f"{name}-{layout}-"
    body = _ID.sub(lambda m: m[1] + ("glyph-" if m[2] in glyphs else own) + m[2], _GLYPH.sub("", body))
    body = _DIGITS.sub(r"\1", _COLOUR.sub(_ink, body))
    return _EMPTY.sub("", _SPACE.sub(" ", body).replace("> <", "><"))


def inline_drawings(site: Path, wide: Path) -> None:
    """Put every figure of the rendered pages into its page; `wide` holds the wide layouts, by name."""
    seen: set[Path] = set()
    for page in sorted(site.rglob("*.html")):
        text = page.read_text(encoding="utf-8")
        glyphs: dict[str, str] = {}

        def drawn(match: re.Match[str], page: Path = page, glyphs: dict[str, str] = glyphs) -> str:
            source, name = (page.parent / match["source"]).resolve(), match["name"]
            seen.add(source)
            layouts = {"own": source, "wide": wide / f"{name}{WIDE}.svg"}
            shown = [inline(f.read_text("utf-8"), name, layout, glyphs) for layout, f in layouts.items() if f.is_file()]
            told = html.unescape(match["alt"]).strip()
            return match["open"] + render("drawing.html", told=told, drawings=[Markup(svg) for svg in shown])

        changed = _PICTURE.sub(drawn, text)
        if changed != text:
            store = render("glyphs.html", glyphs=[Markup(glyphs[name]) for name in sorted(glyphs)])
            page.write_text(changed.replace(_DRAWING, store + _DRAWING, 1), encoding="utf-8")
    for source in seen:
        source.unlink(missing_ok=True)
