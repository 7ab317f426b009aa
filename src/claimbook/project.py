"""A book project on disk: its sources, its settings, and where its results and site lie."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

ROOT = "CLAIMBOOK_ROOT"
"""Names the folder of the book whose chapter is at work."""

BUILD = "_build"
"""The folder of results in the book's folder, unless another one is named. Jupyter Book writes there as well."""


class BookError(Exception):
    """A mistake in the request or in a source file. The message names the cure; nothing has run."""


class BuildFailed(Exception):  # noqa: N818
    """Something ran and did not hold: a chapter, the rendering, or a check of the site."""


@dataclass(frozen=True)
class Settings:
    """What a book says of itself under `[tool.claimbook]` in its pyproject.toml; every entry may be missing.

    `sources` are files and folders (relative to the book) that every chapter depends on, `preload` modules that most of
    them import, which are then loaded once for all; `statements` is the YAML file of the statements that claims test.
    `wheels` are folders with a pyproject.toml: the packages that notebooks need; `api` packages whose documentation is
    generated, so that code names lead there; `elsewhere` the addresses of that of other packages, where `{name}` stands
    for the whole name of an object. `mutations` is the folder of errors put in on purpose, `evidence` that of the
    recorded tables `seeds` and `mutations` that the page of claims shows; `print_formulas` one with MathJax's
    `tex-chtml.js` and its fonts, in which PDFs set their formulas; `site_megabytes` what the site may take at most,
    with its PDFs and other downloads.
    """

    sources: tuple[str, ...] = ("src",)
    preload: tuple[str, ...] = ()
    statements: str | None = None
    wheels: tuple[str, ...] = ()
    api: tuple[str, ...] = ()
    preview: str | None = None
    print_formulas: str | None = None
    mutations: str | None = None
    evidence: str | None = None
    site_megabytes: float | None = None
    elsewhere: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Results:
    """A folder among the results of a project, as an attribute of it."""

    name: str

    def __get__(self, project: Project, owner: type[Project] | None = None) -> Path:
        return project.build / self.name


@dataclass(frozen=True)
class Project:
    """Paths of a book whose `_config.yml` and `_toc.yml` lie in `root`; results go to `output` (default: _build)."""

    root: Path
    output: Path | None = None

    @classmethod
    def find(cls, start: Path | None = None) -> Project:
        """The project around `start` (default: the working directory), looking upwards."""
        here = (start or Path.cwd()).resolve()
        for folder in (here, *here.parents):
            if (folder / "_toc.yml").is_file() and (folder / "_config.yml").is_file():
                return cls(folder)
        raise BookError(
            f"no book at {here} or above it (a folder with _config.yml and _toc.yml): "
            "change to the folder of the book, or name it with --root"
        )

    def check(self) -> Project:
        """The project itself; BookError where no book lies in its root."""
        for name in ("_config.yml", "_toc.yml"):
            if not (self.root / name).is_file():
                raise BookError(f"no book in {self.root} (there is no {name}): name another folder with --root")
        for place, cure in ((self.root, "rename that folder"), (self.build, "name another one with --output")):
            if os.pathsep in str(place):
                raise BookError(f"{place}: Python's lists of folders cannot hold a name with {os.pathsep!r}: {cure}")
        for name in ("book", *self.settings.sources):
            if self.build.is_relative_to(self.root / name):
                raise BookError(f"{self.build} lies among the sources ({name}): name another folder with --output")
        return self

    @cached_property
    def settings(self) -> Settings:
        file = self.root / "pyproject.toml"
        if not file.is_file():
            return Settings()
        try:
            entries = tomllib.loads(file.read_text(encoding="utf-8")).get("tool", {}).get("claimbook", {})
            lists = {name: tuple(entries.get(name, getattr(Settings, name))) for name in ("sources", "wheels", "api")}
            return Settings(**{**entries, **lists})
        except (tomllib.TOMLDecodeError, UnicodeDecodeError, TypeError) as error:
            raise BookError(f"pyproject.toml: [tool.claimbook] cannot be read: {error}") from None

    @property
    def build(self) -> Path:
        return self.output or self.root / BUILD

    cache, work, staged, html = Results("cache"), Results("work"), Results("staged"), Results("html")

    def import_path(self) -> str:
        """PYTHONPATH under which the book's own sources come first: `src`, then the book's folder itself."""
        own = [str(folder) for folder in (self.root / "src", self.root) if folder.is_dir()]
        given = [entry for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry]
        return os.pathsep.join(dict.fromkeys(own + given))
