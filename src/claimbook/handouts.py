"""Decks as PDF and figures as PowerPoint, made from a site's folder `decks` by a browser without a network."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bs4 import BeautifulSoup
from pptx import Presentation
from pptx.opc.constants import RELATIONSHIP_TYPE
from pptx.opc.package import Part
from pptx.opc.packuri import PackURI
from pptx.oxml import parse_xml
from pptx.util import Inches

from .browser import chromium

WIDTH, HEIGHT = 13.333, 7.5
"""Inches of a slide, 16 : 9."""

SCALE = 2
"""Pixels of the picture that stands in for a drawing, for one of its own."""

_SVG = (
    '<a:extLst xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main" '
    'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships">'
    '<a:ext uri="{{96DAC541-7B7A-43D3-8B79-37D633B846F1}}">'
    '<asvg:svgBlip xmlns:asvg="http://schemas.microsoft.com/office/drawing/2016/SVG/main" r:embed="{}"/>'
    "</a:ext></a:extLst>"
)
"""What tells PowerPoint (2016 and later) that a picture has a drawing, which it can convert to shapes."""


@dataclass(frozen=True)
class Drawing:
    """A figure of a deck."""

    title: str
    alt: str
    notes: str
    file: Path


def drawings(decks: Path) -> Iterator[Drawing]:
    """The figures of all decks, deck by deck."""
    for page in sorted(decks.glob("*.html")):
        for image in BeautifulSoup(page.read_bytes(), "html.parser").select("section > img"):
            heading = image.find_previous_sibling("h2")
            title = heading.get_text() if heading is not None else ""
            said = image.find_next_sibling("aside")
            notes = "\n\n".join(p.get_text().strip() for p in said.find_all("p")) if said is not None else ""
            yield Drawing(title.strip(), str(image["alt"]), notes, decks / str(image["src"]))


def _picture(page: Any, file: Path) -> bytes:
    page.goto(file.as_uri())
    return page.locator("svg").first.screenshot()


def _add(presentation: Any, drawing: Drawing, picture: bytes) -> None:
    """A slide: title, drawing, its description for who cannot see it, and the rest of the caption as notes."""
    slide = presentation.slides.add_slide(presentation.slide_layouts[5])
    slide.shapes.title.text = drawing.title
    slide.notes_slide.notes_text_frame.text = drawing.notes
    shown = slide.shapes.add_picture(io.BytesIO(picture), 0, 0)
    room = Inches(WIDTH - 1), Inches(HEIGHT - 1.9)
    scale = min(room[0] / shown.width, room[1] / shown.height)
    shown.width, shown.height = int(shown.width * scale), int(shown.height * scale)
    shown.left, shown.top = int((Inches(WIDTH) - shown.width) / 2), Inches(1.7)
    # python-pptx has no public way to a description, nor to a picture in two formats
    shown._element.nvPicPr.cNvPr.set("descr", drawing.alt)  # as said
    name = PackURI(f"/ppt/media/{drawing.file.name}")
    part = Part(name, "image/svg+xml", slide.part.package, drawing.file.read_bytes())
    relation = slide.part.relate_to(part, RELATIONSHIP_TYPE.IMAGE)
    shown._element.blipFill.blip.append(parse_xml(_SVG.format(relation)))  # as said


def write_handouts(site: Path, place: Path) -> None:
    """Write `<deck>.pdf` for every deck of a site, and `figures.pptx` with all their figures, into `place`.

    BookError where there is no Chromium.
    """
    decks = site / "decks"
    place.mkdir(parents=True, exist_ok=True)
    presentation = Presentation()
    presentation.slide_width, presentation.slide_height = Inches(WIDTH), Inches(HEIGHT)
    for placeholder in presentation.slide_layouts[5].placeholders:
        placeholder.left, placeholder.top, placeholder.width, placeholder.height = (
            Inches(x) for x in (0.5, 0.3, WIDTH - 1, 1.2)
        )
    with chromium() as browser:
        page = browser.new_page(device_scale_factor=SCALE)
        for deck in sorted(decks.glob("*.html")):
            page.goto(f"{deck.as_uri()}?print-pdf")
            page.wait_for_selector("html[data-ready]")
            count = page.locator(".pdf-page").count()  # an empty page may follow them
            made = {"prefer_css_page_size": True, "print_background": True, "page_ranges": f"1-{count}"}
            page.pdf(path=place / f"{deck.stem}.pdf", **made)
        for drawing in drawings(decks):
            _add(presentation, drawing, _picture(page, drawing.file))
    presentation.save(str(place / "figures.pptx"))
