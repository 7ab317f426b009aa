"""What the cells of the chapters show: nothing that a reader should see is thrown away."""

import ast

import pandas as pd
import pytest

from book.shared import table
from claimbook.chapters import Chapter
from this_book import BOOK


def thrown_away(source: str) -> list[str]:
    """Values that a cell computes and neither keeps nor shows: names, and figures that are not its last expression."""
    found = []
    for node in ast.parse(source).body[:-1]:
        value = node.value if isinstance(node, ast.Expr) else None
        figure = isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id == "show"
        if figure or isinstance(value, ast.Name | ast.Attribute | ast.Subscript):
            found.append(ast.unparse(value))
    return found


@pytest.mark.parametrize("chapter", BOOK.chapters, ids=lambda c: c.name)
def test_no_cell_throws_away_what_it_should_show(chapter: Chapter):
    cells = [cell.source for cell in chapter.notebook().cells if cell.cell_type == "code"]
    assert [lost for source in cells for lost in thrown_away(source)] == []


def test_a_value_that_is_thrown_away_would_be_seen():
    assert thrown_away('origin\nshow(f, "fig-a")\nnumber("n", 1)\norigin') == ["origin", "show(f, 'fig-a')"]


def test_tables_are_shown_at_any_place_of_a_cell(monkeypatch):
    shown = []
    monkeypatch.setattr(table, "display", shown.append)
    for caption in ("One.", "Two."):
        assert table.show_table(pd.DataFrame({"N": [1, 2]}), caption) is None
    assert [one.caption for one in shown] == ["One.", "Two."]
    assert all("<table" in one.html for one in shown)
