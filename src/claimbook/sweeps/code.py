"""The code that a function uses: the files reached from its module by imports, and the versions of everything else."""

from __future__ import annotations

import ast
import platform
import sys
import sysconfig
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from importlib import metadata
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any

from ..files import digest

_PYTHON = Path(sysconfig.get_path("stdlib")).resolve()
_INSTALLED = {"site-packages", "dist-packages"}


@cache
def code_of(module: str) -> dict[str, str]:
    """Digests of all files reached by imports from a module, wherever in a file they stand; versions of the rest.

    What lies in a folder of installed packages counts by the version of its distribution. An import by a name made
    while running (``importlib``) is not seen: a sweep names such ``packages``. The result is kept for the life of the
    process, which has loaded the code by then.
    """
    files, outside = _reached(module)
    found = {f"{name}.py": digest(file.read_bytes()) for name, file in files.items()}
    return found | _versions(set(outside)) | {"python": platform.python_version(), "machine": platform.machine()}


def versions_of(packages: Iterable[str]) -> dict[str, str]:
    """Versions of distributions by name, "not installed" where there is none."""
    return {name: _version_or_none(name) for name in packages}


def _version_or_none(name: str) -> str:
    try:
        return _version(name)
    except metadata.PackageNotFoundError:
        return "not installed"


def files_of(module: str) -> tuple[Path, ...]:
    """The files whose digests ``code_of`` tells."""
    return tuple(_reached(module)[0].values())


@cache
def _reached(module: str) -> tuple[dict[str, Path], frozenset[str]]:
    """Files by the name of their module, and the packages that count by their version."""
    found: dict[str, Path] = {}
    outside: set[str] = set()
    waiting, seen = [module], set()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        own = _own(name)
        if own is None:
            outside.add(name.partition(".")[0])
            continue
        found[name], imported = own
        waiting += imported
    return found, frozenset(outside)


@cache
def _own(name: str) -> tuple[Path, tuple[str, ...]] | None:
    """The file of a module and what it may load; None for Python's own and what is installed."""
    file = _file(name)
    if file is None or file.is_relative_to(_PYTHON) or _INSTALLED & set(file.parts):
        return None
    return file, tuple(dict.fromkeys(_imported(name, file, ast.parse(file.read_bytes()))))


def module_of(function: Callable[..., Any]) -> str:
    """The name under which another process imports the module of a function."""
    if function.__module__ != "__main__":
        return function.__module__
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    return spec.name if spec is not None else "__main__"


@cache
def _file(name: str) -> Path | None:
    """The file of a module, found without running any code; None for one that is built in or missing."""
    if name == "__main__":
        file = getattr(sys.modules["__main__"], "__file__", None)
        return Path(file).resolve() if file else None
    path: Any = None
    spec = None
    for depth in range(1, name.count(".") + 2):
        if depth > 1 and path is None:  # of a module that is no package: not of all folders of sys.path
            return None
        spec = PathFinder.find_spec(".".join(name.split(".")[:depth]), path)
        if spec is None:
            return None
        path = spec.submodule_search_locations
    return Path(spec.origin).resolve() if spec and spec.origin and spec.origin.endswith(".py") else None


def _imported(name: str, file: Path, tree: ast.Module) -> Iterator[str]:
    """The modules that a file may load, each with the packages around it; a name that is no module is left out."""
    package = name if file.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: package.count(".") + 2 - node.level] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            names = [base, *(f"{base}.{alias.name}" for alias in node.names if _file(f"{base}.{alias.name}"))]
        else:
            continue
        for full in names:
            parts = full.split(".")
            yield from (".".join(parts[:depth]) for depth in range(1, len(parts) + 1))


def _versions(names: set[str]) -> dict[str, str]:
    """Versions of the distributions that hold these packages; what belongs to none is Python's own."""
    holders = _holders()
    distributions = {holder for name in names for holder in holders.get(name, ())}
    return {f"{name} (installed)": _version(name) for name in sorted(distributions)}


_version = cache(metadata.version)


@cache
def _holders() -> dict[str, list[str]]:
    return dict(metadata.packages_distributions())
