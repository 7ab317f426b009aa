"""Throw-away books: a folder with the files of a book, tiny chapters, and nothing of the real one."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from throwaway import make_book
from tiny_site import command, pages

from claimbook.project import Project


@pytest.fixture
def book(tmp_path: Path) -> Callable[..., Project]:
    return partial(make_book, tmp_path)


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The tiny book, built. Tests that change it leave it as it was."""
    project = make_book(tmp_path_factory.mktemp("site"), pages(), site=True)
    assert command(project, "build") == 0
    return project
