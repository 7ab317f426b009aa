"""The cost told before a certificate: at measured sizes what was measured, between them between, said in time."""

import json
from importlib.resources import files

import pytest
from torch import nn

from global_optimality import Effort, certification_cost, certify_network, progress, progress_to
from global_optimality.torch_networks import forecast
from global_optimality.torch_networks.forecast import WIDE, measured
from torch_users import data, network


def test_the_table_names_its_command_machine_and_commit():
    origin = json.loads(
        (files("global_optimality") / "torch_networks" / "data" / "certifying_cost.json").read_text(encoding="utf-8")
    )
    assert origin["parameters"]["command"] == "python -m book.benchmarks certifying_cost"
    assert len(origin["commit"]) == 40
    assert "core" in origin["device"]


def test_measured_sizes_cost_what_was_measured():
    for row in measured():
        cost = certification_cost(row.N, row.d, row.outputs)
        assert cost.seconds == pytest.approx(row.cpu_seconds, rel=1e-12)
        assert cost.width == (row.width if row.width > WIDE else 0.0)


def test_between_measured_sizes_lies_between():
    rows = {(r.outputs, r.d, r.N): r.cpu_seconds for r in measured()}
    for asked, ends in {
        (140, 4, 1): ((1, 4, 50), (1, 4, 400)),
        (140, 3, 3): ((3, 3, 50), (3, 3, 400)),
        (50, 5, 1): ((1, 4, 50), (1, 6, 50)),
        (50, 4, 2): ((1, 4, 50), (3, 4, 50)),
    }.items():
        low, high = sorted(rows[end] for end in ends)
        assert low < certification_cost(*asked).seconds < high, asked


def test_beyond_the_table_it_grows_in_the_samples_and_stays_in_the_columns():
    assert certification_cost(6400, 3).seconds > 2 * certification_cost(1600, 3).seconds
    assert certification_cost(400, 6).seconds > certification_cost(50, 6).seconds, "one row: the slope before"
    assert certification_cost(50, 1) == certification_cost(50, 3)
    assert certification_cost(50, 500) == certification_cost(50, 20)
    assert certification_cost(50, 4, 9) == certification_cost(50, 4, 3)


def test_it_is_said_before_the_search_starts_and_only_where_it_was_measured(monkeypatch):
    X, Y = data("mse-sum", d=3)
    ask = {"loss": nn.MSELoss(reduction="sum"), "weight_decay": 0.3}

    def said(model: nn.Module, **options) -> list[str]:
        lines: list[str] = []
        with progress_to(lines.append):
            certify_network(model, X, Y, **ask, **options)
        return lines

    model = network(1, d=3)
    assert not any("estimate" in line for line in said(model)), "a fraction of a second is not worth a word"
    monkeypatch.setattr(progress, "PATIENCE", 0.0)
    cost = str(certification_cost(len(X), 4))
    assert said(model)[0] == f"certify_network: {cost}"
    assert said(model, effort=Effort(seconds=1e3))[0] == f"certify_network: {cost}; the limit is 17 minutes"
    assert cost.startswith("an estimate of ")
    for options in ({"effort": Effort(nodes=3)}, {"decay_hidden_bias": False, "effort": Effort(seconds=0.1)}):
        assert not any("estimate" in line for line in said(model, **options))


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.0123, "0.01 s"), (12.3, "12 s"), (300, "5 minutes"), (9000, "2 hours")]
)
def test_times_are_rounded(seconds, words):
    assert str(forecast.CertificationCost(seconds, 0.0)) == f"an estimate of {words} on one core"
    assert str(forecast.CertificationCost(seconds, 0.123)).endswith("may leave the polar's bounds 12% apart")
