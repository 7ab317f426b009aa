"""Which of the project's own Python files a chapter uses, found by reading imports, not by running them.

Importing a.b.c runs a/__init__.py and a/b/__init__.py too, so they and what they import count. A file that imports
by name at run time (importlib) cannot be followed: then every file of its package counts. The runner compares the
files that were loaded with this list (see `verify`), so that a miss is an error and never a stale page.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from functools import cache
from pathlib import Path


@cache
def _parsed(path: Path, mtime_ns: int) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def _file_of(module: str, roots: tuple[Path, ...]) -> tuple[Path | None, bool]:
    """(the file of a module or None, whether such a module or folder exists)."""
    for root in roots:
        base = root.joinpath(*module.split("."))
        for path in (base / "__init__.py", base.with_suffix(".py")):
            if path.is_file():
                return path, True
        if base.is_dir():
            return None, True
    return None, False


def _imports(tree: ast.AST, package: str) -> Iterable[str]:
    """Every module name that the code may import; names after `from` may be modules, and are listed too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parents = package.split(".")
                parents = parents[: len(parents) - node.level + 1]
                base = ".".join([*parents, base] if base else parents)
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names if alias.name != "*")


def _imports_by_name(tree: ast.AST) -> bool:
    names = {"import_module", "__import__", "importlib", "runpy"}
    return any(
        (isinstance(node, ast.Name) and node.id in names)
        or (isinstance(node, ast.Attribute) and node.attr in names)
        or (isinstance(node, ast.alias) and node.name.split(".")[0] in names)
        for node in ast.walk(tree)
    )


def used_files(sources: Iterable[str], roots: tuple[Path, ...], modules: Iterable[str] = ()) -> dict[str, Path]:
    """Files under `roots`, by path relative to their root, that the code in `sources` imports, directly or not.

    `modules` are further module names to count in. Libraries outside `roots` are ignored: versions stand for them.
    """
    found: dict[str, Path] = {}
    visited: set[str] = set()
    waiting = [name for source in sources for name in _imports(ast.parse(source), "")]
    waiting += modules

    def add(path: Path) -> str:
        root = next(root for root in roots if path.is_relative_to(root))
        relative = path.relative_to(root).as_posix()
        found[relative] = path
        return relative

    while waiting:
        module = waiting.pop()
        if module in visited or not module:
            continue
        visited.add(module)
        path, exists = _file_of(module, roots)
        if not exists:
            continue
        parent = module.rpartition(".")[0]
        waiting.append(parent)
        if path is None:
            continue
        relative = add(path)
        tree = _parsed(path, path.stat().st_mtime_ns)
        package = module if path.name == "__init__.py" else parent
        waiting.extend(_imports(tree, package))
        if _imports_by_name(tree):
            top = next(root for root in roots if path.is_relative_to(root)) / Path(relative).parts[0]
            for other in top.rglob("*.py") if top.is_dir() else ():
                add(other)
    return dict(sorted(found.items()))
