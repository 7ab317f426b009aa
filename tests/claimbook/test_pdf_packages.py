"""The step that prints says what is missing before it prints."""

from collections.abc import Callable

import pytest

from claimbook import pdf
from claimbook.project import BookError, Project


def test_a_missing_package_is_named_at_once(book: Callable[..., Project], monkeypatch: pytest.MonkeyPatch) -> None:
    """It was a traceback, after minutes of printing."""
    monkeypatch.setattr(pdf, "PACKAGES", ("json", "no_such_package"))
    with pytest.raises(BookError, match=r"pip install no_such_package$"):
        pdf.make_pdfs(book({}))
