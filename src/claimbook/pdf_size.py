"""A printed PDF in fewer bytes, its look and its text unchanged: shared fonts, shared letters, no idle decimals.

Chromium embeds of every printed page the part of each font that the page needs, and keeps in it the numbers of the
glyphs: the parts of one font are joined. Letters of figures are outlines, drawn anew at each place: each is kept once.
"""

from __future__ import annotations

import re
from collections import Counter
from io import BytesIO
from typing import Any

FAULT = 0.04
"""Points by which a place on the paper may move: a third of a dot of a printer with 600 dots an inch."""

_NUMBER = re.compile(rb"-?\d*\.?\d+")
_FRACTION = re.compile(rb"-?\d*\.\d+")
_OUTLINE = re.compile(rb"^(/G\d+ gs\n)((?:[-\d. ]+ [mlc]\n|h\n){6,}f\*?)\n", re.M)
_FONT_TABLES = frozenset(("GlyphOrder", "OS/2", "cmap", "glyf", "head", "hhea", "hmtx", "loca", "maxp"))


def _rounded(number: bytes, digits: int) -> bytes:
    value = round(float(number), digits)
    return b"%d" % value if value == int(value) else repr(value).encode()


def _digits(scale: float) -> int:
    """Decimals that keep a place within FAULT where a unit is `scale` points; −1: tens are enough."""
    return next(d for d in range(-1, 9) if 0.5 * 10.0**-d * scale <= FAULT)


def short(content: bytes) -> bytes:
    """A page's content with its paths rounded, to FAULT on the paper, by the scale that holds at each place."""
    out, scale, kept = [], 1.0, []
    for line in content.split(b"\n"):
        operator = line[line.rfind(b" ") + 1 :]
        if operator == b"q":
            kept.append(scale)
        elif operator == b"Q" and kept:
            scale = kept.pop()
        elif operator == b"cm":
            a, b, c, d = (abs(float(number)) for number in line.split()[:4])
            scale *= max(a, b, c, d)
        elif operator in (b"m", b"l", b"c", b"re"):
            digits = _digits(scale)
            numbers = _NUMBER if digits < 0 else _FRACTION
            line = numbers.sub(lambda m, digits=digits: _rounded(m[0], digits), line)
        out.append(line)
    return b"\n".join(out)


def _form(pdf: Any, outline: bytes) -> Any:
    import pikepdf

    numbers = [float(number) for number in _NUMBER.findall(outline)]
    box = [min(numbers[::2]) - 1, min(numbers[1::2]) - 1, max(numbers[::2]) + 1, max(numbers[1::2]) + 1]
    form = pikepdf.Stream(pdf, outline, Type=pikepdf.Name.XObject, Subtype=pikepdf.Name.Form, BBox=box)
    return pdf.make_indirect(form)


def _share_letters(pdf: Any) -> None:
    """Outlines that are drawn more than once become forms, which pages name."""
    import pikepdf

    for page in pdf.pages:
        page.contents_coalesce()
    contents = [short(page.Contents.read_bytes()) for page in pdf.pages]
    counts = Counter(found[2] for content in contents for found in _OUTLINE.finditer(content))
    forms: dict[bytes, tuple[str, Any]] = {}
    for page, content in zip(pdf.pages, contents, strict=True):
        used = {}

        def named(match: re.Match[bytes], used: dict[str, Any] = used) -> bytes:
            if counts[match[2]] == 1:
                return match[0]
            if match[2] not in forms:
                forms[match[2]] = f"/L{len(forms)}", _form(pdf, match[2])
            name, used[name] = forms[match[2]]
            return match[1] + name.encode() + b" Do\n"

        page.Contents.write(_OUTLINE.sub(named, content))
        if used:
            resources = pikepdf.Dictionary(page.Resources)
            resources.XObject = pikepdf.Dictionary(dict(resources.get("/XObject", {})) | used)
            page.Resources = pdf.make_indirect(resources)


def _open_font(content: bytes) -> Any:
    from fontTools.ttLib import TTFont

    font = TTFont(BytesIO(content), recalcTimestamp=False)
    font.setGlyphOrder([f"g{number}" for number in range(font["maxp"].numGlyphs)])
    return font


def _joined(parts: list[Any]) -> bytes:
    """One font with the glyphs of all parts, at their numbers; without hints and rules, for which a PDF has no use."""
    base, *others = sorted(parts, key=lambda font: -font["maxp"].numGlyphs)
    for other in others:
        for name in other.getGlyphOrder():
            if other["glyf"][name].numberOfContours and not base["glyf"][name].numberOfContours:
                base["glyf"][name], base["hmtx"][name] = other["glyf"][name], other["hmtx"][name]
    for name in base.getGlyphOrder():
        base["glyf"][name].removeHinting()
    for table in set(base.keys()) - _FONT_TABLES:
        del base[table]
    out = BytesIO()
    base.save(out)
    return out.getvalue()


def _share_fonts(pdf: Any) -> None:
    """Give all parts of a font (the name behind the tag) one file."""
    import pikepdf

    owners: dict[str, list[Any]] = {}
    for thing in pdf.objects:
        if isinstance(thing, pikepdf.Dictionary) and thing.get("/Type") == "/FontDescriptor" and "/FontFile2" in thing:
            owners.setdefault(str(thing.FontName).split("+")[-1], []).append(thing)
    for descriptors in owners.values():
        files = {descriptor.FontFile2.objgen: descriptor.FontFile2 for descriptor in descriptors}
        joined = _joined([_open_font(file.read_bytes()) for file in files.values()])
        file = pdf.make_indirect(pikepdf.Stream(pdf, joined, Length1=len(joined)))
        for descriptor in descriptors:
            descriptor.FontFile2 = file


def pack(content: bytes) -> bytes:
    """A PDF that Chromium printed, or several joined, in fewer bytes."""
    import pikepdf

    out = BytesIO()
    pikepdf.settings.set_flate_compression_level(9)
    with pikepdf.open(BytesIO(content)) as pdf:
        _share_fonts(pdf)
        _share_letters(pdf)
        pdf.save(out, object_stream_mode=pikepdf.ObjectStreamMode.generate, recompress_flate=True)
    return out.getvalue()
