"""The enclosure of Ω°(Q) for d > 3 against enumeration of all cells, random points and closed forms."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from scipy.optimize import nnls

from global_optimality import Effort, Problem, ReluUnit, SquaredLoss, SumOfSquares, certify, effort, minimise
from global_optimality.polar.relu_enclosure import Enclosure, ascent, cones, enclose, few_rows, polar_problem, refine
from relu_draws import seeded

TOLERANCE = 1e-6


@pytest.fixture(autouse=True)
def few_rows_are_searched_like_many(monkeypatch):
    monkeypatch.setattr(few_rows, "UP_TO", 0)


def enclosed(S: torch.Tensor, Q: torch.Tensor, **options) -> Enclosure:
    """enclose with few starts: the search repairs what the ascents miss."""
    return enclose(S, Q, Effort(**{"nodes": 1_000_000, "tolerance": TOLERANCE} | options), starts=2)


def attained(S: torch.Tensor, Q: torch.Tensor, u: torch.Tensor) -> torch.Tensor:
    """‖Q_rᵀ(S u)₊‖ / ‖u‖ for every run: u (m, d) -> (n, m)."""
    return torch.einsum("rnc,mn->rmc", Q, (u @ S.T).clamp(min=0)).norm(dim=2) / u.norm(dim=1)


def cells(S: np.ndarray) -> list[np.ndarray]:
    """Every sign pattern (S u > 0) of a full cell: the neighbours of all rays that d − 1 hyperplanes meet in."""
    N, d = S.shape
    found = {}
    for rows in itertools.combinations(range(N), d - 1):
        ray = np.linalg.svd(S[list(rows)])[2][-1]
        for sign in (1, -1):
            base = sign * (S @ ray) > 0
            for bits in itertools.product((False, True), repeat=d - 1):
                pattern = base.copy()
                pattern[list(rows)] = bits
                found[pattern.tobytes()] = pattern
    return list(found.values())


def by_enumeration(S: np.ndarray, q: np.ndarray) -> float:
    """max over cells C and signs of ‖Proj_C(± SᵀDq)‖, the projection by non-negative least squares (Moreau)."""
    best = 0.0
    for D in cells(S):
        A = np.where(D, 1.0, -1.0)[:, None] * S
        for g in (S.T @ (D * q), -S.T @ (D * q)):
            if np.linalg.norm(g) > best:
                best = max(best, nnls(A.T, -g, maxiter=1000)[1])
    return best


@pytest.mark.parametrize(("N", "d", "seed"), [(9, 4, 0), (10, 4, 1), (12, 4, 2), (8, 5, 3), (9, 5, 4)])
def test_scalar_agrees_with_all_cells(N, d, seed):
    S, Q = seeded(N, d, seed=seed), seeded(1, N, 1, seed=seed + 100)
    exact = by_enumeration(S.numpy(), Q[0, :, 0].numpy())
    x = enclosed(S, Q, tolerance=TOLERANCE)
    assert x.closed
    assert exact * (1 - 1e-9) <= x.upper.item() <= exact * (1 + 2 * TOLERANCE)
    assert x.lower.item() == pytest.approx(exact, rel=1e-9)


@pytest.mark.parametrize("c", [1, 3])
@pytest.mark.parametrize("nodes", [0, 1, 10, 500])
def test_bounds_hold_at_any_effort(c, nodes):
    S, Q = seeded(15, 5, seed=1), seeded(3, 15, c, seed=2)
    x = enclosed(S, Q, nodes=nodes)
    assert x.search.made <= nodes + 1
    assert (attained(S, Q, seeded(20_000, 5, seed=3)).amax(1) <= x.upper).all()
    assert (x.lower <= x.upper).all()
    assert x.upper.isfinite().all()
    value = attained(S, Q, x.u.reshape(-1, 5)).diagonal()
    torch.testing.assert_close(value, x.lower, rtol=1e-9, atol=0)
    inner = torch.einsum("rnc,rn,rc->r", Q, (x.u @ S.T).clamp(min=0), x.v)
    torch.testing.assert_close(inner, x.lower, rtol=1e-9, atol=0)


def test_no_time_at_all_leaves_bounds_that_hold():
    S, Q = seeded(15, 5, seed=1), seeded(3, 15, 2, seed=2)
    x = enclose(S, Q, Effort(seconds=0.0))
    assert x.search.made == 0
    assert not x.closed.any()
    assert (attained(S, Q, seeded(20_000, 5, seed=3)).amax(1) <= x.upper).all()
    assert (x.lower > 0).all()
    assert (x.lower <= x.upper).all()


def interrupted(*_, **__):
    raise KeyboardInterrupt


@pytest.mark.parametrize(("where", "name"), [(ascent, "summits"), (cones.Cones, "branch")])
def test_an_interrupt_returns_bounds_that_hold_and_a_certificate(where, name, monkeypatch):
    S, Y = seeded(8, 4, seed=1), seeded(8, 1, seed=2)
    problem = Problem(SquaredLoss(Y), ReluUnit(S), SumOfSquares(), 0.5)
    monkeypatch.setattr(effort, "_last_interrupt", -np.inf)  # no interrupt of a test before this one
    monkeypatch.setattr(where, name, interrupted)
    W = problem.random(1, 3, seed=4)
    certificate = certify(problem, W)
    monkeypatch.undo()
    best = minimise(problem, problem.random(4, 6, seed=5), max_steps=20).objective.min()
    assert float(certificate.lower_bound) <= float(best)
    assert float(certificate.lower_bound) > 0
    closed = certify(problem, W)
    assert float(certificate.lower_bound) < float(closed.lower_bound)


@pytest.mark.slow
@pytest.mark.parametrize("c", [1, 2])
def test_more_effort_is_never_worse(c):
    S, Q = seeded(15, 4, seed=5), seeded(2, 15, c, seed=6)
    upper = [enclosed(S, Q, nodes=nodes).upper for nodes in (0, 1, 50, 800)]
    assert all((b <= a).all() for a, b in itertools.pairwise(upper))
    assert (upper[-1] < upper[0]).all()


def test_refine_goes_on_where_enclose_stopped():
    S, Q = seeded(20, 4, seed=7), seeded(2, 20, 1, seed=8)
    first = enclosed(S, Q, nodes=100)
    assert not first.closed.all()
    again = refine(first.search)
    whole = enclosed(S, Q)
    assert again.closed.all()
    assert whole.closed.all()
    torch.testing.assert_close(again.upper, whole.upper, rtol=2 * TOLERANCE, atol=0)
    assert again.search.made > first.search.made


def test_same_data_same_result_and_runs_are_independent():
    S, Q = seeded(20, 4, seed=9), seeded(2, 20, 1, seed=10)
    x, y = enclose(S, Q), enclose(S, Q)
    assert torch.equal(x.lower, y.lower)
    assert torch.equal(x.upper, y.upper)
    assert torch.equal(x.u, y.u)
    alone = enclose(S, Q[1:])
    torch.testing.assert_close(alone.lower, x.lower[1:], rtol=1e-9, atol=0)


def test_vector_output_closes_and_contains_the_scalar_case():
    S, q = seeded(10, 4, seed=11), seeded(1, 10, 1, seed=12)
    scalar = enclosed(S, q)
    direction = torch.tensor([0.6, 0.8], dtype=torch.float64)
    vector = enclosed(S, q * direction, tolerance=1e-3)
    torch.testing.assert_close(vector.lower, scalar.lower, rtol=1e-9, atol=0)
    assert vector.closed
    Q = seeded(1, 10, 2, seed=13)
    x = enclosed(S, Q, tolerance=1e-3)
    assert x.closed
    assert (attained(S, Q, seeded(100_000, 4, seed=3)).amax(1) <= x.upper).all()


def test_a_target_reached_stops_the_search_and_one_refuted_does_not():
    S, Q = seeded(20, 4, seed=14), seeded(1, 20, 1, seed=15)
    exact = enclosed(S, Q).lower.item()
    below = enclosed(S, Q, target=1.01 * exact)
    assert not below.closed
    assert exact <= below.upper.item() <= 1.01 * exact
    above = enclosed(S, Q, target=0.99 * exact)
    assert above.lower.item() > 0.99 * exact
    assert exact <= above.upper.item() <= exact * (1 + 2 * TOLERANCE)
    assert below.search.made < above.search.made


def test_degenerate_rows():
    S, q = seeded(8, 4, seed=16), seeded(8, seed=17)
    exact = by_enumeration(S.numpy(), q.numpy())
    repeated = torch.cat([S, S[:3], S.new_zeros(2, 4), 2 * S[3:5]])  # ½ q each; zero rows; 2 s with ¼ q
    half = q.clone()
    half[:5] /= 2
    Q = torch.cat([half, half[:3], q.new_tensor([5.0, -7.0]), half[3:5] / 2])[None, :, None]
    x = enclosed(repeated, Q)
    assert x.closed
    assert exact * (1 - 1e-9) <= x.upper.item() <= exact * (1 + 2 * TOLERANCE)


def test_zero_and_cancelling_data():
    S = seeded(6, 4, seed=18)
    nothing = enclosed(S, S.new_zeros(1, 6, 1))
    assert nothing.upper.item() == 0
    assert nothing.closed
    zero_rows = enclosed(torch.zeros_like(S), S.new_ones(1, 6, 2))
    assert zero_rows.upper.item() == 0
    q = seeded(6, seed=19)
    cancelled = enclosed(torch.cat([S, S]), torch.cat([q, -q])[None, :, None], nodes=4000)
    assert cancelled.lower.item() == 0
    assert cancelled.upper.item() <= 1e-9
    assert cancelled.closed


def test_one_sample_and_one_dimension_have_closed_forms():
    s = seeded(1, 5, seed=20)
    x = enclose(s, s.new_full((1, 1, 1), -2.0))
    assert x.lower.item() == pytest.approx(2 * s.norm().item(), rel=1e-9)
    assert x.closed
    line = torch.tensor([[1.0], [-2.0], [3.0]], dtype=torch.float64)
    q = torch.tensor([1.0, 4.0, -1.0], dtype=torch.float64)[None, :, None]
    assert enclosed(line, q).upper.item() == pytest.approx(8, rel=1e-5)


def test_high_dimension_keeps_the_root_bound():
    S, Q = seeded(10, 120, seed=21), seeded(1, 10, 3, seed=22)
    x = enclosed(S, Q)
    assert not x.closed
    assert 0 < x.lower.item() < x.upper.item() < 10 * x.lower.item()


@pytest.mark.parametrize("c", [1, 3])
def test_root_bound_holds_and_is_attained_by_orthogonal_rows(c):
    """200 random problems, each against many points; then σ₁(S) = 1, and the maximum is max(‖q₊‖, ‖q₋‖)."""
    S, Q = (
        seeded(12, 7, seed=40),
        seeded(200, 12, c, seed=41) * 10.0 ** torch.arange(-100, 100, dtype=torch.float64)[:, None, None],
    )
    polar = polar_problem.prepare(S, Q)
    u = torch.nn.functional.normalize(torch.cat([seeded(2000, 7, seed=42), S, -S]), dim=1)
    assert (attained(S, Q, u).amax(1) <= polar.root_bound()).all()
    assert (polar.root_bound() < Q.flatten(1).norm(dim=1) * S.norm()).all()
    q = seeded(1, 7, 1, seed=43)
    rows = torch.linalg.qr(seeded(7, 7, seed=44)).Q
    largest = torch.maximum(q.clamp(min=0).norm(), q.clamp(max=0).norm())
    assert float(polar_problem.prepare(rows, q).root_bound()) == pytest.approx(float(largest), rel=1e-11)
    repeated = polar_problem.prepare(
        torch.cat([rows, rows]), torch.cat([q, -q * (1 - 1e-15)], 1)
    )  # cancels to rounding
    assert float(attained(rows, q * 1e-15, u).max()) <= float(repeated.root_bound())


@pytest.mark.parametrize(
    ("S", "Q", "message"),
    [
        (torch.ones(3, 4), torch.ones(1, 3, 1), "float64"),
        (torch.ones(3, 4, dtype=torch.float64), torch.ones(3, 1, dtype=torch.float64), r"Q \(n, N, c\)"),
        (torch.full((3, 4), torch.nan, dtype=torch.float64), torch.ones(1, 3, 1, dtype=torch.float64), "finite"),
    ],
)
def test_bad_input_is_refused(S, Q, message):
    with pytest.raises(ValueError, match=message):
        enclosed(S, Q)
