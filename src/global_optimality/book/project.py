"""A book project on disk: where its sources, results and site lie."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


class BookError(Exception):
    """A mistake in the request or in a source file. The message names the cure; nothing has run."""


class BuildFailed(Exception):  # noqa: N818
    """Something ran and did not hold: a chapter, the rendering, or a check of the site."""


@dataclass(frozen=True)
class Project:
    """Paths of a book whose `_config.yml` and `_toc.yml` lie in `root`."""

    root: Path

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

    @property
    def build(self) -> Path:
        return self.root / "_build"

    @property
    def cache(self) -> Path:
        return self.build / "cache"

    @property
    def work(self) -> Path:
        return self.build / "work"

    @property
    def staged(self) -> Path:
        return self.build / "staged"

    @property
    def html(self) -> Path:
        return self.build / "html"

    def source_roots(self) -> tuple[Path, ...]:
        """Folders whose Python files count as the project's own: its `src`, and this package's parent."""
        own, ours = self.root / "src", Path(__file__).resolve().parents[2]
        return (own, ours) if own.is_dir() and own.resolve() != ours else (ours,)

    def environment(self) -> dict[str, str]:
        """The environment with the project's sources importable."""
        path = [str(folder) for folder in self.source_roots()]
        path += [entry for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry]
        return {**os.environ, "PYTHONPATH": os.pathsep.join(dict.fromkeys(path))}
