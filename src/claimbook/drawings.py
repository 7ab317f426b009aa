"""Figures as part of their page: inline, in the page's own ink, in the layout that its column has room for.

A figure comes in two layouts, its own and a wide one; a style sheet shows the one that fits (`drawing-own`,
`drawing-wide`). Black becomes `currentcolor`, and every other colour #rrggbb the variable --figure-rrggbb with that
colour as fallback, so that a style sheet can give a dark page other colours.
"""

from __future__ import annotations

import html
import os
import re
import shutil
from dataclasses import dataclass, field
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
_METADATA = re.compile(r"<metadata>.*?</metadata>|<!--.*?-->", re.S)
_GROUP = re.compile(r'<g id="[^"]*"')  # nothing refers to a group
_DIGITS = re.compile(r"(?:scale|matrix)\([^)]*\)|(\d\.\d\d)\d+")
_USE = r'<use href="#[^"]*"[^>]*/>'
_SHIFTED = re.compile(r'(<use href="#[^"]*") transform="translate\(([-\d.]+) ([-\d.]+)\)"')
_CLIPPED = re.compile(rf'(<g clip-path="[^"]*">)((?:\s*{_USE})+\s*)</g>(?:\s*\1((?:\s*{_USE})+\s*)</g>)+')
_ALIKE = re.compile(rf'(?P<start><g(?: clip-path="[^"]*")?)(?P<rest>>(?:\s*{_USE}){{2,}}\s*</g>)')
_OPACITY = re.compile(r"(?<!-)opacity")
_STYLE = re.compile(r' style="[^"]*"')
_LINES = re.compile(r"(?<= L) [-\d.]+ [-\d.]+(?: L [-\d.]+ [-\d.]+)+")
_COLOUR = re.compile(r"(?<=: )#([0-9a-f]{6})\b")
_DRAWING = '<div class="drawing'
_EMPTY = re.compile(r"<defs>\s*</defs>")
_SPACE = re.compile(r"\s*\n\s*")


def _ink(match: re.Match[str]) -> str:
    return "currentcolor" if match[1] == "000000" else f"var(--figure-{match[1]},#{match[1]})"


@dataclass(frozen=True)
class Shared:
    """What the drawings of one page share: their glyphs, by identifier, and a short identifier for each long one."""

    glyphs: dict[str, str] = field(default_factory=dict)
    identifiers: dict[str, str] = field(default_factory=dict)

    def identifier(self, name: str) -> str:
        return self.identifiers.setdefault(name, f"d{len(self.identifiers)}")


def _one_style(group: re.Match[str]) -> str:
    """A group whose marks look alike says so once; not their opacity, which would be that of the group as a whole."""
    styles = _STYLE.findall(group[0])
    if len(set(styles)) != 1 or len(styles) < group[0].count("<use") or _OPACITY.search(styles[0]):
        return group[0]
    return group["start"] + styles[0] + _STYLE.sub("", group["rest"])


def _lighter(svg: str) -> str:
    """The same picture, shorter: two decimals (a hundredth of a point), no indents, what marks share said once."""
    short = _SPACE.sub(" ", _GROUP.sub("<g", svg)).replace("xlink:href=", "href=")
    short = _DIGITS.sub(lambda m: m[1] or m[0], short)
    short = _SHIFTED.sub(lambda m: f'{m[1]} x="{m[2]}"' + ("" if m[3] == "0" else f' y="{m[3]}"'), short)
    short = _CLIPPED.sub(lambda m: m[1] + m[0].replace(m[1], "").replace("</g>", "") + "</g>", short)
    return _LINES.sub(lambda m: m[0].replace(" L", ""), _ALIKE.sub(_one_style, short))


def compact(svg: str) -> str:
    """A drawing for a file of its own, small."""
    shared = Shared()
    return _ID.sub(lambda m: m[1] + shared.identifier(m[2]), _lighter(_METADATA.sub("", svg)))


def inline(svg: str, name: str, layout: str, shared: Shared) -> str:
    """A drawing for the inside of a page: no ground of its own, identifiers of its own, colours by variables.

    Its glyphs are moved into `shared`: a page holds each only once.
    """
    body = _lighter(_GROUND.sub("", _PREAMBLE.sub("", svg), count=1))
    box = _SIZE.search(body)
    if box is None:
        raise ValueError(f"{name}: not a drawing with a viewBox")
    width = float(box[1].split()[2]) * _PIXELS * _STRETCH
    body = render("drawing_head.html", layout=layout, box=box[1], width=round(width)) + body[box.end() :]
    found = {glyph[1]: glyph for glyph in _GLYPH.finditer(body)}
    for glyph in found.values():
        identifier = shared.identifier(glyph[1])
        shared.glyphs[identifier] = glyph[0].replace(f'id="{glyph[1]}"', f'id="{identifier}"', 1)
    own = f"{name}-{layout}-"
    body = _ID.sub(lambda m: m[1] + shared.identifier(m[2] if m[2] in found else own + m[2]), _GLYPH.sub("", body))
    return _EMPTY.sub("", _COLOUR.sub(_ink, body).replace("> <", "><"))


def _full(name: str, drawings: Path, page: Path, images: Path, told: str) -> str:
    """What is shown below a figure that was also drawn at full size; its file is put among the images."""
    file, origin = (drawings / f"{name}-full{suffix}" for suffix in (".svg", ".txt"))
    if not file.is_file():
        return ""
    shutil.copyfile(file, images / file.name)
    source = os.path.relpath(images / file.name, page.parent)
    return render("full_size.html", source=source, told=told, origin=origin.read_text(encoding="utf-8"))


def inline_drawings(site: Path, wide: Path) -> None:
    """Put every figure of the rendered pages into its page; `wide` holds the wide layouts, by name."""
    seen: set[Path] = set()
    for page in sorted(site.rglob("*.html")):
        text = page.read_text(encoding="utf-8")
        shared = Shared()

        def drawn(match: re.Match[str], page: Path = page, shared: Shared = shared) -> str:
            source, name = (page.parent / match["source"]).resolve(), match["name"]
            seen.add(source)
            layouts = {"own": source, "wide": wide / f"{name}{WIDE}.svg"}
            shown = [inline(f.read_text("utf-8"), name, layout, shared) for layout, f in layouts.items() if f.is_file()]
            told = html.unescape(match["alt"]).strip()
            drawing = render("drawing.html", told=told, drawings=[Markup(svg) for svg in shown])
            return match["open"] + drawing + _full(name, wide, page, source.parent, told)

        changed = _PICTURE.sub(drawn, text)
        if changed != text:
            store = render("glyphs.html", glyphs=[Markup(glyph) for glyph in shared.glyphs.values()])
            page.write_text(changed.replace(_DRAWING, store + _DRAWING, 1), encoding="utf-8")
    for source in seen:
        source.unlink(missing_ok=True)
