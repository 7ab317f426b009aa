"""Saddles, segments and cones: where descents may go on their way."""

from itertools import pairwise

import pytest
import torch

import laws
import reference
from cases import (
    FIRST_ORDER,
    REGULARIZERS,
    SEMIDEFINITE,
    factors,
    matrix,
    params,
    problem,
    starts,
)
from global_optimality import (
    LBFGS,
    GradientDescent,
    NewtonCG,
    NonNegative,
    SquaredLoss,
    Status,
    minimise,
)
from global_optimality.factors import append, take_runs, zeros_like_slice

# --- saddles ----------------------------------------------------------------------------------------------------------


def saddle(rank: int) -> tuple:
    """A stationary network of eq. (6) that leaves out the leading singular vectors, and two zero subnetworks."""
    U, s, Vh = torch.linalg.svd(matrix(), full_matrices=False)
    root = (s - problem().lam).clamp(min=0).sqrt()[:, None]
    W = (root * U.T)[None, 3 - rank :], (root * Vh)[None, 3 - rank :]
    return append(append(W, zeros_like_slice((U.T[None], Vh[None]))), zeros_like_slice((U.T[None], Vh[None])))


@pytest.mark.parametrize("rank", [0, 1, 2])
def test_a_strict_saddle_is_left_along_negative_curvature_only(rank):
    f, W = problem(), saddle(rank)
    optimum = reference.shrunk(matrix().numpy(), f.lam)[1]
    assert float(f(*W)) > 1.01 * optimum
    for method in FIRST_ORDER.values():
        end = minimise(f, W, method, tol=1e-10)
        assert end.status == (Status.STATIONARY,)
        assert float(end.objective) == pytest.approx(float(f(*W)), rel=1e-12)
    end = minimise(f, W, NewtonCG(), tol=1e-10)
    assert end.status == (Status.SECOND_ORDER,)
    # two subnetworks were free: they find what was left out, unless more than two directions were
    missing = min(3 - rank, 2)
    kept = torch.linalg.svdvals(matrix())
    used = torch.zeros(3, dtype=torch.bool)
    used[3 - rank :] = rank > 0
    used[:missing] = True
    best = (
        0.5 * torch.where(used, kept.clamp(max=f.lam) ** 2, kept**2)
        + f.lam * used.double() * (kept - f.lam).clamp(min=0)
    ).sum()
    assert float(end.objective) == pytest.approx(float(best), rel=1e-10)


def test_second_order_ends_have_no_negative_curvature():
    f = problem("masked")
    end = minimise(f, f.random(4, 2), NewtonCG())
    size = sum(w[0].numel() for w in end.weights)
    for i in range(4):
        W = take_runs(end.weights, torch.tensor([i]))
        basis = torch.eye(size, dtype=torch.float64)
        parts = basis.split([w[0].numel() for w in W], 1)
        V = tuple(p.reshape(size, *w.shape[1:]) for p, w in zip(parts, W, strict=True))
        H = f.hessian_product(tuple(w.expand(size, -1, -1).contiguous() for w in W), V)
        values = torch.linalg.eigvalsh(torch.cat([h.flatten(1) for h in H], 1))
        assert float(values[0]) >= -1e-6 * f.lam


def test_local_minima_below_the_rank_are_those_of_the_truncated_svd():
    f = problem(lam=0.1)
    end = minimise(f, f.random(10, 2), NewtonCG())
    sigma = torch.linalg.svdvals(matrix())
    best = 0.5 * sigma[2] ** 2 + (0.5 * f.lam**2 + f.lam * (sigma[:2] - f.lam)).sum()
    laws.same(end.objective, best.expand(10), 1e-11)


# --- paths ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [GradientDescent, LBFGS, NewtonCG])
@pytest.mark.parametrize("theta", params(SEMIDEFINITE))
def test_with_interior_points_segments_do_not_rise(kind, theta):
    """``interior`` > 0: f is non-increasing along each straight step, looked at more finely than the method does."""
    f = problem(regularizer=theta)
    W = f.random(1, 3, seed=0)
    trail = [float(f(*W))]
    before = [W]

    def observe(new, _):
        inside = (torch.arange(1, 9) / 8)[:, None, None]
        trail.extend(f(*(a + inside * (b - a) for a, b in zip(before[-1], new, strict=True))).tolist())
        before.append(new)

    minimise(f, W, kind(interior=7), max_steps=60, observe=observe)
    assert len(trail) > 40
    laws.never_rises(trail)


@pytest.mark.slow
def test_wild_steps_do_rise_in_between_without_interior_points():
    """The control: a plain step may cross a hill, which is why ``interior`` exists."""
    f = problem()
    rises = 0
    for seed in range(3):
        before = [f.random(1, 3, seed=seed)]

        def observe(new, _, before=before):
            nonlocal rises
            values = [float(f(*(a + j / 8 * (b - a) for a, b in zip(before[-1], new, strict=True)))) for j in range(9)]
            rises += max(b - a for a, b in pairwise(values)) > 1e-6
            before.append(new)

        minimise(f, before[0], NewtonCG(), max_steps=60, observe=observe)
        minimise(f, tuple(5 * w for w in before[0]), LBFGS(), max_steps=60, observe=observe)
    assert rises > 0


@pytest.mark.slow
@pytest.mark.parametrize("theta", ["non-negative", "non-negative product"])
def test_gradient_descent_stays_in_the_cone(theta):
    f = problem(SquaredLoss(matrix().abs()), REGULARIZERS[theta], 0.2)
    seen_weights, values = [], []

    def observe(W, value):
        seen_weights.append(min(float(w.min()) for w in W))
        values.append(float(value[0]))

    end = minimise(f, factors(f.mapping, n=1), GradientDescent(), max_steps=2000, observe=observe)  # starts outside
    assert min(seen_weights) >= 0
    laws.never_rises(values)
    assert all(bool((w >= 0).all()) for w in end.weights)
    laws.descent_is_recomputed(f, end)
    if theta == "non-negative":
        assert end.status == (Status.STATIONARY,)
        _, gradient = f.gradient(*end.weights)
        for w, g in zip(end.weights, gradient, strict=True):  # Karush, Kuhn and Tucker
            assert float((w * g).abs().max()) <= 1e-7
            assert float(g[w == 0].min() if (w == 0).any() else 0) >= -1e-7


@pytest.mark.parametrize("method", [LBFGS(), NewtonCG()])
def test_methods_that_ignore_cones_are_refused(method):
    f = problem(regularizer=NonNegative())
    with pytest.raises(ValueError, match=r"ignores the cone.*use GradientDescent\(\)"):
        minimise(f, starts(f), method)
