"""Pieces of throw-away books."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import yaml

from claimbook.project import Project

REPOSITORY = Path(__file__).resolve().parents[2]
STATEMENTS = {
    "sections": {1: "Introduction", 3: "Doubling"},
    "statements": [
        {"id": "theorem-1", "name": "Theorem 1", "section": 1, "paraphrase": "A gap is small."},
        {"id": "theorem-2", "name": "Theorem 2", "section": 1, "paraphrase": "A path falls."},
        {"id": "equation-8", "name": "Equation (8)", "section": 3, "paraphrase": "Twice $x$ is $x + x$."},
    ],
}
"""A book of its own: nothing of the real one is in it."""

PYPROJECT = """[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"
[project]
name = "toy"
version = "1.2"
[tool.setuptools]
package-dir = {"" = "src"}
packages = ["toy"]
package-data = {toy = ["data/*"]}
[tool.claimbook]
sources = ["src"]
statements = "book/statements.yml"
"""

MEASURED = """---
jupytext: {text_representation: {extension: .md, format_name: myst}}
kernelspec: {name: python3, display_name: Python 3}
claimbook: {minutes: 0.1, collects_claims: true}
---

# Measured

```{code-cell} ipython3
from claimbook.measured import claims_summary, claims_table

claims_summary()
```

## Doubling

```{code-cell} ipython3
claims_table(3)
```
"""

DOUBLE = '''"""What is used."""


def double(x):
    """Twice ``x``; |x| and x* are no markup, `x_` is code.

        >>> double(2)
        4
    """
    return 2 * x
'''

SUM_CELLS = ('tier = "quick"  # or "full"\nseed = 0', "import toy\n\nprint(toy.double(seed))")


def chapter_text(
    cells: Sequence[str],
    *,
    prose: str = "",
    parameters: bool = True,
    **more: object,
) -> str:
    """A chapter whose first cell is the parameters cell, unless `parameters` is off."""
    front = {
        "jupytext": {"text_representation": {"extension": ".md", "format_name": "myst"}},
        "kernelspec": {"name": "python3", "display_name": "Python 3"},
        "claimbook": {"minutes": 0.1, **more},
    }
    text = f"---\n{yaml.safe_dump(front)}---\n\n# A tiny chapter\n\n{prose}\n"
    for index, cell in enumerate(cells):
        head = ":tags: [parameters]\n" if index == 0 and parameters else ""
        text += f"\n```{{code-cell}} ipython3\n{head}{cell}\n```\n"
    return text


def make_book(root: Path, chapters: dict[str, str], *, site: bool = False) -> Project:
    """A book of chapters (name or folder/name → text) with a package `toy`; `site` copies what rendering needs."""
    (root / "book").mkdir(parents=True, exist_ok=True)
    (root / "src" / "toy").mkdir(parents=True, exist_ok=True)
    (root / "src" / "toy" / "__init__.py").write_text("from .used import double\n")
    (root / "src" / "toy" / "used.py").write_text(DOUBLE)
    (root / "src" / "toy" / "unused.py").write_text("ANSWER = 42\n")
    (root / "book" / "welcome.md").write_text("# Welcome\n\nA page.\n")
    for name, text in chapters.items():
        page = root / "book" / f"{name}.md"
        page.parent.mkdir(exist_ok=True)
        page.write_text(text)
    toc = {"format": "jb-book", "root": "book/welcome", "chapters": [{"file": f"book/{n}"} for n in chapters]}
    (root / "_toc.yml").write_text(yaml.safe_dump(toc))
    (root / "book" / "statements.yml").write_text(yaml.safe_dump(STATEMENTS))
    (root / "pyproject.toml").write_text(PYPROJECT + ('wheels = ["."]\napi = ["toy"]\n' if site else ""))
    shutil.copy(REPOSITORY / "_config.yml", root / "_config.yml")
    for name in ("static", "vendor", "references.bib") if site else ():
        source, target = REPOSITORY / "book" / name, root / "book" / name
        shutil.copytree(source, target) if source.is_dir() else shutil.copy(source, target)
    return Project(root)
