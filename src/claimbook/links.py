"""Code names as links: what a page imports, calls or names in its text leads to the documentation of that object.

Documentation is generated: one page for every package that `[tool.claimbook] api` names and for every package below.
A name that a cell of the page defines leads to that cell, one of a package in `elsewhere` to that package's own pages.
"""

from __future__ import annotations

import ast
import html
import importlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from markupsafe import Markup

from .project import BookError, Project
from .templates import render

API = "api"
_BLOCK = re.compile(
    r'(<div class="highlight-i?python3? notranslate"><div class="highlight"><pre>)(.*?)(</pre>)', re.DOTALL
)
_SPAN = r'<span class="(?:n|nc|nf|ne|fm|nb|nn)">[\w.]+</span>'
_CHAIN = re.compile(rf'(?<!\.</span>)(?<!<span class="k">def</span> ){_SPAN}(?:<span class="o">\.</span>{_SPAN})*')
_INLINE = re.compile(r'<a\b.*?</a>|<code class="docutils literal notranslate">(?P<code>.*?)</code>', re.DOTALL)
_HEAD = re.compile(r"(?:python -m (?=\w)|(?=[\w.]+(?:\(|$)))([A-Za-z_][\w.]*)")
_DEFINED = re.compile(
    r'<span class="n[fc]">(\w+)</span>'
    r'|^<span class="n">(\w+)</span>(?:<span class="w"> </span>| )<span class="o">=</span>',
    re.MULTILINE,
)
_CLAIMED = re.compile(r"<code>((?:\w|\.|<wbr>)+)</code>")
_TAGS = re.compile(r"<[^>]+>")


def api_pages(project: Project) -> dict[str, str]:
    """Docname → text of the generated pages, the index first; empty where no package is named."""
    pages: dict[str, str] = {}
    for package in project.settings.api:
        place = next((p for p in (project.root / "src" / package, project.root / package) if p.is_dir()), None)
        if place is None:
            raise BookError(f"pyproject.toml: [tool.claimbook] api names {package}, which is neither in src nor here")
        for folder in sorted({f.parent for f in place.rglob("*.py")}):
            name = ".".join([package, *folder.relative_to(place).parts])
            modules = sorted(f.stem for f in folder.glob("*.py") if not f.stem.startswith("__"))
            if (folder / "__init__.py").is_file():
                pages[f"{API}/{name}"] = _page(name, modules)
    if not pages:
        return {}
    listed = "\n".join(f"- [](/{docname})" for docname in pages)
    intro = "Every module, class and function, from its own documentation, with its source.\n"
    return {f"{API}/index": f"# The code\n\n{intro}\n{listed}\n"} | pages


def _page(package: str, modules: Iterable[str]) -> str:
    text = f"# {package}\n\n```{{eval-rst}}\n.. automodule:: {package}\n```\n"
    for module in modules:
        name = f"{package}.{module}"
        text += f"\n## `{module}`\n\n```{{eval-rst}}\n.. automodule:: {name}\n   :members:\n```\n"
    return text


def toc_with(toc: dict[str, Any], pages: Mapping[str, str]) -> dict[str, Any]:
    """The table of contents with the generated pages at its end."""
    if not pages:
        return toc
    first, *rest = pages
    names = [docname.removeprefix(f"{API}/") for docname in rest]
    short = [name.partition(".")[2] or name for name in names]
    entry = {"file": first, "sections": [{"file": d, "title": t} for d, t in zip(rest, short, strict=True)]}
    if "parts" in toc:
        return {**toc, "parts": [*toc["parts"], {"caption": "Code", "chapters": [entry]}]}
    return {**toc, "chapters": [*toc.get("chapters", ()), entry]}


def plain_docstring(lines: list[str]) -> list[str]:
    """A docstring written for people as reStructuredText that says the same: paragraphs, code, literal blocks."""
    out: list[str] = []
    for paragraph in re.split(r"\n\s*\n", "\n".join(lines).strip("\n")):
        if not paragraph.strip():
            continue
        rows = paragraph.split("\n")
        if all(row.startswith(("    ", ">>>", "...")) or not row.strip() for row in rows):
            out += ["::", "", *(f"    {row}" for row in rows), ""]
            continue
        pieces = re.split(r"(``[^`]+``|`[^`]+`)", " ".join(row.strip() for row in rows))
        for place, piece in enumerate(pieces):
            if place % 2:
                pieces[place] = f"\\ ``{piece.strip('`')}``\\ "
            else:
                pieces[place] = re.sub(r"([\\*|`_])", r"\\\1", piece)
        out += ["".join(pieces).strip(), ""]
    return out


@cache
def canonical(dotted: str) -> str | None:
    """Where the object of that dotted name is defined, a field or a property with its class; None where there is none.

    A field of a dataclass is documented with its class: that is what it leads to.
    """
    parts = dotted.split(".")
    for count in range(len(parts), 0, -1):
        try:
            found: Any = importlib.import_module(".".join(parts[:count]))
        except ImportError:
            continue
        if count == len(parts):
            return dotted
        for place, part in enumerate(parts[count:], count):
            owner, last = found, place == len(parts) - 1
            if last and part in getattr(owner, "__dataclass_fields__", ()):
                return f"{owner.__module__}.{owner.__qualname__}"
            try:
                found = getattr(owner, part)
            except AttributeError:
                return None
            if last and isinstance(found, property):
                return f"{owner.__module__}.{owner.__qualname__}.{part}"
        home, name = getattr(found, "__module__", None), getattr(found, "__qualname__", None)
        return f"{home}.{name}" if home and name else dotted
    return None


@dataclass(frozen=True)
class Names:
    """What names mean on one page. `known` says whether an object has documentation; `packages` are documented ones.

    `elsewhere` are addresses by package: of the package, or of an object of it where they hold `{name}`.
    """

    known: Callable[[str], bool]
    packages: tuple[str, ...]
    imported: dict[str, str] = field(default_factory=dict)
    elsewhere: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        cells: Iterable[str],
        known: Callable[[str], bool],
        packages: tuple[str, ...],
        elsewhere: Mapping[str, str] | None = None,
    ) -> Names:
        """The names that the code of a page imports; later imports win."""
        imported = {name: target for source in cells for name, target in _imports(source)}
        return cls(known, packages, imported, elsewhere or {})

    def outside(self, written: str) -> str | None:
        """The address of an object of another package, or None."""
        first, dot, rest = written.partition(".")
        name = self.imported.get(first, first) + dot + rest
        package = name.partition(".")[0]
        address = self.elsewhere.get(package, "")
        if not address or (name == package and "{name}" in address):
            return None
        return address.format(name=name)

    def find(self, written: str) -> str | None:
        """The documented object behind a name as it is written, or None."""
        first, _, rest = written.partition(".")
        tries = [self.imported[first] + (f".{rest}" if rest else "")] if first in self.imported else []
        tries += [written] if first in self.packages else [f"{package}.{written}" for package in self.packages]
        for dotted in tries:
            if dotted.partition(".")[0] not in self.packages:
                continue
            for name in (dotted, canonical(dotted)):
                if name and self.known(name):
                    return name
        return None


def _imports(source: str) -> Iterator[tuple[str, str]]:
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from ((a.asname or a.name, f"{node.module}.{a.name}") for a in node.names)
        elif isinstance(node, ast.Import):
            yield from ((a.asname or a.name, a.name) for a in node.names if a.asname or "." not in a.name)


def cells_of(path: Path) -> list[str]:
    """The code cells of a notebook; none of any other page."""
    if path.suffix != ".ipynb":
        return []
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]


def linked(body: str, names: Names, address: Callable[[str], str]) -> str:
    """The page with every name in code cells, in the text and in tables of claims that is known as a link."""
    places: dict[str, str] = {}

    def link(inner: str, name: str, to: str = "") -> str:
        return render("code_link.html", address=to or address(name), name=name, inner=Markup(inner))

    def chain(match: re.Match[str]) -> str:
        """The longest part of a dotted name, from its start, that is known."""
        spans = re.split(r'(?<=</span>)<span class="o">\.</span>', match[0])
        words = [_TAGS.sub("", span) for span in spans]
        for count in range(len(words), 0, -1):
            meant = words[0] in names.imported or '"nn"' in spans[0]
            name = names.find(".".join(words[:count])) if meant else None
            if name:
                dot = '<span class="o">.</span>'
                return dot.join([link(dot.join(spans[:count]), name), *spans[count:]])
        return match[0]

    def inline(match: re.Match[str]) -> str:
        head = _HEAD.match(html.unescape(_TAGS.sub("", match["code"] or "")))
        if head is None:
            return match[0]
        if head[1] in places:
            return link(match[0], head[1], f"#{places[head[1]]}")
        if name := names.find(head[1]):
            return link(match[0], name)
        to = names.outside(head[1])
        return link(match[0], head[1], to) if to else match[0]

    def claimed(match: re.Match[str]) -> str:
        text = match[1].replace("<wbr>", "")
        name = names.find(text) if "." in text else None
        return link(match[0], name) if name else match[0]

    def block(match: re.Match[str]) -> str:
        new = [name for found in _DEFINED.findall(match[2]) for name in found if name and name not in places]
        places.update(dict.fromkeys(new, f"code-{new[0]}") if new else {})
        start = match[1].replace("<div", "<div" + f' id="code-{new[0]}"', 1) if new else match[1]
        return start + _CHAIN.sub(chain, match[2]) + match[3]

    return _CLAIMED.sub(claimed, _INLINE.sub(inline, _BLOCK.sub(block, body)))
