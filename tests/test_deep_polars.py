"""Polars of deep subnetworks: closed forms, dense grids, convex programs for all cells, random networks; the search."""

import itertools
import math

import numpy as np
import pytest
import torch
from scipy import optimize

import global_optimality as go
import laws
from book.benchmarks import deep as deep_benchmarks
from global_optimality.factors import Factors
from global_optimality.mappings import Mapping
from global_optimality.polar.ascent import ascend
from global_optimality.polar.best_first import begin, refine
from global_optimality.polar.deep_relu import atom_of, deep_relu_polar, number_of_orthants, search_of
from global_optimality.polar.fans import normalised
from global_optimality.polar.relu_cones import ReluCones
from global_optimality.polar.tensor import TensorCones
from global_optimality.regularizers import Regularizer
from global_optimality.streams import generator, normal

TWO = go.Norm.TWO


def draw(name: str, *shape: int) -> torch.Tensor:
    return normal(generator(0, "tests", "deep polars", name, *shape), *shape)


def trio(layers: int) -> tuple[Regularizer, ...]:
    return go.SumOfPowers(layers), go.BalancedWeightDecay(layers), go.ProductOfNorms((TWO,) * layers)


def pair_polar(mapping: Mapping, theta: Regularizer):
    return go.polar_of(go.Problem(go.SquaredLoss(torch.zeros(mapping.shape, dtype=torch.float64)), mapping, theta, 1.0))


def networks(mapping: Mapping, n: int, r: int = 3000) -> Factors:
    return tuple(draw(f"networks {k}", n, r, *shape) for k, shape in enumerate(mapping.factor_shapes))


# --- exact polars -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("widths", [(1, 4), (3, 4), (2, 1, 4), (3, 2, 2, 4)])
def test_deep_linear_is_the_spectral_norm(widths):
    S = draw("S", 7, 5)
    for mapping in (go.DeepLinear(5, widths), go.DeepLinear(5, widths, S)):
        Q = draw("Q", 3, *mapping.shape)
        matrices = Q.numpy() if mapping.S is None else np.einsum("ij,nik->njk", S.numpy(), Q.numpy())
        truth = np.linalg.norm(matrices, 2, axis=(1, 2))
        for theta in trio(len(widths)):
            polar = pair_polar(mapping, theta)
            laws.polar_contains(polar(Q), truth)
            laws.polar_encloses(polar, mapping, theta, Q, networks(mapping, 3))
            assert bool((polar(Q).upper - polar(Q).lower <= 1e-12 * polar(Q).upper).all())
            assert float(polar(0 * Q).upper.max()) == 0


def test_two_factors_have_one_polar_for_all_balanced_regularizers():
    Q = draw("Q", 2, 4, 3)
    for theta in (*trio(2), go.SumOfSquares(), go.WeightDecay()):
        laws.polar_contains(pair_polar(go.MatrixProduct(4, 3), theta)(Q), np.linalg.norm(Q.numpy(), 2, axis=(1, 2)))


# --- deep ReLU: references --------------------------------------------------------------------------------------------


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


def test_homogeneous_in_q():
    mapping, Q = go.DeepRelu(draw("S", 6, 2), (2, 2, 1)), draw("Q", 1, 6, 1)
    polar = deep_relu_polar(mapping, go.Effort(tolerance=1e-5))
    one = polar(Q)
    for s in (1e-6, 1e5):
        other = polar(s * Q)
        assert float(other.lower) <= s * float(one.upper) * (1 + 1e-12)
        assert s * float(one.lower) <= float(other.upper) * (1 + 1e-12)


# --- the search -------------------------------------------------------------------------------------------------------


def test_the_search_narrows_can_be_resumed_and_stops_at_its_target():
    mapping, Q = go.DeepRelu(draw("S", 8, 2), (2, 2, 1)), draw("Q", 8, 1)
    tolerance = 1e-4
    whole = refine(search_of(mapping, Q), go.Effort(nodes=100_000, tolerance=tolerance))
    parts = search_of(mapping, Q)
    for _ in range(400):
        parts = refine(parts, go.Effort(nodes=500, tolerance=tolerance))
    for search in (whole, parts):
        made, lower, upper = (list(x) for x in zip(*search.history, strict=True))
        assert made == sorted(made)
        assert lower == sorted(lower)
        assert upper == sorted(upper, reverse=True)
        assert search.upper <= search.lower * (1 + 2 * tolerance)
    assert whole.upper >= parts.lower
    assert parts.upper >= whole.lower
    target = 1.2 * float(whole.lower)
    early = refine(search_of(mapping, Q), go.Effort(nodes=100_000, tolerance=tolerance, target=target))
    assert float(whole.lower) <= float(early.upper) <= target
    assert early.made < whole.made
    atom = atom_of(mapping, whole)
    assert float(mapping.inner(Q[None], *atom)) == pytest.approx(float(whole.lower), rel=1e-12)


def test_bounds_hold_on_every_cone():
    """On random cones of all sizes the bound exceeds F at random points inside, for all patterns and depths."""
    stream = generator(1, "cones")
    S, Q = draw("S", 6, 2), draw("Q", 6, 2)
    for widths, signs, slope in (((), (1.0, -1.0), 0.0), ((), (1.0, -1.0, 1.0), 0.3), ((2,), (1.0, -1.0), 0.0)):
        f = ReluCones(S, Q, widths, torch.tensor(signs, dtype=torch.float64), slope, outer=True)
        cones = f.orthants()
        for size in (1.0, 0.5, 0.1):
            around = tuple(normalised(v + 0.3 * normal(stream, *v[:, :1].shape)) for v in cones)
            small = tuple(normalised(v.sum(1, keepdim=True) / v.shape[1] + size * v) for v in around)
            bound = f.bounds(small)
            for _ in range(20):
                inside = []
                for v in small:
                    t = normal(stream, *v.shape[:2]).exp()
                    inside.append(normalised((t[:, :, None, None] * v).sum(1)))
                seen = torch.isfinite(bound) | (bound > 0)  # −∞: left to fewer units
                assert bool((f.value(tuple(inside)) <= bound + f.error(0))[seen].all())


def test_values_are_as_exact_as_their_rounding_is_said_to_be():
    """Against extended precision, and what is claimed is no million times the true rounding."""
    stream = generator(2, "rounding")
    S, Q = draw("many S", 400, 3), draw("many Q", 400, 2)
    f = ReluCones(S, Q, (2,), torch.tensor((1.0, -1.0), dtype=torch.float64), 0.0, outer=True)
    points = tuple(normalised(normal(stream, 50, *shape)) for shape in f.blocks)
    s, q = (x.numpy().astype(np.longdouble) for x in (S, Q))
    exact = []
    for w, z in zip(*(p.numpy().astype(np.longdouble) for p in points), strict=True):
        h = np.maximum(s @ w.reshape(3, 2), 0) @ z.T
        out = np.maximum(np.maximum(h, 0) @ np.array([1.0, -1.0], dtype=np.longdouble), 0)
        exact.append(np.sqrt(((out @ q) ** 2).sum()))
    off = np.abs(f.value(points).numpy() - np.array(exact)).max()
    claimed = f.evaluation * f.eps * f.scale
    assert off <= claimed < f.error(0)
    assert claimed <= 1e6 * max(off, f.eps * f.scale / 400)
    assert f.error(40) > f.error(0)


def test_negative_control_fewer_units_do_not_bound_more():
    """The search over one unit alone stays below what two units reach: patterns matter, and tests can see it."""
    x = torch.linspace(-1, 1, 6, dtype=torch.float64)
    S, q = torch.stack([x, torch.ones_like(x)], 1), torch.tensor([[0.4], [-0.5], [-0.5], [0.5], [0.4], [-0.4]]).double()
    one = deep_relu_polar(go.DeepRelu(S, (1, 1, 1)))(q[None])
    two = deep_relu_polar(go.DeepRelu(S, (2, 1, 1)))(q[None])
    assert float(one.upper) < 0.999 * float(two.lower)


def test_orthants_are_counted():
    for widths in ((2, 2, 1), (3, 1, 1), (1, 1), (2, 2, 1, 1)):
        mapping = go.DeepRelu(draw("S", 4, 2), widths)
        search = search_of(mapping, draw("Q", 4, 1))
        assert search.history[0][0] <= number_of_orthants(mapping)


def test_progress_is_measured():
    progress = deep_benchmarks.branch_and_bound(samples=6, width=2, cones=4000)
    assert progress["gap"].is_monotonic_decreasing
    assert progress["cones"].is_monotonic_increasing
    assert (progress["gap"] >= 0).all()


# --- tensors ----------------------------------------------------------------------------------------------------------


def sphere_grid(T: np.ndarray, count: int = 2000) -> float:
    """max over unit u in the plane of σ₁(T(u, ·, ·)), on a grid."""
    angles = np.linspace(0, np.pi, count)
    slices = np.cos(angles)[:, None, None] * T[0] + np.sin(angles)[:, None, None] * T[1]
    return float(np.linalg.norm(slices, 2, axis=(1, 2)).max())


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


def test_large_tensors_are_bounded_by_unfoldings():
    mapping, Q = go.RankOneTensor((7, 8, 9)), draw("T", 1, 7, 8, 9)
    bound = pair_polar(mapping, go.SumOfPowers(3))(Q)
    unfolded = min(np.linalg.norm(np.moveaxis(Q[0].numpy(), k, 0).reshape(Q.shape[1 + k], -1), 2) for k in range(3))
    assert float(bound.upper) == pytest.approx(unfolded, rel=1e-9)
    laws.polar_encloses(lambda q: bound, mapping, go.SumOfPowers(3), Q, networks(mapping, 1))
    search = begin([TensorCones(draw("T", 3, 5, 5))], torch.zeros(1, dtype=torch.float64))
    assert refine(search, go.Effort(nodes=500, tolerance=1e-6)).upper <= search.upper


# --- convolutions, ascent, lookup -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "mapping",
    [
        go.ConvPool(draw("images", 6, 1, 6, 6), 2, 3, 2, 2),
        go.ConvPool(draw("images", 6, 1, 6, 6), 2, 3, 2, 2, go.Pooling.AVERAGE),
        go.AlexNet(draw("images", 4, 1, 12, 12), (2, 2), (3, 2), (2, 2), 2, 2),
    ],
)
def test_convolutions_are_enclosed(mapping):
    Q = draw("Q", 2, *mapping.shape)
    for theta in trio(mapping.degree)[:2]:
        laws.polar_encloses(pair_polar(mapping, theta), mapping, theta, Q, networks(mapping, 2, 200))


def test_ascent_finds_the_spectral_norm():
    Q = draw("Q", 3, 5, 4)
    value, atom = ascend(go.DeepLinear(5, (2, 2, 4)), go.SumOfPowers(3), Q, starts=32)
    truth = torch.linalg.matrix_norm(Q, 2)
    laws.same(value, truth, 1e-8)
    laws.same(go.SumOfPowers(3).theta(*atom)[:, 0], torch.ones(3, dtype=torch.float64), 1e-12)
    value, atom = ascend(go.MatrixProduct(2, 2), go.SumOfSquares(), torch.zeros(1, 2, 2, dtype=torch.float64))
    assert float(value) == 0


@pytest.mark.parametrize(
    ("mapping", "theta"),
    [
        (go.DeepRelu(draw("S", 4, 2), (2, 1, 1)), go.PathNorm(3)),
        (go.DeepRelu(draw("S", 4, 2), (2, 1, 1)), go.ProductOfNorms((go.Norm.ONE, TWO, TWO))),
        (go.DeepLinear(4, (2, 3)), go.ProductOfNorms((go.Norm.ONE, TWO))),
        (go.RankOneTensor((2, 2, 2)), go.ProductOfNorms((go.Norm.ONE, TWO, TWO))),
    ],
)
def test_unknown_pairs(mapping, theta):
    with pytest.raises(LookupError, match="no polar is known"):
        pair_polar(mapping, theta)
