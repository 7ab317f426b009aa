"""Throw-away books: a folder with the files of a book, tiny chapters, and nothing of the real one."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from throwaway import make_book

from claimbook.project import Project


@pytest.fixture
def book(tmp_path: Path) -> Callable[..., Project]:
    return partial(make_book, tmp_path)
