"""Table cells that hold one number are marked, others are left alone."""

import pytest

from claimbook.extension import keep_numbers_whole


@pytest.mark.parametrize("number", ["1", "-0.5", "1.302686e-12", " 8e+05 "])
def test_numbers_in_tables_are_kept_whole(number: str) -> None:
    assert keep_numbers_whole(f"<td>{number}</td>") == f'<td class="number">{number}</td>'


@pytest.mark.parametrize("text", ["a text of words", "1 of 2", "", "1e-3 or less"])
def test_texts_in_tables_may_break(text: str) -> None:
    assert keep_numbers_whole(f"<td>{text}</td>") == f"<td>{text}</td>"
