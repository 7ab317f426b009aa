"""Regularizers for any number of layers: closed forms, degrees, derivatives at zero, and what construction refuses."""

import itertools

import numpy as np
import pytest
import torch

import laws
from global_optimality import (
    BalancedWeightDecay,
    DeepRelu,
    L1Decay,
    NonNegative,
    Norm,
    PathNorm,
    PowerDecay,
    Problem,
    ProductOfNorms,
    SquaredLoss,
    SumOfPowers,
    WeightDecay,
    WeightedSum,
)
from global_optimality.factors import Factors
from global_optimality.regularizers import Regularizer
from global_optimality.streams import generator, normal

SHAPES = ((3, 4), (4, 2), (2, 2))
TWO = Norm.TWO
CASES: dict[str, Regularizer] = {
    "sum of powers": SumOfPowers(3),
    "balanced weight decay": BalancedWeightDecay(3),
    "product": ProductOfNorms((TWO, TWO, TWO)),
    "mixed product": ProductOfNorms((Norm.ONE, TWO, Norm.INFINITY)),
    "path norm 1": PathNorm(3, 1),
    "path norm 1.5": PathNorm(3, 1.5),
    "path norm 2": PathNorm(3),
    "path norm 4": PathNorm(3, 4),
    "sum": WeightedSum((SumOfPowers(3), PathNorm(3)), (0.5, 2.0)),
    "weight decay": WeightDecay(),
    "l1 decay": L1Decay(),
    "high power": PowerDecay(4),
    "even powers": BalancedWeightDecay(4),
}
each = pytest.mark.parametrize("theta", CASES.values(), ids=CASES.keys())


def weights(theta: Regularizer, n: int = 2, r: int = 3) -> Factors:
    shapes = (*SHAPES, (2, 2)) if theta == BalancedWeightDecay(4) else SHAPES
    return tuple(normal(generator(k, "regularizers"), n, r, *s) for k, s in enumerate(shapes))


@each
def test_laws(theta):
    W = weights(theta)
    laws.homogeneous(theta.theta, theta.degree, W)
    laws.slices_independent(theta.theta, W)
    laws.batched_is_looped(theta.theta, W)
    laws.sum_over_slices(theta.Theta, W)
    assert bool((theta.theta(*W) > 0).all())


def norms(w: list[np.ndarray]) -> list[float]:
    return [float(np.sqrt((x**2).sum())) for x in w]


def paths(w: list[np.ndarray], q: float) -> float:
    """Σ over all paths, one after the other."""
    sizes = [w[0].shape[0], *(x.shape[1] for x in w)]
    total = 0.0
    for path in itertools.product(*(range(m) for m in sizes)):
        total += abs(np.prod([x[a, b] for x, (a, b) in zip(w, itertools.pairwise(path), strict=True)])) ** q
    return total ** (1 / q)


CLOSED_FORMS = {
    "sum of powers": lambda w: sum(a**3 for a in norms(w)) / 3,
    "balanced weight decay": lambda w: (sum(a**2 for a in norms(w)) / 3) ** 1.5,
    "product": lambda w: np.prod(norms(w)),
    "mixed product": lambda w: abs(w[0]).sum() * norms(w)[1] * abs(w[2]).max(),
    "path norm 1": lambda w: paths(w, 1),
    "path norm 1.5": lambda w: paths(w, 1.5),
    "path norm 2": lambda w: paths(w, 2),
    "path norm 4": lambda w: paths(w, 4),
    "sum": lambda w: 0.5 * sum(a**3 for a in norms(w)) / 3 + 2 * paths(w, 2),
    "high power": lambda w: sum(np.linalg.norm(x) ** 4 for x in w) / 3,
    "weight decay": lambda w: sum(a**2 for a in norms(w)) / 2,
    "l1 decay": lambda w: sum(abs(x).sum() for x in w),
    "even powers": lambda w: (sum(a**2 for a in norms(w)) / 4) ** 2,
}


@pytest.mark.parametrize("name", CASES)
def test_closed_forms(name):
    theta = CASES[name]
    W = weights(theta)
    expected = [[CLOSED_FORMS[name]([w[i, j].numpy() for w in W]) for j in range(3)] for i in range(2)]
    laws.same(theta.theta(*W), torch.tensor(expected, dtype=torch.float64), 1e-13)


@each
def test_derivatives_are_finite_at_zero_and_right_elsewhere(theta):
    W = weights(theta)
    for k in (None, *range(len(W))):  # a whole subnetwork, or one layer of it, is zero
        Z = tuple(w.clone() for w in W)
        for j, w in enumerate(Z):
            if k is None or j == k:
                w[:, 0] = 0

        def total(leaves):
            return theta.Theta(*leaves).sum()

        gradient = torch.func.grad(total)(Z)
        assert all(bool(torch.isfinite(g).all()) for g in gradient)
        if k is None and theta.degree > 1:
            assert not any(bool(g[:, 0].any()) for g in gradient), "zero is stationary for degrees above 1"
        leaves = tuple(z.requires_grad_() for z in Z)
        slopes = torch.autograd.grad(total(leaves), leaves, create_graph=True)
        if any(g.requires_grad for g in slopes):
            bent = torch.autograd.grad(sum(g.sum() for g in slopes), leaves, allow_unused=True)
            assert all(b is None or bool(torch.isfinite(b).all()) for b in bent)
    V = tuple(normal(generator(9), *w.shape) for w in W)
    gradient = torch.func.grad(lambda leaves: theta.Theta(*leaves).sum())(W)
    h = 1e-6
    ahead, behind = (theta.Theta(*(w + s * h * v for w, v in zip(W, V, strict=True))).sum() for s in (1, -1))
    slope = sum(float((g * v).sum()) for g, v in zip(gradient, V, strict=True))
    assert float(ahead - behind) / (2 * h) == pytest.approx(slope, rel=1e-6)


def test_the_trio_is_ordered_and_meets_at_balance():
    """∏‖wᵏ‖ ≤ ((1/K) Σ‖wᵏ‖²)^{K/2} ≤ (1/K) Σ‖wᵏ‖ᴷ (power means), with equality at equal norms."""
    W = weights(SumOfPowers(3))
    low, middle, high = (CASES[name].theta(*W) for name in ("product", "balanced weight decay", "sum of powers"))
    assert bool(((low < middle) & (middle < high)).all())
    V = tuple(w / w.flatten(2).norm(dim=2)[..., None, None] for w in W)
    for t in ("product", "balanced weight decay", "sum of powers"):
        laws.same(CASES[t].theta(*V), torch.ones(2, 3, dtype=torch.float64), 1e-14)


def test_path_norm_of_vectors_is_the_product_of_norms():
    u, v = normal(generator(5), 2, 3, 4), normal(generator(6), 2, 3, 5)
    laws.same(PathNorm(2).theta(u, v), ProductOfNorms((TWO, TWO)).theta(u, v), 1e-14)


def test_path_norm_neither_over_nor_underflows():
    W = weights(PathNorm(3))
    for s in (1e-80, 1e80):
        laws.same(PathNorm(3, 4).theta(*(s * w for w in W)), s**3 * PathNorm(3, 4).theta(*W), 1e-13)


def test_weight_decay_is_torchs():
    w = normal(generator(7), 1, 1, 4)
    leaf = w.clone().requires_grad_()
    optimiser = torch.optim.SGD([leaf], lr=1.0, weight_decay=0.3)
    leaf.grad = torch.zeros_like(leaf)
    optimiser.step()
    gradient = torch.func.grad(lambda x: 0.3 * WeightDecay().Theta(x).sum())(w)
    laws.same(leaf.detach(), w - gradient)


def test_cones_and_sums():
    W = weights(SumOfPowers(3))
    cone = NonNegative(SumOfPowers(3))
    assert bool(torch.isinf(cone.theta(*W)).all())
    V = cone.project(*W)
    laws.same(cone.theta(*V), SumOfPowers(3).theta(*V))
    both = WeightedSum((cone, PathNorm(3)))
    assert both.constrained
    assert not WeightedSum((PathNorm(3),)).constrained
    laws.same(both.theta(*both.project(*W)), cone.theta(*V) + PathNorm(3).theta(*V))


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: SumOfPowers(0), "at least 1"),
        (lambda: BalancedWeightDecay(-1), "at least 1"),
        (lambda: PowerDecay(0), "at least 1"),
        (lambda: PathNorm(2, 0.5), "q = 0.5"),
        (lambda: WeightedSum(()), "at least one"),
        (lambda: WeightedSum((WeightDecay(), L1Decay())), "degrees \\[1, 2\\]"),
        (lambda: WeightedSum((WeightDecay(),), (-1.0,)), "positive"),
        (lambda: SumOfPowers(2).theta(*weights(SumOfPowers(3))), "2 layers but got 3"),
        (lambda: PathNorm(2).theta(*weights(SumOfPowers(3))[::2]), "4 outputs but factor 2 2 inputs"),
        (lambda: PathNorm(1).theta(torch.ones(1, 1, 2, 2, 2)), "fully connected"),
    ],
)
def test_bad_input(build, message):
    with pytest.raises(ValueError, match=message):
        build()


@pytest.mark.parametrize("theta", [WeightDecay(), L1Decay()], ids=["weight decay", "l1"])
def test_decay_of_three_layers_needs_permission(theta):
    loss, mapping = SquaredLoss(torch.ones(4, 1, dtype=torch.float64)), DeepRelu(normal(generator(8), 4, 2), (2, 2, 1))
    with pytest.raises(ValueError, match="φ has degree 3 but θ has degree"):
        Problem(loss, mapping, theta, 0.1)
    problem = Problem(loss, mapping, theta, 0.1, allow_mismatch=True)
    assert not problem.balanced


def test_power_decay_between_the_known_ones():
    W = weights(SumOfPowers(3))
    laws.same(PowerDecay(3).theta(*W), SumOfPowers(3).theta(*W))
    laws.same(PowerDecay(2).theta(*W), 2 / 3 * WeightDecay().theta(*W))
    laws.same(PowerDecay(1).theta(*W), sum(w.flatten(2).norm(dim=2) for w in W) / 3)
