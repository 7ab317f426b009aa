"""Dropout's expected objective, max-norm, and path norms of convolutions: references from outside, and degrees."""

import itertools
import math

import numpy as np
import pytest
import torch

import laws
from global_optimality import (
    ConvPool,
    DeepRelu,
    DropoutPenalty,
    GradientDescent,
    MatrixProduct,
    MaxNorm,
    PathNorm,
    Problem,
    ReluUnit,
    SquaredLoss,
    SumOfSquares,
    Verdict,
    WeightDecay,
    WeightedSum,
    certify,
    minimise,
)
from global_optimality.homogeneity import Homogeneity, Mismatch, Nondegeneracy, check_pair, measure_degree, report
from global_optimality.mappings import Mapping
from global_optimality.regularizers import dropout_lam
from global_optimality.streams import generator, normal

STREAM = generator(0, "tests", "implied regularizers")
S, IMAGES = normal(STREAM, 5, 2), normal(STREAM, 3, 2, 6, 6)
CONV = ConvPool(IMAGES, 3, 3, 2, 2)
MAPPINGS: dict[str, Mapping] = {
    "matrix": MatrixProduct(4, 3),
    "one hidden layer": ReluUnit(S),
    "three layers": DeepRelu(S, (2, 2, 1)),
    "convolution": CONV,
}


def weights(mapping: Mapping, n: int = 2, r: int = 3):
    return tuple(normal(generator(k, "implied"), n, r, *s) for k, s in enumerate(mapping.factor_shapes))


@pytest.mark.parametrize("mapping", MAPPINGS.values(), ids=MAPPINGS.keys())
@pytest.mark.parametrize("keep", [0.2, 0.5, 0.9])
def test_dropout_is_the_mean_over_all_masks(mapping, keep):
    Y = normal(generator(3), *mapping.shape)
    problem = Problem(SquaredLoss(Y), mapping, DropoutPenalty(mapping), dropout_lam(keep), allow_mismatch=True)
    W = weights(mapping)
    phi, expected = mapping.phi(*W), torch.zeros(2, dtype=torch.float64)
    for mask in itertools.product((0.0, 1.0), repeat=3):
        chance = math.prod(keep if m else 1 - keep for m in mask)
        X = torch.einsum("i,ni...->n...", torch.tensor(mask, dtype=torch.float64) / keep, phi)
        expected += chance * 0.5 * (Y - X).flatten(1).square().sum(1)
    laws.same(problem(*W), expected, 1e-13)


@pytest.mark.parametrize("mapping", MAPPINGS.values(), ids=MAPPINGS.keys())
def test_the_penalty_has_twice_the_degree(mapping):
    theta = DropoutPenalty(mapping)
    W = weights(mapping)
    laws.homogeneous(theta.theta, 2 * mapping.degree, W)
    laws.slices_independent(theta.theta, W)
    laws.batched_is_looped(theta.theta, W, 1e-13)
    laws.sum_over_slices(theta.Theta, W, 1e-13)
    assert report(mapping, theta).mismatch is Mismatch.TOO_HIGH


@pytest.mark.parametrize("keep", [0.0, 1.0, -0.5, math.nan])
def test_keep_is_a_probability_inside(keep):
    with pytest.raises(ValueError, match="strictly between"):
        dropout_lam(keep)


def feasible(theta: MaxNorm, mapping: Mapping):
    return theta.project(*(3 * w for w in weights(mapping)))


@pytest.mark.parametrize("mapping", MAPPINGS.values(), ids=MAPPINGS.keys())
def test_max_norm_projects_unit_by_unit(mapping):
    theta = MaxNorm(WeightDecay(), 0.7)
    W = tuple(3 * w for w in weights(mapping))
    V = theta.project(*W)
    assert bool(torch.isinf(theta.theta(*W)).all())
    laws.same(theta.theta(*V), WeightDecay().theta(*V))
    for w, v in zip(W[:-1], V[:-1], strict=True):
        for run, i in itertools.product(range(2), range(3)):
            a, b = w[run, i].numpy(), v[run, i].numpy()
            units = [(a, b)] if a.ndim == 1 else list(zip(a.T, b.T, strict=True))
            if a.ndim == 4:
                units = list(zip(a, b, strict=True))
            for x, y in units:
                size = np.sqrt((x**2).sum())
                np.testing.assert_allclose(y, x * min(1, 0.7 / size), rtol=1e-13)
    assert V[-1] is W[-1]
    again = theta.project(*V)
    for a, b in zip(V, again, strict=True):
        laws.same(a, b)


def test_max_norm_has_no_degree():
    theta = MaxNorm(SumOfSquares(), 0.7)
    points = [tuple(w[run : run + 1] for w in feasible(theta, CONV)) for run in range(2)]
    found = measure_degree(theta.theta, points)
    assert found.verdict is Homogeneity.NOT_HOMOGENEOUS
    assert not any(found.is_degree(p) for p in range(6))
    loose = MaxNorm(SumOfSquares(), 1e9)
    assert measure_degree(loose.theta, points).is_degree(2), "far inside the ball nothing is noticed"
    loss = SquaredLoss(torch.zeros(3, 2, dtype=torch.float64))
    with pytest.raises(ValueError, match="θ has no degree"):
        Problem(loss, CONV, theta, 0.1)
    problem = Problem(loss, CONV, theta, 0.1, allow_mismatch=True)
    assert not problem.balanced
    certificate = certify(problem, feasible(theta, CONV))
    assert bool((certificate.lower_bound == -torch.inf).all()), "a certificate of such a problem claims nothing"
    assert set(certificate.verdict(1e-2)) == {Verdict.UNDECIDED}


def test_descent_respects_the_ball_and_meets_the_hand_calculation():
    """½(1 − ru²)² + λru² over 0 ≤ u ≤ c: u² = min(c², (1 − λ)/r)."""
    lam, radius = 0.2, 0.5
    theta = MaxNorm(SumOfSquares(), radius)
    loss = SquaredLoss(torch.ones(1, 1, dtype=torch.float64))
    problem = Problem(loss, MatrixProduct(1, 1), theta, lam, allow_mismatch=True)
    W = tuple(torch.full((1, 4, 1), 0.3, dtype=torch.float64) for _ in range(2))
    end = minimise(problem, W, GradientDescent(), max_steps=3000)
    assert bool((end.weights[0] <= radius * (1 + 1e-12)).all())
    assert float(end.objective) == pytest.approx(lam - lam**2 / 2, rel=1e-9)  # 4c² = 1 ≥ 1 − λ: the ball is wide enough
    tight = Problem(loss, MatrixProduct(1, 1), MaxNorm(SumOfSquares(), 0.3), lam, allow_mismatch=True)
    found = float(minimise(tight, tuple(w[:, :1] for w in W), GradientDescent(), max_steps=3000).objective)
    v = np.linspace(0, 3, 300001)
    assert found == pytest.approx((0.5 * (1 - 0.3 * v) ** 2 + lam / 2 * (0.09 + v**2)).min(), abs=1e-9)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: MaxNorm(SumOfSquares(), 0.0), "radius = 0.0"),
        (lambda: MaxNorm(SumOfSquares(), math.inf), "finite"),
        (lambda: MaxNorm(MaxNorm(SumOfSquares(), 1.0), 1.0), "without constraints"),
        (lambda: WeightedSum((MaxNorm(SumOfSquares(), 1.0),)), "no degree"),
        (lambda: PathNorm(2).theta(torch.ones(1, 1, 3, 2, 3, 3), torch.ones(1, 1, 8, 2)), "3 outputs but factor 2"),
    ],
)
def test_bad_input(build, message):
    with pytest.raises(ValueError, match=message):
        build()


@pytest.mark.parametrize("q", [1.0, 2.0, 3.0])
def test_path_norm_of_a_convolution_is_a_sum_over_paths(q):
    theta = PathNorm(2, q)
    W = weights(CONV)
    filters, last = (w[1, 2].numpy() for w in W)
    total, features = 0.0, last.reshape(3, -1, 2)
    for c in range(3):
        for weight in filters[c].ravel():
            for outer in features[c].ravel():
                total += abs(weight * outer) ** q
    assert float(theta.theta(*W)[1, 2]) == pytest.approx(total ** (1 / q), rel=1e-12)
    laws.homogeneous(theta.theta, 2, W)
    laws.slices_independent(theta.theta, W)
    assert check_pair(CONV, theta).verdict is Nondegeneracy.NOT_REFUTED


def test_path_norm_is_blind_to_the_scale_of_a_channel():
    """What Path-SGD is about: channel weights multiplied by a, outer weights divided by a, change neither φ nor θ."""
    filters, last = weights(CONV)
    a = torch.tensor([2.0, 0.3, 5.0], dtype=torch.float64)
    V = (filters * a[:, None, None, None], (last.unflatten(2, (3, -1)) / a[:, None, None]).flatten(2, 3))
    laws.same(CONV.phi(*V), CONV.phi(filters, last), 1e-13)
    laws.same(PathNorm(2).theta(*V), PathNorm(2).theta(filters, last), 1e-13)
    assert float((SumOfSquares().theta(*V) / SumOfSquares().theta(filters, last) - 1).abs().min()) > 0.1
