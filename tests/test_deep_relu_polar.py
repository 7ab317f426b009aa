"""The polar of deep ReLU networks against grids and convex programs, and what it reduces to."""

import itertools
import math

import numpy as np
import pytest
import torch
from scipy import optimize

import global_optimality as go
import laws
from deep_draws import draw, networks, pair_polar, trio
from global_optimality.polar.deep_relu import deep_relu_polar


def circle(S: np.ndarray, count: int) -> np.ndarray:
    """(Su)₊ for unit u in the plane: ``count`` even angles and all kinks."""
    angles = np.linspace(0, 2 * np.pi, count, endpoint=False)
    kinks = np.arctan2(S[:, 0], -S[:, 1])
    angles = np.concatenate([angles, kinks, kinks + np.pi])
    return np.maximum(np.stack([np.cos(angles), np.sin(angles)], 1) @ S.T, 0)


def two_units(S: np.ndarray, q: np.ndarray, count: int) -> tuple[float, float]:
    """max |qᵀ(a x − (1 − a) y)₊| over x, y on a grid and all a (a kink or an end is best), and a bound of its error."""
    X = circle(S, count)
    best = 0.0
    for x in X:
        shares = np.divide(X, x + X, out=np.ones_like(X), where=x + X > 0)
        for a in np.concatenate([shares.T, np.ones((1, len(X)))]):
            best = max(best, float(np.abs(np.maximum(a[:, None] * x - (1 - a)[:, None] * X, 0) @ q).max()))
    return best, float(np.abs(q) @ np.linalg.norm(S, axis=1)) * np.pi / count


def one_unit(S: np.ndarray, q: np.ndarray) -> float:
    """max |qᵀ(Su)₊| in the plane, exactly: gradients of all cells that lie inside, and all kinks."""
    best = float(np.abs(circle(S, 1) @ q).max())
    kinks = np.sort(np.concatenate([np.arctan2(S[:, 0], -S[:, 1]), np.arctan2(-S[:, 0], S[:, 1])]))
    for left, right in zip(kinks, np.roll(kinks, -1), strict=True):
        middle = (left + right + 2 * np.pi * (right < left)) / 2
        on = S @ [np.cos(middle), np.sin(middle)] > 0
        gradient = S[on].T @ q[on]
        for sign in (1, -1):
            u = sign * gradient
            if np.linalg.norm(u) > 0:
                best = max(best, abs(float(np.maximum(S @ u, 0) @ q)) / float(np.linalg.norm(u)))
    return best


@pytest.mark.slow
@pytest.mark.parametrize("case", range(4))
def test_three_layers_against_a_grid(case):
    S, q = draw(f"grid S {case}", 6, 2), draw(f"grid q {case}", 6, 1)
    bound = deep_relu_polar(go.DeepRelu(S, (2, 3, 1)), go.Effort(tolerance=1e-6))(q[None])
    found, error = two_units(S.numpy(), q[:, 0].numpy(), 200)
    assert found <= float(bound.upper) * (1 + 1e-12)
    assert float(bound.lower) <= found + error
    assert float(bound.upper) <= float(bound.lower) * (1 + 1e-5)


def convex_programs(S: np.ndarray, q: np.ndarray) -> float:
    """max ±qᵀ(Σ_j σ_j (S v_j)₊)₊ over Σ‖v_j‖ ≤ 1, σ = (1, −1), inputs in the plane, pattern by pattern.

    In the cone Av ≥ 0 of one pattern it is linear, c·v: a second-order cone program of four unknowns.
    """
    angles = np.sort(np.concatenate([np.arctan2(S[:, 0], -S[:, 1]), np.arctan2(-S[:, 0], S[:, 1])]))
    middles = (angles + np.roll(angles, -1) + 2 * np.pi * (np.roll(angles, -1) < angles)) / 2
    cells = [(S @ [np.cos(t), np.sin(t)] > 0).astype(float) for t in middles]
    best = 0.0
    for one, two in itertools.product(cells, repeat=2):
        signed = np.hstack([one[:, None] * S, -two[:, None] * S])
        inner = np.vstack(
            [
                np.hstack([(2 * one - 1)[:, None] * S, np.zeros_like(S)]),
                np.hstack([np.zeros_like(S), (2 * two - 1)[:, None] * S]),
            ]
        )
        for outer in itertools.product((0.0, 1.0), repeat=len(S)):
            on = np.array(outer)
            A = np.vstack([inner, (2 * on - 1)[:, None] * signed])
            for sign in (1, -1):
                c = sign * (q * on) @ signed
                if max(np.linalg.norm(c[:2]), np.linalg.norm(c[2:])) > best:
                    best = max(best, _program(c, A))
    return best


def _program(c: np.ndarray, A: np.ndarray) -> float:
    """max c·v over Av ≥ 0, ‖v_1‖ + ‖v_2‖ ≤ 1, from the best vertex of the cone within a cube (SLSQP)."""
    starts = optimize.linprog(-c, A_ub=-A, b_ub=np.zeros(len(A)), bounds=[(-1, 1)] * 4)
    if -starts.fun <= 1e-9:
        return 0.0
    result = optimize.minimize(
        lambda v: -c @ v,
        starts.x / (np.linalg.norm(starts.x[:2]) + np.linalg.norm(starts.x[2:])),
        jac=lambda v: -c,
        constraints=[
            {"type": "ineq", "fun": lambda v: A @ v, "jac": lambda v: A},
            {"type": "ineq", "fun": lambda v: 1 - np.hypot(v[0], v[1]) - np.hypot(v[2], v[3])},
        ],
        method="SLSQP",
        options={"ftol": 1e-12, "maxiter": 200},
    )
    v = result.x
    if (A @ v).min() < -1e-7:
        return 0.0
    return float(c @ v) / float(np.hypot(v[0], v[1]) + np.hypot(v[2], v[3]))


@pytest.mark.slow
def test_three_layers_against_convex_programs_of_all_patterns():
    S, q = draw("programs S", 3, 2), draw("programs q", 3, 1)
    bound = deep_relu_polar(go.DeepRelu(S, (2, 1, 1)))(q[None])
    truth = convex_programs(S.numpy(), q[:, 0].numpy())
    assert float(bound.lower) == pytest.approx(truth, rel=1e-6)
    assert float(bound.upper) >= truth * (1 - 1e-9)


@pytest.mark.parametrize("widths", [(1, 1), (3, 1), (1, 2, 1), (1, 3, 2, 1)])
def test_width_one_and_two_layers_reduce_to_one_hidden_layer(widths):
    S, Q = draw("one S", 9, 2), draw("one Q", 2, 9, 1)
    mapping = go.DeepRelu(S, widths)
    assert mapping.effective_widths == (1,)
    truth = np.array([one_unit(S.numpy(), q[:, 0].numpy()) for q in Q])
    for theta in trio(len(widths)):
        bound = pair_polar(mapping, theta)(Q)
        laws.polar_contains(bound, truth)
        assert bool((bound.upper <= bound.lower * (1 + 1e-6)).all())
    assert go.DeepRelu(S, (1, 3, 2, 1), 0.1).effective_widths == (1, 3, 1), "leaky units do not collapse"


@pytest.mark.parametrize("widths", [(3, 2), (1, 2, 2), (1, 3, 2, 2)])
def test_a_network_that_reduces_to_one_hidden_layer_has_its_polar_to_the_last_bit(widths):
    S, Q = draw("one S", 9, 3), draw("one Q", 2, 9, 2)
    mapping, one = go.DeepRelu(S, widths), pair_polar(go.ReluUnit(S, 2), go.SumOfSquares())(Q)
    for theta in trio(len(widths)):
        bound = pair_polar(mapping, theta)(Q)
        assert torch.equal(bound.lower, one.lower)
        assert torch.equal(bound.upper, one.upper)
        laws.same(mapping.inner(Q, *bound.atom)[:, 0], one.lower, 1e-12)
        laws.same(theta.theta(*bound.atom)[:, 0], torch.ones_like(one.lower), 1e-12)


def test_reductions_keep_the_outputs_of_unit_factors():
    S = draw("one S", 9, 2)
    for mapping in (go.DeepRelu(S, (3, 2)), go.DeepRelu(S, (1, 2, 2)), go.DeepRelu(S, (1, 3, 1, 2))):
        reduction = mapping.reduction
        assert reduction is not None
        W = tuple(w / w.norm(dim=2, keepdim=True) for w in networks(reduction.mapping, 5))
        lifted = reduction.lift(W)
        laws.same(mapping.phi(*lifted), reduction.mapping.phi(*W), 1e-12)
        for w in lifted:
            laws.same(w.flatten(2).norm(dim=2), torch.ones_like(w.flatten(2)[..., 0]), 1e-12)
    assert go.DeepRelu(S, (3, 2), 0.1).reduction is None, "a leaky unit is no ReLU unit"
    assert go.DeepRelu(S, (2, 2, 2)).reduction is None


@pytest.mark.slow
@pytest.mark.parametrize(
    ("mapping", "width"),
    [
        (go.DeepRelu(draw("S", 6, 2), (2, 2, 1)), 1e-6),
        (go.DeepRelu(draw("S", 6, 2), (2, 1, 3)), 1e-3),
        (go.DeepRelu(draw("S", 6, 2), (2, 2, 1), 0.2), 1e-3),
        (go.DeepRelu(draw("S", 5, 2), (3, 1, 1)), 0.5),
        (go.DeepRelu(draw("S", 5, 3), (2, 1, 1)), 1e-3),
        (go.DeepRelu(draw("S", 5, 4), (3, 2)), 1e-3),
        (go.DeepRelu(draw("S", 4, 2), (2, 2, 2, 1)), 2.0),
        (go.DeepRelu(draw("S", 9, 6), (5, 4, 1)), math.inf),
    ],
)
def test_deep_relu_encloses(mapping, width):
    Q = draw("Q", 1, *mapping.shape)
    polar = deep_relu_polar(mapping, go.Effort(nodes=8000, tolerance=1e-6))
    bound = polar(Q)
    for theta in trio(mapping.degree):
        laws.polar_encloses(lambda q: bound, mapping, theta, Q, networks(mapping, 1))
    assert float(bound.upper / bound.lower) <= 1 + width
    zero = polar(0 * Q)
    assert float(zero.lower) == float(zero.upper) == 0


@pytest.mark.slow
def test_homogeneous_in_q():
    mapping, Q = go.DeepRelu(draw("S", 6, 2), (2, 2, 1)), draw("Q", 1, 6, 1)
    polar = deep_relu_polar(mapping, go.Effort(tolerance=1e-5))
    one = polar(Q)
    for s in (1e-6, 1e5):
        other = polar(s * Q)
        assert float(other.lower) <= s * float(one.upper) * (1 + 1e-12)
        assert s * float(one.lower) <= float(other.upper) * (1 + 1e-12)
