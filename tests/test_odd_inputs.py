"""Every row of the table of odd inputs gets the answer that stands there, and every public name has its rows."""

import enum
import inspect
import re

import pytest

import global_optimality
from odd_habits import HABITS
from odd_inputs import TABLE
from odd_layers import LAYERS_AND_TRANSFORMS
from odd_modes import MODES
from odd_practices import PRACTICES
from odd_rows import Kind, Row

ROWS = [pytest.param(row, id=f"{name}: {row.what}") for name, rows in TABLE.items() for row in rows]
ROWS += [pytest.param(row, id=row.what) for row in [*MODES, *PRACTICES, *HABITS, *LAYERS_AND_TRANSFORMS]]

RESULTS = {
    "Certificate", "CertificationCost", "Descent", "DescentPath", "NetworkCertificate", "OptimalFace", "PolarBound",
    "ReluMaximum", "SavedCertificate", "Solution", "Verification",
}  # fmt: skip
"""What functions return; nobody builds them."""

HOOKS = {"progress_to"}
"""Takes a function of the caller's, and calls it."""

CALLED_FOR = {
    "Tensor": {Kind.TYPE, Kind.SHAPE, Kind.NUMBERS},
    "Problem": {Kind.TYPE},
    "Regularizer": {Kind.TYPE},
    "Path": {Kind.FILE},
    "int": {Kind.SETTING},
    "float": {Kind.SETTING},
}
"""The kinds of rows that a parameter of such a type calls for."""


@pytest.mark.slow
@pytest.mark.parametrize("row", ROWS)
@pytest.mark.filterwarnings("ignore::UserWarning")  # torch's own, of lazy and complex modules
def test_the_answer_is_the_one_in_the_table(row: Row):
    if row.error is None:
        assert row.holds is not None
        assert row.holds(row.attempt()), row.cure
        return
    with pytest.raises(row.error, match=re.escape(row.cure)):
        row.attempt()


def kinds_called_for(name: str) -> set[Kind]:
    found = getattr(global_optimality, name)
    if name in RESULTS | HOOKS or (isinstance(found, type) and issubclass(found, enum.Enum)):
        return set()
    parameters = inspect.signature(found).parameters.values()
    types = " ".join(inspect.formatannotation(p.annotation) for p in parameters if p.name != "polar")
    words = set(re.findall(r"\w+", types))
    return set().union(*(kinds for word, kinds in CALLED_FOR.items() if word in words))


@pytest.mark.parametrize("name", sorted(global_optimality.__all__))
def test_every_public_name_has_a_row_of_every_kind_that_its_parameters_call_for(name):
    assert {row.kind for row in TABLE.get(name, [])} >= kinds_called_for(name)


def test_the_table_is_long_and_has_no_row_twice():
    names = [param.id for param in ROWS]
    assert len(set(names)) == len(names) >= 60
    assert set(TABLE) <= set(global_optimality.__all__)
