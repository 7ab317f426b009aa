"""Templates: what the book writes as HTML, escaped."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from jinja2 import UndefinedError
from markupsafe import Markup

from claimbook.templates import FOLDER, render

REPOSITORY = Path(__file__).parents[2]
SOURCES = [file for wing in ("src/claimbook", "book") for file in sorted((REPOSITORY / wing).rglob("*.py"))]
"""The library, which needs torch, numpy and scipy only, has no engine of templates for its one table of a lab."""

TAG = re.compile(r"<[a-z][a-z0-9]* [a-z-]+=|</[a-z][a-z0-9]*>")


def written_tags(source: str) -> Iterator[int]:
    """Lines of f-strings that hold a tag; those given to ``re`` match a page instead of writing it."""
    tree = ast.parse(source)
    patterns = {
        id(part)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("re.")
        for part in ast.walk(node)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr) and id(node) not in patterns:
            text = "".join(part.value for part in node.values if isinstance(part, ast.Constant))
            if TAG.search(text):
                yield node.lineno


def test_no_source_writes_html_itself() -> None:
    found = [f"{file.relative_to(REPOSITORY)}:{line}" for file in SOURCES for line in written_tags(file.read_text())]
    assert not found, f"write a template for {found}"


def test_a_tag_in_an_f_string_is_seen() -> None:
    assert list(written_tags("a = 1\nb = f'<p class=\"x\">{a}</p>'")) == [2]
    assert not list(written_tags("import re\nb = re.compile(rf'<p>{a}</p>')"))


def test_values_are_escaped_unless_marked_and_none_may_be_missing(tmp_path: Path) -> None:
    (tmp_path / "own.html").write_text('<p title="{{ text }}">{{ text }}</p>\n')
    assert render("own.html", tmp_path, text='<"') == '<p title="&lt;&#34;">&lt;&#34;</p>'
    assert render("own.html", tmp_path, text=Markup("<b>")) == '<p title="<b>"><b></p>'
    assert render("paragraph.html", tmp_path, css="c", text="a & b") == '<p class="c">a &amp; b</p>'
    with pytest.raises(UndefinedError, match="text"):
        render("own.html", tmp_path)


def test_every_template_is_in_the_wheel_and_used() -> None:
    text = "".join(file.read_text() for file in [*(FOLDER.parent).glob("*.py"), *FOLDER.iterdir()])
    assert {file.suffix for file in FOLDER.iterdir()} == {".html", ".xml"}  # what the wheel's package data names
    assert all(f'"{file.name}"' in text for file in FOLDER.iterdir())
