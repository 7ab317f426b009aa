"""Signs of few rows as cells, and data in coordinates of their row space: against enumeration, cones and copies."""

import itertools

import numpy as np
import pytest
import torch
from scipy.optimize import lsq_linear

import global_optimality as go
from global_optimality.arrangement import hyperplanes
from global_optimality.effort import Effort
from global_optimality.polar.relu_enclosure import enclose
from global_optimality.polar.relu_enclosure.cones import Cones
from global_optimality.polar.relu_enclosure.few_rows import UP_TO, FewRows
from global_optimality.polar.row_space import row_space
from relu_draws import seeded
from test_relu_enclosure import attained
from test_row_signs import searched

TOLERANCE = 1e-8


def hausdorff(S: np.ndarray, q: np.ndarray) -> float:
    """The largest distance of a sum of rows s_i q_i, q_i > 0, from {Σ t_i s_i: 0 ≤ t_i ≤ −q_i}; and for −q."""
    best = 0.0
    for w in (q, -q):
        up, down = np.flatnonzero(w > 0), np.flatnonzero(w < 0)
        for on in itertools.product((0.0, 1.0), repeat=len(up)):
            g = (np.array(on) * w[up]) @ S[up]
            far = g if not len(down) else g - S[down].T @ lsq_linear(S[down].T, g, (0, -w[down]), tol=1e-14).x
            best = max(best, float(np.linalg.norm(far)))
    return best


@pytest.mark.parametrize(("N", "d"), [(8, 6), (8, 2), (7, 12), (1, 5), (3, 3)])
@pytest.mark.parametrize("seed", [0, 1])
def test_agrees_with_the_distance_of_zonotopes(N, d, seed):
    S, Q = seeded(N, d, seed=seed), seeded(1, N, 1, seed=seed + 50)
    lower, upper, _ = searched(FewRows, S, Q, tolerance=TOLERANCE)
    exact = hausdorff(S.numpy(), Q[0, :, 0].numpy())
    assert exact * (1 - 1e-9) <= upper.item() <= exact * (1 + 2 * TOLERANCE)
    assert lower.item() == pytest.approx(exact, rel=1e-9)


@pytest.mark.parametrize("nodes", [0, 1, 10, 60])
def test_bounds_hold_at_any_effort(nodes):
    S, Q = seeded(25, 6, seed=1), seeded(3, 25, 1, seed=2)
    lower, upper, made = searched(FewRows, S, Q, nodes=nodes)
    assert made <= nodes + 2
    assert (attained(S, Q, seeded(100_000, 6, seed=3)).amax(1) <= upper).all()
    assert (lower <= upper).all()


@pytest.mark.slow
@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e4])
def test_agrees_with_cones(scale):
    """Several runs at once, a zero one among them, equal and opposite rows, outputs of rank one."""
    S = seeded(11, 4, seed=4)
    S[3], S[5], S[7] = 2 * S[1], -S[4], 0
    q = scale * seeded(3, 11, 1, seed=5)
    q[1] = 0
    Q = q @ torch.tensor([[0.6, -0.8]], dtype=torch.float64)
    few, cones = searched(FewRows, S, Q, tolerance=TOLERANCE), searched(Cones, S, q, nodes=100)
    torch.testing.assert_close(few[0], cones[0], rtol=1e-9, atol=1e-12 * scale)
    assert (few[1] <= few[0] * (1 + TOLERANCE) + 1e-11 * scale).all()
    assert (few[1] >= cones[0] - 1e-12 * scale).all()


def test_few_positive_rows_are_searched_in_any_dimension():
    """More are not, nor more outputs; a search goes on where it was left, to the same bounds."""
    S, Q = seeded(20, 30, seed=6), seeded(1, 20, 1, seed=7)
    whole = enclose(S, Q, Effort(tolerance=TOLERANCE), starts=2)
    assert isinstance(whole.search.covers[0].bound, FewRows)
    assert whole.closed
    found = enclose(S, Q, Effort(tolerance=TOLERANCE, nodes=20), starts=2)
    assert not found.closed
    while not found.closed:
        found = enclose(S, Q, Effort(tolerance=TOLERANCE, nodes=20), earlier=found.search)
    torch.testing.assert_close(found.upper, whole.upper, rtol=2 * TOLERANCE, atol=0)
    for outputs in (seeded(1, 20, 2, seed=8), seeded(1, 2 * UP_TO + 1, 1, seed=8)):
        rows = seeded(outputs.shape[1], 7, seed=9)
        assert not isinstance(enclose(rows, outputs, Effort(nodes=0)).search.covers[0].bound, FewRows)


@pytest.mark.slow
@pytest.mark.parametrize("c", [1, 2])
@pytest.mark.parametrize("r", [4, 5])
def test_data_of_low_rank_are_searched_in_their_row_space(r, c):
    """Its bound is that of the data in r columns, rounding added, and its atom attains the lower one on the data."""
    few, spread = seeded(9, r, seed=r), torch.linalg.qr(seeded(40, r, seed=r + 10)).Q
    S, Q = few @ spread.mT, seeded(2, 9, c, seed=r + 20)
    effort = Effort(tolerance=1e-3)
    wide, narrow = (go.polar_of(problem(x, Q), effort)(Q) for x in (S, few))
    torch.testing.assert_close(wide.lower, narrow.lower, rtol=1e-9, atol=0)
    assert (wide.upper <= wide.lower * 1.0011).all()
    assert (wide.upper >= narrow.lower * (1 - 1e-13)).all()
    u = wide.atom[0][:, 0]
    assert u.shape == (2, 40)
    reached = torch.diagonal(attained(S, Q, u))
    torch.testing.assert_close(reached, wide.lower, rtol=1e-13, atol=0)


def test_what_the_row_space_misses_is_in_its_bound():
    """Rows that are off their space by 1e-15 (what FLAT lets pass) or by rounding: the true value is never above."""
    S = seeded(9, 4, seed=30) @ seeded(4, 30, seed=31)
    S = S + 1e-15 * seeded(9, 30, seed=32)
    space = row_space(hyperplanes(S))
    assert space.inner.shape == (9, 4)
    u = space.outer(seeded(200, 4, seed=33))
    u = u + 1e-9 * seeded(200, 30, seed=34)
    u = u / u.norm(dim=1, keepdim=True)
    assert space.basis is not None
    x = u @ space.basis
    assert float(x.norm(dim=1).max()) <= space.stretch
    assert bool(((u @ S.mT - x @ space.inner.mT).abs() <= space.missed + 1e-15 * S.norm(dim=1)).all())
    Q = seeded(1, 9, 1, seed=35)
    inner = torch.tensor([7.0], dtype=torch.float64)
    assert float(space.upper(inner, Q)) > 7
    target = torch.tensor([space.target(7.0, Q)], dtype=torch.float64)
    assert 7 * (1 - 1e-12) <= float(space.upper(target, Q)) <= 7


def problem(S: torch.Tensor, Q: torch.Tensor) -> go.Problem:
    c = Q.shape[2]
    return go.Problem(go.SquaredLoss(seeded(len(S), c, seed=99)), go.ReluUnit(S, c), go.SumOfSquares(), 1.0)
