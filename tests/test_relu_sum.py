"""max_relu_sum: closed forms, its benchmark instances, and data that are refused."""

import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch

from global_optimality import Effort, max_relu_sum
from relu_draws import seeded as normal
from test_relu_enclosure import attained

INSTANCES = sorted((Path(__file__).parents[1] / "data" / "max_relu_sum").glob("*.csv"))


@pytest.mark.parametrize("d", [1, 2, 3, 4, 7])
def test_sum_of_the_axes_has_a_closed_form(d):
    S = torch.eye(d, dtype=torch.float64)
    found = max_relu_sum(S, S.new_ones(d), effort=Effort(nodes=500))
    assert found.lower <= d**0.5 * (1 + 1e-12)
    assert d**0.5 * (1 - 1e-12) <= found.upper <= d**0.5 * (1 + 1e-5)
    torch.testing.assert_close(found.u, S.new_full((d,), d**-0.5), rtol=1e-5, atol=0)
    assert found.relative_width <= 1e-5


def test_vectors_and_signs():
    S, Q = normal(8, 4, seed=1), normal(8, 2, seed=2)
    found = max_relu_sum(S, Q, effort=Effort(tolerance=1e-3))
    value = (Q.T @ (S @ found.u).clamp(min=0)) @ found.v
    assert float(value) == pytest.approx(found.lower, rel=1e-9)
    assert float(attained(S, Q[None], normal(20_000, 4, seed=3)).max()) <= found.upper
    one = max_relu_sum(S, Q[:, 0])
    assert max_relu_sum(S, -Q[:, 0]).lower == pytest.approx(one.lower, rel=1e-9)
    assert max_relu_sum(S, 0 * Q).upper == 0


@cache
def in_one_unit(d):
    S, Q = normal(8, d, seed=6), normal(8, 2, seed=7)
    return S, Q, max_relu_sum(S, Q, effort=Effort(nodes=200))


@pytest.mark.parametrize(("a", "b"), [(-900, 800), (800, -900), (-700, -200), (-600, 0), (300, 500)])
@pytest.mark.parametrize("d", [2, 3, 4, 6])
def test_units_of_both_arguments_only_change_the_unit(d, a, b):
    S, Q, one = in_one_unit(d)
    other = max_relu_sum(S * 2.0**a, Q * 2.0**b, effort=Effort(nodes=200))
    half = 2.0 ** ((a + b) / 2)
    assert other.lower / half / half == pytest.approx(one.lower, rel=1e-12)
    assert other.upper / half / half == pytest.approx(one.upper, rel=1e-9)
    assert other.u.norm() == pytest.approx(1, rel=1e-12)


def test_what_is_refused():
    S, q = normal(8, 4, seed=4), normal(8, seed=5)
    for bad_S, bad_q, words in (
        (S, q[:7], "must be"),
        (S.float(), q, "float64"),
        (S, q * torch.nan, "finite"),
        (S[0], q, "must be"),
    ):
        with pytest.raises(ValueError, match=words):
            max_relu_sum(bad_S, bad_q)


@pytest.mark.parametrize("file", INSTANCES, ids=lambda f: f.stem)
def test_known_bounds_of_the_instances(file):
    """Some cells of each instance: the enclosure overlaps the recorded one."""
    table = torch.from_numpy(np.loadtxt(file, delimiter=",", skiprows=1))
    known = json.loads((file.parent / "bounds.json").read_text())[file.stem]
    found = max_relu_sum(table[:, :-1].contiguous(), table[:, -1], effort=Effort(nodes=8))
    assert len(table) == known["N"]
    assert table.shape[1] - 1 == known["d"]
    assert found.lower <= known["upper"]
    assert known["lower"] <= found.upper
    assert found.lower >= 0.9 * known["lower"]


def test_there_are_instances():
    assert len(INSTANCES) >= 5
