"""Bounds from signs of rows and row majorants: against cells, cones, random points and closed forms."""

from functools import cache

import pytest
import torch

from global_optimality.effort import Effort
from global_optimality.polar.best_first import begin
from global_optimality.polar.best_first import refine as go_on
from global_optimality.polar.relu_enclosure import ascent, enclose, majorants, polar_problem
from global_optimality.polar.relu_enclosure.barrier import Barrier, BarrierRows
from global_optimality.polar.relu_enclosure.cones import Cones
from global_optimality.polar.relu_enclosure.outputs import coordinates, covering
from global_optimality.polar.relu_enclosure.row_signs import RowSigns
from relu_draws import seeded as normal
from relu_draws import stream
from test_relu_enclosure import attained, by_enumeration

TOLERANCE = 1e-6


def searched(method, S, Q, nodes=None, tolerance=TOLERANCE, target=None):
    """The search by one method from few starts -> lower, upper (n,), cells made."""
    polar = polar_problem.prepare(S, Q)
    u = torch.cat([ascent.summits(polar.S, q, polar.S[:0], 2)[1][:1] for q in polar.Q])
    search = begin([method(polar, u)], Q.new_zeros(len(Q)))
    search = go_on(search, Effort(nodes=nodes, tolerance=tolerance, target=target))
    return search.lower, torch.minimum(search.upper, torch.maximum(polar.root_bound(), search.lower)), search.made


@pytest.mark.parametrize(("N", "d", "seed"), [(9, 4, 0), (12, 4, 2), (9, 5, 4), (6, 2, 5), (7, 3, 6), (5, 1, 7)])
def test_agrees_with_all_cells(N, d, seed):
    S, Q = normal(N, d, seed=seed), normal(1, N, 1, seed=seed + 100)
    lower, upper, _ = searched(RowSigns, S, Q)
    if d == 1:
        exact = max(abs(float((Q[0, :, 0] * (sign * S[:, 0]).clamp(min=0)).sum())) for sign in (1, -1))
    else:
        exact = by_enumeration(S.numpy(), Q[0, :, 0].numpy())
    assert exact * (1 - 1e-9) <= upper.item() <= exact * (1 + 2 * TOLERANCE)
    assert lower.item() == pytest.approx(exact, rel=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("c", [1, 2, 3])
@pytest.mark.parametrize("nodes", [0, 1, 30])
def test_bounds_hold_at_any_effort(c, nodes):
    S, Q = normal(25, 6, seed=1), normal(3, 25, c, seed=2)
    lower, upper, made = searched(RowSigns, S, Q, nodes=nodes)
    assert made <= nodes + 2
    assert (attained(S, Q, normal(20_000, 6, seed=3)).amax(1) <= upper).all()
    assert (lower <= upper).all()


@pytest.mark.slow
@pytest.mark.parametrize(("d", "c"), [(4, 1), (5, 1), (6, 1), (4, 2)])
def test_cones_and_signs_enclose_the_same_number(d, c):
    S, Q = normal(16, d, seed=d), normal(1, 16, c, seed=10 + d)
    tolerance = 1e-4 if c == 1 else 1e-2
    by_cones, by_signs = (searched(method, S, Q, tolerance=tolerance) for method in (Cones, RowSigns))
    torch.testing.assert_close(by_cones[0], by_signs[0], rtol=1e-9, atol=0)
    assert float(by_signs[1] / by_signs[0]) <= 1 + 1.01 * tolerance
    assert by_signs[1] >= by_cones[0]
    assert by_signs[2] < by_cones[2]


def test_runs_of_different_size_close_together():
    S = normal(12, 7, seed=20)
    Q = normal(3, 12, 1, seed=21) * torch.tensor([1.0, 1e-6, 0.0])[:, None, None]
    x = enclose(S, Q, Effort(tolerance=1e-3), starts=8)
    assert x.closed.all()
    assert float(x.upper[2]) == 0
    alone = enclose(S, Q[1:2], Effort(tolerance=1e-3), starts=8)
    torch.testing.assert_close(alone.lower, x.lower[1:2], rtol=1e-9, atol=0)


@cache
def in_one_scale():
    S, Q = normal(30, 6, seed=22), normal(1, 30, 1, seed=23)
    return S, Q, enclose(S, Q, Effort(nodes=20), starts=8)


@pytest.mark.slow
@pytest.mark.parametrize(("of_S", "of_Q"), [(1e100, 1.0), (1.0, 1e100), (1e-100, 1.0), (1e-100, 1e-100), (1e-3, 1e5)])
def test_scales_leave_the_enclosure(of_S, of_Q):
    S, Q, x = in_one_scale()
    y = enclose(of_S * S, of_Q * Q, Effort(nodes=20), starts=8)
    torch.testing.assert_close(y.lower, x.lower * of_S * of_Q, rtol=1e-6, atol=0)
    torch.testing.assert_close(y.upper, x.upper * of_S * of_Q, rtol=1e-2, atol=0)
    assert (attained(S, Q, normal(20_000, 6, seed=3)).amax(1) * (of_S * of_Q) <= y.upper).all()


@pytest.mark.slow
def test_degenerate_rows():
    S, q = normal(12, 7, seed=24), normal(12, seed=25)
    plain = enclose(S, q[None, :, None], Effort(tolerance=1e-5), starts=8)
    half = q.clone()
    half[:3] /= 2
    repeated = torch.cat([S, 2 * S[:3], S.new_zeros(2, 7)])  # the second half of q on twice the row
    x = enclose(repeated, torch.cat([half, half[:3] / 2, q.new_tensor([5.0, -7.0])])[None, :, None], starts=8)
    assert x.closed
    torch.testing.assert_close(x.lower, plain.lower, rtol=1e-9, atol=0)
    opposite = enclose(torch.cat([S, -S]), torch.cat([q, -q])[None, :, None], starts=8)  # linear: Σ q_i s_iᵀu
    torch.testing.assert_close(opposite.upper, (q @ S).norm()[None], rtol=1e-5, atol=0)
    nothing = enclose(S, S.new_zeros(1, 12, 2))
    assert nothing.upper.item() == 0
    flat = enclose(torch.cat([S, S.new_zeros(12, 2)], 1), q[None, :, None], Effort(tolerance=1e-5), starts=8)
    torch.testing.assert_close(flat.upper, plain.upper, rtol=2e-5, atol=0)


def test_concave_and_single_rows_have_closed_forms():
    s = normal(1, 7, seed=26)
    x = enclose(s, s.new_full((1, 1, 1), -2.0))
    assert x.upper.item() == pytest.approx(2 * s.norm().item(), rel=1e-5)
    S = torch.eye(7, dtype=torch.float64)  # Σ (u_i)₊ is largest at u = 1/√7
    y = enclose(S, S.new_ones(1, 7, 1))
    assert y.upper.item() == pytest.approx(7**0.5, rel=1e-5)


@pytest.mark.slow
def test_twenty_columns_and_targets():
    S, Q = normal(40, 20, seed=27), normal(1, 40, 1, seed=28)
    x = enclose(S, Q, Effort(nodes=2), starts=8)
    polar = polar_problem.prepare(S, Q)
    assert float(x.upper) < 0.9 * float(polar.root_bound())
    below = enclose(S, Q, Effort(target=1.001 * float(x.upper)), starts=8)
    assert float(below.upper) <= 1.001 * float(x.upper)
    half = 0.5 * float(x.lower)
    assert float(enclose(S, Q, Effort(target=half, nodes=8), starts=8).lower) > half
    found = enclose(S, Q, Effort(enough=half), starts=8)  # ends before the first cut
    assert found.search.made == 0
    assert found.lower > half
    assert found.upper >= x.lower


def test_high_rank_of_outputs_keeps_the_cones():
    S, Q = normal(30, 6, seed=29), normal(1, 30, 8, seed=30)
    assert isinstance(enclose(S, Q, Effort(seconds=0.0)).search.covers[0].bound, Cones)


def random_rows(S, seed):
    q = normal(4, len(S), seed=seed)
    upper = q > 0
    return q, BarrierRows(upper, q.abs() / 2, q / 2, q.abs() / q.abs().sum(1, keepdim=True) * S.shape[1])


def test_newton_direction_is_that_of_the_merit():
    """Gradient along the direction, and the decrement, from finite differences of the merit."""
    S = normal(9, 3, seed=33)
    S = S / S.norm(dim=1, keepdim=True)
    barrier = Barrier(S)
    _, rows = random_rows(S, 34)
    mu = torch.full((4,), 1e-2, dtype=torch.float64)
    M = barrier.centre(4)
    for _ in range(3):
        dM, reach, _ = barrier.direction(barrier.state(M, rows, mu))
        M = M + (0.5 * reach)[:, None, None] * dM
    dM, _, decrement = barrier.direction(barrier.state(M, rows, mu))
    assert dM.diagonal(dim1=1, dim2=2).sum(1).abs().max() < 1e-9
    assert dM[:, 0, 0].abs().max() < 1e-9
    h = 1e-4
    plus, minus, middle = (barrier.state(M + t * h * dM, rows, mu).merit() for t in (1, -1, 0))
    torch.testing.assert_close((plus - minus) / (2 * h), decrement * mu, rtol=1e-4, atol=1e-9)
    torch.testing.assert_close((2 * middle - plus - minus) / h**2, decrement * mu, rtol=1e-2, atol=1e-7)


def excess_over_majorants(seed):
    """Largest value at random points less the bound, for majorants far from any optimum."""
    S = normal(15, 5, seed=seed)
    S = S / S.norm(dim=1, keepdim=True)
    q, rows = random_rows(S, seed + 1)
    barrier = Barrier(S)
    mu = torch.full((4,), 1e-2, dtype=torch.float64)
    noise = normal(4, 6, 6, seed=seed + 2)
    found = barrier.majorants(barrier.state(barrier.centre(4), rows, mu), 0.1 * (noise + noise.mT))
    u = normal(50_000, 5, seed=seed + 3)
    u = u / u.norm(dim=1, keepdim=True)
    u = torch.cat([u, -u])
    return ((u @ S.T).clamp(min=0) @ q.T).amax(0) - found.bound()


@pytest.mark.parametrize("seed", range(5))
def test_any_majorants_bound_and_wrong_ones_are_caught(seed):
    assert (excess_over_majorants(10 * seed) <= 0).all()
    S = normal(1, 5, seed=seed)
    S = S / S.norm()
    one = torch.ones(1, 1, dtype=torch.float64)
    exact = majorants.Majorants(S, one, 0 * one, 0 * one, torch.zeros(1, 1, 5, dtype=torch.float64), one)
    assert 1 <= exact.bound().item() <= 1 + 1e-12
    quadratic = majorants.Majorants(S, 0 * one, one / 2, one / 2, torch.zeros(1, 1, 5, dtype=torch.float64), one)
    assert 1 <= quadratic.bound().item() <= 1 + 1e-12  # |z| ≤ z²/2 + 1/2
    assert majorants.Majorants(S, 0 * one, one / 2, one / 3, exact.Y, one).bound().item() < 1  # γ < 1/(4β)


@pytest.mark.parametrize("k", [1, 2, 3, 5])
def test_covering_exceeds_the_norm_on_its_cone(k):
    V = torch.linalg.qr(normal(20, k, k, seed=40)).Q
    if k > 1:
        V[:, 0] = V[:, 0] + 0.5 * V[:, 1]
        V = V / V.norm(dim=2, keepdim=True)
    ell = covering(V)
    alpha = torch.rand(20, 2000, k, dtype=torch.float64, generator=stream(41))
    x = alpha @ V
    assert ((x @ ell[:, :, None])[:, :, 0] >= x.norm(dim=2)).all()
    torch.testing.assert_close((V @ ell[:, :, None])[:, :, 0], torch.ones(20, k, dtype=torch.float64))


def test_coordinates_keep_the_norm():
    Q = normal(2, 12, 2, seed=42) @ normal(2, 2, 4, seed=43)
    inner, missed = coordinates(Q, torch.ones(12, dtype=torch.float64))
    assert inner.shape == (2, 12, 2)
    z = torch.rand(12, 500, dtype=torch.float64, generator=stream(44))
    outer = (Q.mT @ z).norm(dim=1)
    assert (outer <= (inner.mT @ z).norm(dim=1) + missed[:, None]).all()
    assert (missed < 1e-12 * Q.norm(dim=(1, 2))).all()


@pytest.mark.parametrize("c", [1, 2])
def test_no_cell_is_bounded_below_a_point_that_lies_in_it(c):
    """Cells around the maximiser and random points, some or all signs fixed, pushed as low as Newton's method goes."""
    S, Q = normal(14, 5, seed=50), normal(1, 14, c, seed=51)
    polar = polar_problem.prepare(S, Q)
    u = torch.cat([ascent.summits(polar.S, polar.Q[0], polar.S[:0], 2)[1][:1], normal(29, 5, seed=52)])
    u = u / u.norm(dim=1, keepdim=True)
    method = RowSigns(polar, u[:1])
    start = method.children(method.start()[0])
    x = (u @ polar.S.T).clamp(min=0) @ polar.Q[0]
    alpha = torch.einsum("mc,kcj->mkj", (u @ method.S.T).clamp(min=0) @ method.Q[0], torch.linalg.inv(start.cells[1]))
    where = (alpha >= 0).all(2).double().argmax(1)  # the cone of v that holds the output
    cells = start[where]
    share = torch.linspace(0, 1, 30, dtype=torch.float64)[:, None]
    fixed = torch.rand(30, len(method.S), dtype=torch.float64, generator=stream(53)) <= share
    cells.cells[0].copy_(torch.where(fixed, (u @ method.S.T).sign(), 0.0).to(torch.int8))
    bound = method.bounded(cells, torch.full((1,), 1e-3, dtype=torch.float64))[0].bound
    assert (bound >= x.norm(dim=1)).all()
    assert bound[0] <= 3 * x[0].norm()
