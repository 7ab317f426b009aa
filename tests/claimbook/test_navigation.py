"""The list of all pages beside each of them: made from titles, it is the one that Sphinx makes from everything."""

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from tiny_site import command, pages, rendered

from claimbook.project import Project

FIRST = {
    "ours": "import claimbook.navigation",
    "sphinx": "from claimbook import navigation; navigation.by_titles = lambda app, page, shown: shown",
    "control": "from claimbook import navigation; settle = navigation.settle; navigation.settle = lambda app, env: "
    "(settle(app, env), env.claimbook_titles.update(dict.fromkeys(env.tocs, env.tocs['book/page_a'])))",
}
SECTIONED = "# A page of {0}\n\n## Section {0}\n\nHere.\n\n### Of it\n\nThere.\n\n## The other one\n\nBeyond.\n"


@pytest.mark.slow
def test_pages_are_listed_as_sphinx_lists_them(book: Callable[..., Project], tmp_path: Path) -> None:
    """Titles only, whatever else a page holds, and those of pages below it; control: titles make the list."""
    project = book(pages() | {f"page_{name}": SECTIONED.format(name) for name in "abc"}, site=True)
    contents = yaml.safe_load((project.root / "_toc.yml").read_text())
    *flat, below = contents["chapters"]
    flat[-1]["sections"] = [below]
    (project.root / "_toc.yml").write_text(yaml.safe_dump(contents | {"chapters": flat}))
    assert command(project, "build") == 0
    made = {name: rendered(project, tmp_path / name, first=first)[0] for name, first in FIRST.items()}
    differs = {name: files != made["sphinx"] for name, files in made.items()}
    assert differs == {"ours": False, "sphinx": False, "control": True}
    page = made["ours"]["book/page_a.html"].decode()
    beside = page[page.index("bd-docs-nav") : page.index("</nav>", page.index("bd-docs-nav"))]
    assert "A page of c" in beside
    assert "Section" not in beside
    assert "Section a" in page
