"""No invented forgery is confirmed, by Python or by JavaScript; neither answers with anything but a refusal."""

import pytest

from tests.certificates import valid_certificates
from tests.forgeries import accepted
from tests.invented_forgeries import invented
from tests.node import check_with_node, needs_node

NAMES = ("rows", "cones", "cross entropy free bias", "completion", "hidden biases")
"""Two with proofs by splits, one with targets on a simplex, one with a mask, one with biases without decay."""


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_no_invented_forgery_is_confirmed(name: str):
    forged = dict(invented(valid_certificates()[name]))
    assert len(forged) >= 50
    assert [what for what, text in forged.items() if accepted(text)] == []


@pytest.mark.slow
@needs_node
def test_no_invented_forgery_is_confirmed_in_javascript():
    forged = [(f"{name}: {what}", text) for name in NAMES for what, text in invented(valid_certificates()[name])]
    found = check_with_node([text for _, text in forged])
    assert [what for (what, _), answer in zip(forged, found, strict=True) if answer["confirmed"]] == []
