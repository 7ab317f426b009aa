"""The polar of tensors of rank one: grids, orthogonal components, partial transposition, cones, limits."""

import cvxpy as cp
import numpy as np
import pytest
import torch

import global_optimality as go
import laws
from deep_draws import draw, networks, pair_polar, trio
from global_optimality.polar import tensor
from global_optimality.polar.ascent import ascend
from global_optimality.polar.best_first import begin, refine
from global_optimality.polar.partial_transpose import PrimalDual, partial_transpose_bound, proved
from global_optimality.polar.tensor import TensorCones


def sphere_grid(T: np.ndarray, count: int = 2000) -> float:
    """max over unit u in the plane of σ₁(T(u, ·, ·)), on a grid."""
    angles = np.linspace(0, np.pi, count)
    slices = np.cos(angles)[:, None, None] * T[0] + np.sin(angles)[:, None, None] * T[1]
    return float(np.linalg.norm(slices, 2, axis=(1, 2)).max())


@pytest.mark.slow
@pytest.mark.parametrize("sizes", [(2, 3, 4), (2, 2, 2)])
def test_tensors_against_a_grid(sizes):
    mapping, Q = go.RankOneTensor(sizes), draw("T", 2, *sizes)
    found = [sphere_grid(q.numpy()) for q in Q]
    for theta in trio(3):
        polar = pair_polar(mapping, theta)
        bound = polar(Q)
        laws.polar_encloses(polar, mapping, theta, Q, networks(mapping, 2))
        assert bound.lower.tolist() == pytest.approx(found, rel=1e-5)
        assert bound.upper.tolist() == pytest.approx(found, rel=1e-5)


@pytest.mark.parametrize("order", [3, 4])
def test_tensors_with_orthogonal_components(order):
    """Σ_j c_j e_j ⊗ … ⊗ e_j, rotated, has spectral norm max |c_j|."""
    T = np.zeros((3,) * order)
    for j, c in enumerate((1.0, -2.5, 2.0)):
        T[(j,) * order] = c
    for axis in range(order):
        rotation = np.linalg.qr(draw(f"rotation {axis}", 3, 3).numpy())[0]
        T = np.moveaxis(np.tensordot(rotation, T, (1, axis)), 0, axis)
    bound = pair_polar(go.RankOneTensor((3,) * order), go.SumOfPowers(order))(torch.tensor(T)[None])
    assert float(bound.lower) == pytest.approx(2.5, rel=1e-6)
    assert 2.5 * (1 - 1e-12) <= float(bound.upper) <= 2.5 * (1 + 1e-5)


def choi_lam() -> torch.Tensor:
    """‖T(·, y, z)‖² = 2‖y‖²‖z‖² − B(y, z) with B ≥ 0, zero at places, and no sum of squares (Choi and Lam 1977)."""
    T = torch.zeros(7, 3, 3, dtype=torch.float64)
    for i in range(3):
        T[0, i, i] = T[1 + i, i, (i + 1) % 3] = 1
        T[4 + i, (i + 1) % 3, i] = 2**0.5
    return T


def relaxed(T: torch.Tensor) -> float:
    """min over W of λ_max(M + W) by a general solver, W transposed by its first factor being −W; the root of it."""
    F, (_, a, b) = T.flatten(1).numpy(), T.shape
    blocks = [[cp.Variable((b, b)) for _ in range(a)] for _ in range(a)]
    W = cp.bmat([[blocks[i][j] - blocks[j][i] for j in range(a)] for i in range(a)])
    program = cp.Problem(cp.Minimize(cp.lambda_max(F.T @ F + (W + W.T) / 2)))
    program.solve(solver=cp.CLARABEL, tol_gap_abs=1e-9, tol_gap_rel=1e-9, tol_feas=1e-9)
    return float(program.value) ** 0.5


def transposed(T: torch.Tensor, goal: float = 0.0) -> torch.Tensor:
    """``partial_transpose_bound`` of a batch."""
    return partial_transpose_bound(T, T.new_full((len(T),), goal), go.Effort().started())


@pytest.mark.parametrize("T", [choi_lam(), draw("T", 4, 3, 3)], ids=["not tight", "tight"])
def test_partial_transposition_is_the_semidefinite_program(T):
    assert float(transposed(T[None])) == pytest.approx(relaxed(T), rel=1e-7)


def test_where_partial_transposition_is_not_tight_cones_decide():
    T = choi_lam()[None]
    assert float(transposed(T)) > 1.03 * 2**0.5
    assert float(transposed(T.movedim(2, 1))) == pytest.approx(2**0.5, rel=1e-7)
    bound = pair_polar(go.RankOneTensor((7, 3, 3)), go.SumOfPowers(3))(T)
    assert 2**0.5 * (1 - 1e-14) <= float(bound.upper) <= 2**0.5 * (1 + 2e-7)


@pytest.mark.slow
@pytest.mark.parametrize("sizes", [(7, 2, 5), (9, 8, 8), (2, 3, 2, 2), (4, 1, 3)])
def test_partial_transposition_is_tight(sizes):
    """Always with an axis of 2 (Calderón 1973), and in every random tensor that was tried."""
    Q = draw("T", 2, *sizes) * torch.tensor([1e-9, 1e7], dtype=torch.float64).reshape(2, *[1] * len(sizes))
    bound = pair_polar(go.RankOneTensor(sizes), go.SumOfPowers(len(sizes)))(Q)
    assert bool((bound.upper <= bound.lower * (1 + 1.1e-7)).all())
    closest = torch.stack([transposed(q[None], 0.0)[0] for q in Q])
    assert bool((bound.lower <= closest).all() and (closest <= bound.lower * (1 + 1e-9)).all())


@pytest.mark.parametrize("sizes", [(3, 3, 3), (5, 2, 4), (3, 2, 2, 2), (1, 1, 1), (1, 4, 3)])
def test_no_bound_is_below_a_value(monkeypatch, sizes):
    """At whatever step it ends, at all scales of the data, of single slices, and for degenerate tensors."""
    T, ones = draw("T", 1, *sizes), torch.ones(1, *sizes, dtype=torch.float64)
    slices = torch.logspace(-8, 8, sizes[1], dtype=torch.float64).reshape(-1, *[1] * (len(sizes) - 2))
    cases = torch.cat([T, 0 * T, ones, -1e-12 * T, 1e12 * T, slices * T, 1e-140 * T, T.clamp(min=0)])
    mapping, theta = go.RankOneTensor(sizes), go.SumOfPowers(len(sizes))
    value, _ = ascend(mapping, theta, cases, starts=16, steps=200)
    for steps in (1, 2, 4, 40):
        monkeypatch.setattr("global_optimality.polar.partial_transpose.STEPS", steps)
        assert bool((transposed(cases) >= value).all())
    assert bool((transposed(cases) <= value * (1 + 1e-6)).all())
    if sizes == (5, 2, 4):
        laws.polar_encloses(pair_polar(mapping, theta), mapping, theta, cases, networks(mapping, 8, 20))


@pytest.mark.parametrize("size", [1.0, 1e-6, 1e3])
def test_whatever_the_solver_says_is_proved(size):
    """Any symmetric matrix in place of the solver's gives a bound."""
    T = draw("T", 6, 3, 4, 2)
    M, noise = T.flatten(2).mT @ T.flatten(2), draw("S", 6, 8, 8)
    square = proved(PrimalDual(M, M, size * (noise + noise.mT)), (4, 2))
    attained, _ = ascend(go.RankOneTensor((3, 4, 2)), go.SumOfPowers(3), T, starts=16)
    assert bool((square.sqrt() >= attained * (1 - 1e-14)).all())


@pytest.mark.slow
def test_limits_of_tensors(monkeypatch):
    """Without time or memory the unfoldings bound; more time bounds better."""
    mapping, Q = go.RankOneTensor((7, 8, 9)), draw("T", 1, 7, 8, 9)
    unfolded = float(
        min(np.linalg.norm(np.moveaxis(Q[0].numpy(), k, 0).reshape(Q.shape[1 + k], -1), 2) for k in range(3))
    )
    polar = pair_polar(mapping, go.SumOfPowers(3))
    assert float(polar.spending(go.Effort(seconds=0.0))(Q).upper) == pytest.approx(unfolded, rel=1e-9)
    target = polar.spending(go.Effort(target=0.9 * unfolded))(Q)
    assert float(target.lower) * (1 + 1e-5) < float(target.upper) <= 0.9 * unfolded
    monkeypatch.setattr(tensor, "bytes_needed", lambda shape: 1 << 60)
    assert float(polar.spending(go.Effort(memory=1 << 30))(Q).upper) == pytest.approx(unfolded, rel=1e-9)
    search = begin([TensorCones(draw("T", 3, 5, 5))], torch.zeros(1, dtype=torch.float64))
    assert refine(search, go.Effort(nodes=500, tolerance=1e-6)).upper <= search.upper
