"""Logistic and cross-entropy losses: derivatives, conjugates, best biases, bad labels."""

import numpy as np
import pytest
import torch
from scipy.optimize import minimize

import laws
from cases import randn
from global_optimality import CrossEntropyLoss, LogisticLoss, SquaredLoss

N, C, RUNS = 7, 3, 2
LABELS = torch.tensor([0, 1, 2, 0, 1, 2, 2])
SIGNS = torch.where(randn("signs", N, C) > 0, 1.0, -1.0).double()
MAKERS = {
    "squared": lambda **options: SquaredLoss(randn("targets", N, C), **options),
    "logistic": lambda **options: LogisticLoss(SIGNS, **options),
    "cross-entropy": lambda **options: CrossEntropyLoss(LABELS, **options),
}
WEIGHTS = randn("weights", N).abs() + 0.5


def outputs(name="X"):
    return 2 * randn(name, RUNS, N, C)


@pytest.fixture(params=[None, 0.0, 0.7])
def output_bias(request):
    return request.param


@pytest.fixture(params=[None, WEIGHTS], ids=["plain", "weighted"])
def weights(request):
    return request.param


@pytest.fixture(params=list(MAKERS))
def make(request):
    return MAKERS[request.param]


@pytest.fixture
def loss(make, output_bias, weights):
    return make(output_bias=output_bias, weights=weights)


def test_gradient_and_hessian(loss):
    X, T = outputs(), outputs("T")
    laws.taylor_gradient(loss, lambda X: (loss.gradient(X),), (X,), (T,))
    leaf = X.clone().requires_grad_()
    laws.same(torch.autograd.grad(loss(leaf).sum(), leaf)[0], loss.gradient(X), 1e-14)
    step = 1e-5
    numerical = (loss.gradient(X + step * T) - loss.gradient(X - step * T)) / (2 * step)
    laws.same(loss.hessian_product(X, T), numerical, 1e-9)
    (gradient,) = torch.autograd.grad(loss(leaf).sum(), leaf, create_graph=True)
    laws.same(torch.autograd.grad((gradient * T).sum(), leaf)[0], loss.hessian_product(X, T), 1e-12)


def test_fenchel_young_and_convexity(loss):
    X, Z = outputs(), outputs("Z")
    G = loss.project(loss.gradient(X))
    laws.same(G, loss.gradient(X), 1e-14)
    laws.same(loss(X) + loss.conjugate(G), (G * X).flatten(1).sum(1), 1e-13)
    laws.fenchel_young(loss, Z, G)
    laws.convex(loss, X, Z)


def test_searches(make, weights):
    loss = make(weights=weights)
    G, X = loss.project(loss.gradient(outputs())), outputs()
    cap = torch.tensor([0.7, torch.inf], dtype=torch.float64)
    laws.dual_scale_is_best(loss, loss.dual_scale, G, cap)
    laws.line_minimum_is_best(loss, lambda X, D: loss.line_minimum(X, D, 0.1), X, -G, 0.1)


@pytest.mark.parametrize("decay", [0.0, 0.7])
def test_bias_is_the_explicit_minimum(make, decay, weights):
    """min over b of the loss without bias at X + 1bᵀ plus (μ/2)‖b‖², by scipy."""
    loss, plain = make(output_bias=decay, weights=weights), make(weights=weights)
    for x, value, b in zip(outputs(), loss(outputs()).tolist(), loss.bias(outputs()), strict=True):

        def f(b, x=x):
            b = torch.from_numpy(b)
            return float(plain((x + b)[None])[0] + decay / 2 * b.square().sum())

        best = minimize(f, np.zeros(C), tol=1e-12)
        assert value <= best.fun * (1 + 1e-14)
        assert value == pytest.approx(best.fun, rel=1e-9)
        assert value == pytest.approx(f(b.numpy()), rel=1e-14)


def test_conjugate_is_the_supremum(make, weights):
    loss = make(output_bias=0.7, weights=weights)
    laws.conjugate_is_supremum(loss, 0.8 * loss.project(loss.gradient(outputs())))


def test_conjugates_by_hand():
    loss = LogisticLoss(torch.tensor([[1.0]], dtype=torch.float64))
    a = torch.tensor([0.0, 0.25, 1.0, 1.1, -0.1], dtype=torch.float64)
    entropy = 0.25 * np.log(0.25) + 0.75 * np.log(0.75)
    assert loss.conjugate(-a.reshape(-1, 1, 1)).tolist() == pytest.approx([0.0, entropy, 0.0, np.inf, np.inf])
    many = CrossEntropyLoss(torch.tensor([1]), classes=3)
    q = torch.tensor([[[0.2, 0.3, 0.5]], [[0.0, 1.0, 0.0]], [[0.2, 0.3, 0.4]], [[-0.1, 0.6, 0.5]]], dtype=torch.float64)
    entropy = 0.2 * np.log(0.2) + 0.3 * np.log(0.3) + 0.5 * np.log(0.5)
    assert many.conjugate(q - many.Y).tolist() == pytest.approx([entropy, 0.0, np.inf, np.inf])


def test_free_bias_needs_column_sums_zero(make):
    loss = make(output_bias=0.0)
    G = 0.5 * loss.project(loss.gradient(outputs()))
    assert bool(torch.isfinite(loss.conjugate(G)).all())
    assert float(G.sum(1).abs().max()) < 1e-13
    G[:, 0] *= 0.9
    assert bool(torch.isinf(loss.conjugate(G)).all())


@pytest.mark.parametrize("output_bias", [None, 0.0])
def test_saturated_outputs_keep_a_finite_dual_point(make, output_bias):
    """At outputs of size 500 the dual point sits on the boundary of its domain: rounding must not leave it."""
    loss = make(output_bias=output_bias)
    X = 250 * outputs()
    G = loss.project(loss.gradient(X))
    laws.same(G, loss.gradient(X), 1e-12)
    assert bool(torch.isfinite(loss(X)).all())
    assert bool(torch.isfinite(loss.conjugate(G)).all())
    assert bool(torch.isfinite(loss.conjugate(0.9 * G)).all())


def test_one_hot_labels_are_labels():
    loss = CrossEntropyLoss(LABELS)
    laws.same(CrossEntropyLoss(loss.Y)(outputs()), loss(outputs()))


double = {"dtype": torch.float64}


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (lambda: LogisticLoss(torch.tensor([[0.0], [1.0]], **double)), "2 \\* Y - 1"),
        (lambda: LogisticLoss(torch.tensor([1.0, -1.0], **double)), "y\\[:, None\\]"),
        (lambda: LogisticLoss(torch.ones(3, 1, **double), output_bias=0.0), "both classes"),
        (lambda: CrossEntropyLoss(torch.tensor([0, -1])), "from 0"),
        (lambda: CrossEntropyLoss(torch.tensor([0, 3]), classes=3), "from 0"),
        (lambda: CrossEntropyLoss(torch.tensor([0, 2]), output_bias=0.0), "every class"),
        (lambda: CrossEntropyLoss(torch.tensor([0, 0])), "at least 2"),
        (lambda: CrossEntropyLoss(torch.tensor([0.5, 0.5], **double)), "labels.long"),
        (lambda: SquaredLoss(torch.ones(3, 1, **double), output_bias=-1.0), "positive decay"),
        (lambda: SquaredLoss(torch.ones(3, 1, **double), weights=torch.zeros(3, **double)), "leave out"),
        (lambda: SquaredLoss(torch.ones(3, 1, **double), weights=torch.ones(2, **double)), "one a sample"),
    ],
)
def test_bad_labels(bad, words):
    with pytest.raises(ValueError, match=words):
        bad()


@pytest.mark.parametrize("output_bias", [0.0, 0.7])
def test_searches_with_a_bias(output_bias):
    loss = SquaredLoss(randn("targets", N, C), output_bias=output_bias)
    G, X = loss.project(loss.gradient(outputs())), outputs()
    laws.dual_scale_is_best(loss, loss.dual_scale, G, torch.tensor([0.7, torch.inf], dtype=torch.float64))
    laws.line_minimum_is_best(loss, lambda X, D: loss.line_minimum(X, D, 0.1), X, -G, 0.1)
