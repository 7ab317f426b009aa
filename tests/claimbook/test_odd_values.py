"""What a cell passes to the four names of the machinery: odd values are refused by name, with a cure."""

import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

from claimbook import claim, number, recorded, show
from claimbook.project import BookError

ODD: dict[str, Any] = {
    "None": None, "words": "one", "a number in words": "1", "complex": 1j, "a list": [1.0], "two numbers": np.ones(2),
    "an object": object(), "a long integer": 10**400, "bytes": b"1",
}  # fmt: skip
WORDS = {"words": "one", "a number in words": "1"}


def made(id: Any = "equation-8/a", sentence: Any = "It holds.", **values: Any) -> None:
    claim(id, sentence, **{"measured": 1.0, "at_most": 2.0, **values})


def given(call: Callable[[Any], Any], without: tuple[str, ...] = (), **more: Any) -> list[Any]:
    return [pytest.param(call, value, id=what) for what, value in {**ODD, **more}.items() if what not in without]


ROWS = {
    "measured": given(lambda x: made(measured=x)),
    "at_most": given(lambda x: made(at_most=x), NaN=math.nan),
    "at_least": given(lambda x: claim("equation-8/a", "It holds.", measured=1.0, at_least=x), NaN=math.nan),
    "id": given(lambda x: made(x), of_three_parts="a/b/c", empty=""),
    "sentence": given(lambda x: made(sentence=x), tuple(WORDS), empty=" "),
    "kind": given(lambda x: made(kind=x)),
    "outcome": given(lambda x: made(outcome=x)),
    "a theorem without a reason": given(lambda x: made(kind="theorem", because=None), tuple(set(ODD) - {"None"})),
    "figure": given(lambda x: show(x, "fig-a"), axes=Figure().subplots()),
    "name of a figure": given(lambda x: show(Figure(), x), capitals="fig-A", path="fig-../a", empty=""),
    "name of a number": given(lambda x: number(x, 1.0), tuple(WORDS)),
    "value of a number": given(lambda x: number("a", x), tuple(set(ODD) - {"two numbers"}), empty=np.ones(0)),
    "name of a table": given(recorded, path="../none", empty=""),
}
CURE = re.compile(
    "pass |write it as |give exactly|say in a sentence|is none of|names what implies|not a number|needs|keep"
)


@pytest.mark.parametrize(
    ("call", "value"),
    [pytest.param(*row.values, id=f"{name}: {row.id}") for name, rows in ROWS.items() for row in rows],
)
def test_an_odd_value_is_refused_with_a_cure(call: Callable[[Any], Any], value: Any) -> None:
    with pytest.raises((TypeError, ValueError, BookError), match=CURE):
        call(value)
