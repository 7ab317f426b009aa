"""The full tier, which no test can afford to run: what chapters choose by their tier exists and fits the quick one."""

import ast
import builtins
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from claimbook.chapters import Chapter
from this_book import BOOK

TIERED = [c for c in BOOK.chapters if "tier" in {p.name for p in c.parameters}]


def chosen(tree: ast.AST) -> Iterator[ast.expr]:
    """The expressions that are one thing in the quick tier and another one in the full tier."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Subscript):
            chooses = isinstance(node.slice, ast.Name) and node.slice.id == "tier"
        else:
            chooses = isinstance(node, ast.IfExp) and bool({"tier", "full", "quick"} & names(node.test))
        if chooses and isinstance(node, ast.expr):
            yield node


def names(node: ast.AST) -> set[str]:
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}


def cells(chapter: Chapter) -> list[ast.Module]:
    return [ast.parse(cell.source) for cell in chapter.notebook().cells if cell.cell_type == "code"]


def setting(chapter: Chapter, trees: list[ast.Module], tier: str) -> dict[str, Any]:
    """What the chapter imports, its parameters, and the switches that it derives from the tier."""
    found = {p.name: p.default for p in chapter.parameters} | {"tier": tier}
    found |= {"full": tier == "full", "quick": tier == "quick"}
    for tree in trees:
        for node in tree.body:
            if isinstance(node, ast.Import | ast.ImportFrom):
                exec(ast.unparse(node), found)
    return found


@pytest.mark.parametrize("chapter", TIERED, ids=lambda c: c.name)
def test_each_tier_has_values_of_one_kind(chapter: Chapter):
    trees = cells(chapter)
    quick, full = (setting(chapter, trees, tier) for tier in ("quick", "full"))
    loose = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Name)]
    made = {node.id for node in loose if isinstance(node.ctx, ast.Store)}
    found = [expression for tree in trees for expression in chosen(tree)]
    assert found, f"{chapter.name} has a tier and chooses nothing by it"
    for expression in found:
        text = ast.unparse(expression)
        unknown = names(expression) - set(full) - made - set(dir(builtins))
        assert not unknown, f"{text}: nobody makes {', '.join(unknown)}"
        if names(expression) & made - set(full):
            continue  # needs what cells compute
        small, large = (eval(text, dict(place)) for place in (quick, full))
        assert type(small) is type(large) or all(isinstance(x, Sequence) for x in (small, large)), text
        assert small != large, f"{text}: both tiers are the same"
