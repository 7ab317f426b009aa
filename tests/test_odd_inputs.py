"""Every row of the table of odd inputs gets the answer that stands there."""

import re

import pytest

from odd_inputs import TABLE, Row

ROWS = [pytest.param(row, id=f"{name}: {row.what}") for name, rows in TABLE.items() for row in rows]


@pytest.mark.parametrize("row", ROWS)
@pytest.mark.filterwarnings("ignore::UserWarning")  # torch's own, of lazy and complex modules
def test_the_answer_is_the_one_in_the_table(row: Row):
    if row.error is None:
        assert row.holds is not None
        assert row.holds(row.attempt()), row.cure
        return
    with pytest.raises(row.error, match=re.escape(row.cure)):
        row.attempt()
