"""Chains of single weights, the decay of too low degree: thresholds, critical points, flows against brute force."""

import numpy as np
import pytest
import torch

import laws
from book.weight_decay import basin_of_zero as basin
from book.weight_decay import scalar_chains as chains
from global_optimality.streams import generator, normal

PAIRS = [(K, q) for q in (1, 2) for K in (2, 3, 4, 5) if q < K]


each_pair = pytest.mark.parametrize(("K", "q"), PAIRS)


GRID = np.linspace(0, 1, 200001)[1:]


def on_grid(K, q, lam):
    """f of one chain with equal weights, as a function of its product."""
    return 0.5 * (1 - GRID) ** 2 + lam * GRID ** (q / K)


def test_the_thresholds_of_three_weights():
    assert chains.tie(3, 2) == pytest.approx(0.75 * 2 ** (-1 / 3), rel=1e-14)
    assert chains.vanishing(3, 2) == pytest.approx(9 / 8 * 4 ** (-1 / 3), rel=1e-14)
    assert (round(chains.tie(3, 2), 4), round(chains.vanishing(3, 2), 4)) == (0.5953, 0.7087)
    assert chains.tie(2, 2) == chains.vanishing(2, 2) == 1


@each_pair
def test_thresholds_against_a_grid(K, q):
    tie, gone = chains.tie(K, q), chains.vanishing(K, q)
    assert on_grid(K, q, tie).min() == pytest.approx(0.5, abs=1e-8)
    assert on_grid(K, q, 0.99 * tie).min() < 0.5 < on_grid(K, q, 1.01 * tie).min()
    assert (np.diff(on_grid(K, q, 0.99 * gone)) < 0).any()
    assert not (np.diff(on_grid(K, q, 1.01 * gone)) < 0).any()


def test_measured_thresholds():
    table = basin.thresholds([(3, 2), (2, 1)], points=201, steps=800)
    assert table[["tie_error", "vanishing_error"]].max().max() <= 0.02


@pytest.mark.slow
@pytest.mark.parametrize(
    ("q", "lam", "kinds"),
    [
        (2, 0.3, ["local minimum", "saddle", "global minimum"]),
        (2, 0.65, ["global minimum", "saddle", "local minimum"]),
        (2, 0.8, ["global minimum"]),
        (3, 0.3, ["saddle", "global minimum"]),
        (3, 1.2, ["global minimum"]),
        (4, 3.0, ["saddle", "global minimum"]),
    ],
)
def test_every_critical_point(q, lam, kinds):
    table = chains.critical_points(3, q, lam)
    assert table["kind"].tolist() == kinds
    assert table["gradient_norm"].max() <= 1e-12
    found, distance = chains.missed(3, q, lam, starts=15, seed=1)
    assert found >= 8
    assert distance <= 1e-5


def test_a_missing_critical_point_would_be_seen(monkeypatch):
    whole = chains.critical_points(3, 2, 0.3)
    monkeypatch.setattr(chains, "critical_points", lambda *_: whole.iloc[:1])
    assert chains.missed(3, 2, 0.3, starts=10, seed=1)[1] > 0.1


@pytest.mark.parametrize(("K", "q"), [(3, 2), (4, 2), (3, 3), (5, 2)])
def test_the_flow_is_that_of_the_problem(K, q):
    w = normal(generator(0, "flow", K, q), 5, 4, K)
    lam = torch.full((5,), 0.3, dtype=torch.float64)
    problem = chains.chain(K, q, 0.3)
    W = tuple(w[..., k, None, None] for k in range(K))
    laws.same(basin.objective(w, lam, q), problem(*W))
    gradient = torch.stack([g[..., 0, 0] for g in problem.gradient(*W)[1]], 2)
    step = w - basin.euler(w, lam, q)
    ratio = (step / gradient).flatten(1)
    assert bool((ratio > 0).all())
    np.testing.assert_allclose(ratio, ratio[:, :1].expand_as(ratio), rtol=1e-9)


@pytest.mark.parametrize(("K", "q"), [(3, 2), (3, 1), (3, 3), (5, 2)])
def test_f_never_rises_along_the_flow(K, q):
    w = 0.6 * normal(generator(1, "flow", K, q), 200, 4, K)
    lam = torch.linspace(0.1, 1, 200, dtype=torch.float64)
    f = basin.objective(w, lam, q)
    for _ in range(100):
        w = basin.euler(w, lam, q)
        new = basin.objective(w, lam, q)
        assert bool((new <= f * (1 + 1e-12)).all())
        f = new


def test_fates_do_not_depend_on_the_step(monkeypatch):
    coarse = basin.phases(3, 2, 4, [0.5], [0.2, 0.4], runs=300, seed=0)
    monkeypatch.setattr(basin, "STEP", 0.05)
    monkeypatch.setattr(basin, "MARGIN", 0.1)
    fine = basin.phases(3, 2, 4, [0.5], [0.2, 0.4], runs=300, seed=0)
    assert (coarse["captured"] - fine["captured"]).abs().max() <= 0.01
    assert 0.02 < coarse["captured"].iloc[1] < 0.5 < coarse["captured"].iloc[0]


def test_the_proved_radius_of_collapse():
    table = basin.by_norm(3, 2, 0.3, [1, 16], [0.3, 0.34, 0.5], runs=60, seed=0)
    assert table["inside"].sum() > 150
    assert table["inside_not_captured"].sum() == 0
    assert table["captured"].min() < 0.05, "beyond the radius most starts of 16 chains leave"


def test_no_start_is_captured_when_balanced_and_all_are_beyond_the_threshold():
    assert basin.phases(3, 3, 4, [0.4], [0.2], runs=50, seed=0)["escaped"].min() == 1
    for K, q in ((3, 2), (4, 2), (3, 1)):
        share = 1.05 * chains.vanishing(K, q) / chains.tie(K, q)
        assert basin.phases(K, q, 4, [share], [0.3, 1.0], runs=40, seed=0)["captured"].min() == 1


@pytest.mark.parametrize(("K", "q"), [(3, 2), (4, 2), (2, 1)])
def test_the_radius_bounds_and_the_root_predicts(K, q):
    table = chains.better_than_zero(K, q, 0.3, [1, 5], starts=6, seed=0, points=241)
    assert (table["measured"] >= table["bound"]).all()
    np.testing.assert_allclose(table["measured"], table["predicted"], rtol=0.01)
    assert table["measured"].nunique() == 1
    better = GRID[on_grid(K, q, 0.3) < 0.5][0]
    assert chains.onset(K, q, 0.3) == pytest.approx(np.sqrt(K) * better ** (1 / K), rel=1e-4)


def test_size_and_splitting():
    table = chains.spread_out([1, 4], 0.3, runs=6, seed=0)
    np.testing.assert_allclose(table["objective"], [0.3 / 1.6, 0.3 / 4.6], rtol=1e-9)
    np.testing.assert_allclose(table["least_unit"], table["largest_unit"], rtol=1e-6)
    copies = chains.splitting([(3, 2), (2, 4)], [1, 3, 9], seed=0)
    slopes = chains.exponents(copies, "copies", "ratio", ["p", "q"]).set_index("p")["exponent"]
    assert slopes[3] == pytest.approx(1 / 3)
    assert slopes[2] == pytest.approx(-1)
    assert copies["moved"].max() <= 1e-14
