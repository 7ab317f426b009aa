"""Parameters of chapters: read, checked before anything runs, and shown as they are in effect."""

import pytest

from claimbook.parameters import effective, parameters_of, parse, substitute
from claimbook.project import BookError

CELL = 'tier = "quick"  # or "full"\nsizes = [1, 2]\nλ = 0.5; seed: int = 3\nflag = False\n'
KNOWN = parameters_of(CELL)


def test_parameters_are_the_literal_assignments() -> None:
    assert {p.name: p.default for p in KNOWN} == {"tier": "quick", "sizes": [1, 2], "λ": 0.5, "seed": 3, "flag": False}


def test_substitution_changes_values_only() -> None:
    shown = substitute(CELL, {"tier": "full", "λ": 0.25, "seed": 3, "sizes": [4]})
    assert shown == 'tier = "full"  # or "full"\nsizes = [4]\nλ = 0.25; seed: int = 3\nflag = False\n'


def test_words_are_read_by_the_type_of_the_default() -> None:
    words = ["tier=full", "sizes=[3]", "λ=1", "flag=true"]
    values = effective(KNOWN, parse(words, KNOWN))
    assert values == {"tier": "full", "sizes": [3], "λ": 1.0, "seed": 3, "flag": True}
    assert isinstance(values["λ"], float)


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("sead=1", "did you mean seed"),
        ("seed", "write it as name=value"),
        ("seed=1.5", "expected a int like 3"),
        ("seed=one", "not a Python literal"),
        ("tier=huge", "choose one of quick, full"),
        ("flag=1", "expected a bool"),
    ],
)
def test_a_wrong_word_is_an_error_that_names_the_cure(word: str, message: str) -> None:
    with pytest.raises(BookError, match=message):
        effective(KNOWN, parse([word], KNOWN))


@pytest.mark.parametrize("cell", ["n = 2 * 3", "import os", "print(1)", "a, b = 1, 2", "x += 1"])
def test_only_literals_may_be_assigned(cell: str) -> None:
    with pytest.raises(BookError):
        parameters_of(cell)
