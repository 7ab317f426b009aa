"""The chapter Cost and scaling: exponents with intervals, medians that keep what did not arrive, and the figures."""

import importlib
import importlib.util
import math

import numpy as np
import pandas as pd
import pytest
import torch

from book.benchmarks import build_times, completion_peers, polar_peers, small_eigen, throughput, time_to_gap
from book.benchmarks.alone import alone
from book.cost_and_scaling import figures
from book.cost_and_scaling.growth import arrived, growth, growths, medians, spread, wins
from book.shared.relu_problems import plane_problem

SIZES = [10, 20, 50, 100, 300]


def test_the_exponent_of_a_power_law_lies_in_its_interval():
    exact = growth(SIZES, [2e-3 * n**1.5 for n in SIZES])
    assert exact["exponent"] == pytest.approx(1.5, abs=1e-12)
    assert exact["high"] - exact["low"] < 1e-6
    noise, inside = np.random.default_rng(0), 0
    for _ in range(200):
        found = growth(SIZES, [n**2 * float(np.exp(0.3 * noise.normal())) for n in SIZES])
        inside += found["low"] <= 2 <= found["high"]
    assert 180 <= inside <= 199, "95 % of the intervals hold the exponent"
    with pytest.raises(ValueError, match="at least 4"):
        growth([1, 2, 3, 3], [1, 2, 3, 3])


def test_what_did_not_arrive_is_no_time():
    rows = [(n, way, draw, n * k, not (way == "b" and n > 20))
            for n in SIZES for way, k in (("a", 1.0), ("b", 3.0)) for draw in range(3)]  # fmt: skip
    table = pd.DataFrame(rows, columns=["N", "way", "draw", "cpu_seconds", "closed"])
    known = arrived(table, "closed")
    assert growths(known, "way", "N")["way"].tolist() == ["a"]
    middle = medians(known, "N")
    assert middle["b"].notna().tolist() == [True, True, False, False, False]
    won = wins(known, "N", ours="a")
    assert won["faster"].tolist() == [3] * 5
    assert won["peer_closed"].tolist() == [3, 3, 0, 0, 0]
    assert wins(known, "N", ours="b")["faster"].tolist() == [0] * 5
    drawn = figures.beside_peers(middle).axes[0]
    assert drawn.get_xscale() == drawn.get_yscale() == "log"
    assert [len(line.get_xdata()) for line in drawn.lines] == [5, 2]
    gaps = figures.time_to_gap(middle.rename(columns={"a": "solve, gap 0.1", "b": "peer, gap 0.01"})).axes[0]
    assert [str(line.get_label()) for line in gaps.lines] == ["solve, gap 0.1", "peer, gap 0.01"]
    assert [len(line.get_xdata()) for line in gaps.lines] == [5, 2]


def test_our_sides_of_the_races_prove_what_they_say():
    S, q = torch.eye(3, dtype=torch.float64), torch.tensor([3.0, 4.0, -1.0], dtype=torch.float64)
    lower, upper = polar_peers.ours(S, q, 1, 5.0)  # max of 3(u₁)₊ + 4(u₂)₊ − (u₃)₊ on the ball
    assert lower <= 5 * (1 + 1e-12)
    assert upper >= 5 * (1 - 1e-12)
    assert upper <= lower * (1 + polar_peers.TOLERANCE)
    found, bound = time_to_gap.solve_to_gaps(20, 0, 20.0)
    rows = pd.DataFrame(found).sort_values("gap", ascending=False)
    assert rows["reached"].max() <= 1e-6
    assert rows["cpu_seconds"].is_monotonic_increasing
    peer = time_to_gap.peer_to_gaps("the program", lambda: time_to_gap.all_cells(plane_problem(20, 0.2, seed=0)), bound)
    assert -1e-9 <= peer[0]["reached"] <= 1e-6
    assert [math.isnan(row["cpu_seconds"]) for row in time_to_gap.peer_to_gaps("far", lambda: 1.05 * bound, bound)] == [
        gap < 0.05 for gap in time_to_gap.GAPS
    ]
    assert {row["status"] for row in time_to_gap.not_run("a peer")} == {"not run"}


def test_two_layers_with_no_sign_to_choose_are_one():
    """No weight of an output is negative: one inner unit is the best, max of 3(u₁)₊ + 4(u₂)₊ = 5."""
    S, q = torch.eye(2, dtype=torch.float64), torch.tensor([3.0, 4.0], dtype=torch.float64)
    lower, upper = polar_peers.ours(S, q, 2, 5.0)
    assert lower <= 5 * (1 + 1e-12)
    assert 5 * (1 - 1e-12) <= upper <= lower * (1 + polar_peers.TOLERANCE)


def test_a_peer_that_meets_a_limit_is_ended_and_says_which():
    slow = alone(never_ends, seconds=0.4)
    assert (slow.value, slow.seconds.cpu, slow.status) == (None, 0.4, "more than 0.4 s")
    large = alone(lambda: torch.ones(2**28, dtype=torch.float64).sum(), gigabytes=1.0)
    assert not large.done
    assert large.value is None
    assert alone(lambda: 1 / 0).status == "ZeroDivisionError: division by zero"
    assert alone(lambda: 7, first=lambda: None).value == 7
    with pytest.raises(ModuleNotFoundError):
        alone(lambda: importlib.import_module("no_such_peer"))


def never_ends():
    while True:
        pass


def test_cvxpy_gets_the_program_of_the_race():
    if importlib.util.find_spec("scs") is None:
        pytest.skip("SCS is not installed")
    instance = completion_peers.Seen.drawn(6, 5, 0)
    X = completion_peers.by_cvxpy("SCS")(instance)
    ours = completion_peers.convex.matrix_completion(instance.Y, instance.mask, instance.lam, tol=1e-8)
    assert ours.lower_bound <= instance.objective(X) <= ours.objective * (1 + 1e-4)
    assert instance.objective(ours.X) == pytest.approx(ours.objective, rel=1e-12)


def test_memory_is_that_of_the_work_alone():
    held: list[torch.Tensor] = []
    assert 60 <= alone(lambda: held.append(torch.ones(64 * 2**17, dtype=torch.float64))).megabytes <= 80
    assert alone(lambda: None).megabytes < 2


@pytest.mark.slow
def test_what_runs_on_a_gpu_runs_here():
    eigen = small_eigen.race({"size": 3, "batch": 5}, [{}])
    assert eigen["residual"].max() < 1e-14
    rate = throughput.race({"runs": 4}, [{}]).iloc[0]
    assert 0 < rate["share"] < 1


def test_draws_that_met_a_limit_count_as_the_longest():
    rows = [(5, way, draw, seconds, seconds / 2, status, least, 7.0)
            for way, ends in (("ours", (2.0, 4.0, 6.0)), ("peer", (30.0, None, 40.0)), ("lost", (None, None, 9.0)))
            for draw, seconds in enumerate(ends)
            for status, least in [("done", None) if seconds else ("more than 50 s", 25.0)]
            for seconds in [math.nan if seconds is None else seconds]]  # fmt: skip
    names = ["n", "way", "draw", "cpu_seconds", "ratio", "status", "at_least", "megabytes"]
    told = spread(pd.DataFrame(rows, columns=names).astype({"at_least": float}), ["n", "way"])
    assert told["median"].tolist()[:2] == [4.0, 40.0]
    assert told["times"].tolist() == ["2.00", "20", "more than 25"]
    assert told["ended"].tolist() == ["all done", "2 of 3 done; more than 50 s", "1 of 3 done; more than 50 s"]
    assert math.isnan(told["median"][2])


def test_a_target_is_timed_with_its_children(tmp_path, monkeypatch):
    child = "import time; sum(range(10**7)); print(time.process_time())"
    rules = f"work:\n\t@$(PYTHON) -c '{child}'; exit 3\nfine:\n\t@test -z \"$$PYTHONPATH\"\n"
    tmp_path.joinpath("Makefile").write_text(rules)
    monkeypatch.setenv("PYTHONPATH", "elsewhere")
    monkeypatch.setenv("MAKELEVEL", "1")
    monkeypatch.setattr(build_times, "ADDITIONS", 10**6)
    assert build_times.timed(tmp_path, "one", "fine")["status"] == "done"
    failed = build_times.timed(tmp_path, "two", "work")
    words, _, seconds = failed["status"].partition(": ")
    assert words == "failed"
    assert failed["cpu_seconds"] >= float(seconds) > 0
    assert failed["loop_seconds"] > 0
