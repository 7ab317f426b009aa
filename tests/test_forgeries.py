"""No corruption that makes a claim false is accepted by any checker, all valid certificates are accepted by all."""

import json
import math

import numpy as np
import pytest

from global_optimality import (
    CrossEntropyLoss,
    Problem,
    ReluUnit,
    SumOfSquares,
    certify,
    save_certificate,
    verify_certificate,
)
from tests.certificates import four_columns, valid_certificates
from tests.forgeries import accepted, attack, falsehood, network
from tests.node import check_with_node, needs_node
from tests.saved_problems import normal

NAMES = ("cones", "rows", "squared d=3", "cross entropy free bias", "completion", "hidden biases")


@pytest.mark.slow
def test_every_valid_certificate_is_accepted():
    for name, saved in valid_certificates().items():
        assert accepted(json.dumps(saved)), name


@needs_node
def test_every_valid_certificate_is_accepted_in_javascript():
    valid = valid_certificates()
    for name, found in zip(valid, check_with_node([json.dumps(saved) for saved in valid.values()]), strict=True):
        assert found["confirmed"], (name, found["reasons"])
        assert len(found["checked"]) == 4


@pytest.mark.slow
def test_no_corruption_that_makes_a_claim_false_is_accepted():
    confirmed, wrong = attack(list(valid_certificates().values()), 450)
    assert not wrong
    assert confirmed < 225  # the corruptions do harm


@pytest.mark.parametrize("name", NAMES)
def test_what_is_called_false_is_false(name):
    """The control of the attack: it knows a raised bound, a lowered objective and an infeasible dual point."""
    saved = valid_certificates()[name]
    own = network(saved)
    assert falsehood(saved, [own]) is None
    assert falsehood(saved | {"lower_bound": saved["objective"] * 1.01}, [own])
    assert falsehood(saved | {"objective": saved["objective"] * 0.99}, [own])
    assert falsehood(saved | {"G": (np.array(saved["G"]) * 100).tolist()}, [own])


@needs_node
@pytest.mark.parametrize("name", NAMES)
def test_claims_hold_to_the_last_digit_in_both_languages(name):
    saved = valid_certificates()[name]
    forged = [saved | {"objective": math.nextafter(saved["objective"], 0)}]
    if name != "rows":
        forged.append(saved | {"lower_bound": math.nextafter(saved["lower_bound"], math.inf)})
    for text, found in zip(map(json.dumps, forged), check_with_node([json.dumps(f) for f in forged]), strict=True):
        assert not accepted(text)
        assert not found["confirmed"]


@pytest.mark.parametrize("name", ["cones", "rows"])
def test_a_tree_proves_what_it_says(name, tmp_path):
    saved = valid_certificates()[name]
    file = tmp_path / "tree.json"
    for change, message in (
        ({"proof": None}, "needs a proof by splits"),
        ({"proof": saved["proof"] | {"plus": saved["proof"]["plus"][:-1]}}, "ends before"),
        ({"proof": saved["proof"] | {"plus": saved["proof"]["plus"] * 2}}, "goes on after"),
        ({"lam": saved["lam"] / 2}, "The proof of feasibility fails"),
    ):
        file.write_text(json.dumps(saved | change))
        assert any(message in reason for reason in verify_certificate(file).reasons)
    for change in ({"split": "columns"}, {"plus": [1]}, {"plus": [{}]}, {"plus": 3}):
        file.write_text(json.dumps(saved | {"proof": saved["proof"] | change}))
        with pytest.raises(ValueError, match=r"tree.json: damaged"):
            verify_certificate(file)


def test_many_outputs_beyond_three_columns_are_refused(tmp_path):
    S = four_columns().mapping.S
    problem = Problem(CrossEntropyLoss((normal(len(S), seed=1) > 0).long()), ReluUnit(S, 2), SumOfSquares(), 0.5)
    W = problem.random(1, 2)
    with pytest.raises(ValueError, match="proofs of one output only"):
        save_certificate(tmp_path / "no.json", problem, W, certify(problem, W))
