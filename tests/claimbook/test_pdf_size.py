"""A PDF is packed without a change of what it shows."""

from io import BytesIO
from pathlib import Path

import matplotlib
import pikepdf
from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont

from claimbook.pdf_size import FAULT, pack, short

DEJAVU = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"
LETTER = b"/G3 gs\n" + b"".join(b"%d %d l\n" % (10 * i, 10 * i * i) for i in range(8)) + b"f\n"


def _part(letters: str) -> bytes:
    """What Chromium embeds: the glyphs of some letters, at their numbers in the whole font."""
    font = TTFont(DEJAVU)
    subsetter = Subsetter(Options(retain_gids=True))
    subsetter.populate(text=letters)
    subsetter.subset(font)
    out = BytesIO()
    font.save(out)
    return out.getvalue()


def _printed(*letters: str) -> bytes:
    """A page for each set of letters, with its part of the font and the same outline."""
    with pikepdf.new() as pdf:
        for number, text in enumerate(letters):
            page = pdf.add_blank_page(page_size=(200, 200))
            page.Contents = pdf.make_stream(b"q\n.005 0 0 .005 20 20 cm\n" + LETTER + b"Q\n")
            file = pdf.make_stream(_part(text))
            name = pikepdf.Name(f"/AAAAA{number}+DejaVuSans")
            part = pikepdf.Dictionary(Type=pikepdf.Name.FontDescriptor, FontName=name, FontFile2=file)
            descriptor = pdf.make_indirect(part)
            font = pikepdf.Dictionary(Type=pikepdf.Name.Font, Subtype=pikepdf.Name.TrueType, FontDescriptor=descriptor)
            page.Resources = pikepdf.Dictionary(Font=pikepdf.Dictionary(F1=font))
        out = BytesIO()
        pdf.save(out)
    return out.getvalue()


def test_parts_of_a_font_are_joined_and_an_outline_is_kept_once() -> None:
    given = _printed("ab", "bc", "\u00e9g")
    packed = pack(given)
    assert len(packed) < len(given) / 2
    whole = TTFont(DEJAVU)
    with pikepdf.open(BytesIO(packed)) as pdf:
        files = {page.Resources.Font.F1.FontDescriptor.FontFile2.objgen for page in pdf.pages}
        assert len(files) == 1
        stored = pdf.pages[0].Resources.Font.F1.FontDescriptor.FontFile2.read_bytes()
        forms = {page.Resources.XObject.L0.objgen for page in pdf.pages}
        assert len(forms) == 1
        form = pdf.pages[0].Resources.XObject.L0
        assert b"\n70 490 l\nf" in form.read_bytes()
        assert [float(number) for number in form.BBox] == [-1, -1, 71, 491]
        assert all(b"/G3 gs\n/L0 Do\nQ" in page.Contents.read_bytes() for page in pdf.pages)
    font = TTFont(BytesIO(stored))
    names = font.getGlyphOrder()
    named = whole.getBestCmap()
    assert named is not None
    for letter in "abc\u00e9g":
        number = whole.getGlyphID(named[ord(letter)])
        old, new = whole["glyf"][whole.getGlyphName(number)], font["glyf"][names[number]]
        assert new.numberOfContours == old.numberOfContours != 0
        assert (new.xMax, new.yMax) == (old.xMax, old.yMax)
        assert font["hmtx"][names[number]] == whole["hmtx"][whole.getGlyphName(number)]


def test_paths_are_rounded_by_the_scale_at_their_place() -> None:
    def drawn(scale: float, place: float) -> float:
        content = f"{scale} 0 0 -{scale} 0 0 cm\nq\n2 0 0 2 0 0 cm\nQ\n{place} 1 l".encode()
        return float(short(content).split(b"\n")[-1].split()[0])

    for scale in (0.00137, 0.24, 0.75, 1.0, 40.0):
        moved = abs(drawn(scale, 123.45678) - 123.45678) * scale
        assert 0 < moved <= FAULT
    words = b"1.23456 0 0 1 7.65432 8 Tm\n.123456 .2 .3 rg"
    assert short(words) == words, "text and colours stay as they are"
