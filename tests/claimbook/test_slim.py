"""What is taken out of a site changes nothing that a page shows."""

from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_notebook, new_output

from claimbook.drawings import compact
from claimbook.export import without_drawings
from claimbook.slim import slim

PAGE = """<html>
  <title>A page</title>
  <link rel="stylesheet" href="../_static/book.css?v=1" />
  <script defer src="../_static/scripts/fontawesome.js?digest=1"></script>
  <nav class="bd-links bd-docs-nav" aria-label="Main"> <ul> <li>contents</li> </ul> </nav>
  <a class="navbar-brand logo" href="../book/page.html"> <p class="title logo__title">The book</p> </a>
  <article class="bd-article">
  <p>two
     words</p>
  <pre>def f():
    <span class="k">return</span> <span class="n">x</span></pre>
  </article>
</html>
"""
STYLE = 'src:url(../a.woff2) format("woff2"),url(../a.ttf) format("truetype")'


def test_pages_and_styles_lose_what_nobody_sees(tmp_path: Path) -> None:
    for folder in ("api", "book", "_modules", "_static/scripts"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "api" / "index.html").write_text("<p>x</p>")
    (tmp_path / "api" / "toy.html").write_text(PAGE)
    (tmp_path / "book" / "page.html").write_text(PAGE)
    (tmp_path / "_modules" / "page.html").write_text(PAGE)
    (tmp_path / "_static" / "scripts" / "fontawesome.js").write_text("icons")
    (tmp_path / "_static" / "page.css").write_text(f"{STYLE}\n/*# sourceMappingURL=page.css.map */")
    for name in ("a.woff2", "a.ttf", "only.ttf", "page.css.map"):
        (tmp_path / "_static" / name).write_text("x")
    slim(tmp_path)
    page = (tmp_path / "book" / "page.html").read_text()
    assert "fontawesome" not in page
    assert "<p>two\nwords</p>" in page
    assert 'def f():\n    <span class="k">return</span> <span class="n">x</span>' in page
    assert "contents" in page
    documented = (tmp_path / "api" / "toy.html").read_text()
    assert "contents" not in documented
    assert '<a href="index.html">The code</a></nav>' in documented
    listing = (tmp_path / "_modules" / "page.html").read_text()
    assert "def f():\n    <i class=k>return</i> x</pre>" in listing
    assert "contents" not in listing
    for link in ("../api/index.html", "../book/page.html", "../_static/book.css?v=1"):
        assert f'href="{link}"' in listing
    left = {file.name for file in (tmp_path / "_static").rglob("*") if file.is_file()}
    assert left == {"a.woff2", "only.ttf", "page.css"}
    assert (tmp_path / "_static" / "page.css").read_text().strip() == 'src:url(../a.woff2) format("woff2")'


def test_drawings_keep_their_letters_and_two_decimals() -> None:
    path = '<path d="{}" transform="scale(0.015625)"/>'
    svg = f"<svg>\n <metadata>made</metadata>\n {path.format('M 1.234567 2 ~ L 3 4 ~L 5 6')}\n</svg>".replace("~", "\n")
    assert compact(svg) == f"<svg> {path.format('M 1.23 2 L 3 4 5 6')} </svg>"


def test_marks_of_a_drawing_say_once_what_they_share() -> None:
    def marks(*styles: str) -> str:
        mark = '<g clip-path="url(#c)"> <use xlink:href="#m" x="1" style="{}"/> </g> '
        shown = "".join(map(mark.format, styles))
        return compact(f'<svg><clipPath id="c"/><path id="m"/>{shown}</svg>')

    alike = marks("fill: #ff0000", "fill: #ff0000")
    assert alike.count("style=") == 1
    assert '<g clip-path="url(#d0)" style="fill: #ff0000"> <use href="#d1" x="1"/>' in alike
    for other in ("fill: #0000ff", "fill: #ff0000; opacity: 0.5"):
        kept = marks(other, "fill: #ff0000" if "opacity" not in other else other)
        assert kept.count("style=") == 2, "a colour of its own, or an opacity that a group would mix"


def test_a_notebook_without_its_drawings_says_where_they_are() -> None:
    drawn = new_output("display_data", data={"image/svg+xml": "<svg/>"}, metadata={"kept": 1})
    said = new_output("stream", text="said")
    made = without_drawings(nbformat.writes(new_notebook(cells=[new_code_cell("show()", outputs=[drawn, said])])))
    outputs = nbformat.reads(made, as_version=4).cells[0].outputs
    assert outputs[0].data == {"text/plain": "The figure appears when this cell runs."}
    assert outputs[1].text == "said"
