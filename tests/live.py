"""Figures that a reader moves, outside the site: their mathematics in Node, their pages in a browser."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from book.shared.live import Live
from claimbook.browser import Events
from tests.node import NODE

STATIC = Path(__file__).parents[1] / "book" / "static"
COLOURS = "--pst-color-{}: {};"
PAGE = """<!doctype html><html lang="en" data-theme="light"><head><meta charset="utf-8"><title>t</title>
<style>{themes}
body {{ background: var(--pst-color-background); color: var(--pst-color-text-base); }}</style>
{styles}{scripts}</head><body><main>{body}</main></body></html>"""
THEMES = {
    "light": {
        "background": "#fff",
        "surface": "#f3f4f5",
        "text-base": "#222832",
        "border": "#d1d5da",
        "primary": "#0a7d91",
    },
    "dark": {
        "background": "#121212",
        "surface": "#222832",
        "text-base": "#ced6dd",
        "border": "#48566b",
        "primary": "#3fb1c5",
    },
}


def javascript(script: str, expression: str) -> Any:
    """The value of an expression in which ``it`` is what the script exports."""
    assert NODE is not None
    code = f"const it = require({json.dumps(str(STATIC / script))}); console.log(JSON.stringify({expression}))"
    return json.loads(subprocess.run([NODE, "-e", code], capture_output=True, text=True, check=True).stdout)


def data_of(figure: Live) -> str:
    """The figure's numbers as the page holds them."""
    return json.dumps(figure.data)


@contextmanager
def opened(browser: Any, folder: Path, body: str, *, width: int = 390) -> Iterator[Any]:
    """A page of the book's figures in the browser; what went wrong is in ``page.events.found``."""
    themes = " ".join(
        f"html[data-theme={theme}] {{ {' '.join(COLOURS.format(*item) for item in colours.items())} }}"
        for theme, colours in THEMES.items()
    )
    styles = "".join(f'<link rel="stylesheet" href="{(STATIC / n).as_uri()}">' for n in ("book.css", "live.css"))
    loaded = yaml.safe_load((STATIC.parents[1] / "_config.yml").read_text(encoding="utf-8"))
    names = loaded["sphinx"]["config"]["html_js_files"]
    scripts = "".join(f'<script src="{(STATIC / name).as_uri()}"></script>' for name in names)
    file = folder / "page.html"
    text = PAGE.format(themes=themes, styles=styles, scripts=scripts, body=body)
    file.write_text(text, encoding="utf-8")
    page = browser.new_page(viewport={"width": width, "height": 1400}, has_touch=True)
    page.events = Events(page)
    page.goto(file.as_uri())
    yield page
    page.close()


def html_of(figure: Live) -> str:
    return figure._repr_mimebundle_()["text/html"]


def drag(page: Any, picture: str, start: tuple[float, float], end: tuple[float, float]) -> None:
    """The mouse pressed on a picture and moved, in shares of its width and height."""
    area = page.locator(f'[data-picture="{picture}"]').bounding_box()
    places = [(area["x"] + x * area["width"], area["y"] + y * area["height"]) for x, y in (start, end)]
    page.mouse.move(*places[0])
    page.mouse.down()
    page.mouse.move(*places[1], steps=3)
    page.mouse.up()
