"""Gradients in closed form are those of autograd, on kinks and at zero too."""

from copy import copy
from dataclasses import replace

import pytest
import torch

import global_optimality as go
import laws
from cases import factors, randn
from global_optimality.mappings import Mapping
from global_optimality.polar.ascent import ascend, climb


class Twice(go.ReluUnit):  # type: ignore[misc]
    def phi(self, *W):
        return 2 * super().phi(*W)

    def Phi(self, *W):
        return Mapping.Phi(self, *W)


@pytest.mark.parametrize("outputs", [1, 3])
def test_closed_form_of_the_gradient_is_autograd_s(outputs, monkeypatch):
    """In one block and in several, on a kink and off it; a mapping with another φ does not inherit it."""
    S, Y = randn("closed S", 6, 3), randn("closed Y", 6, outputs)
    S[0, 1:] = 0.0
    f = go.Problem(go.SquaredLoss(Y), go.ReluUnit(S, outputs), go.SumOfSquares(), 0.4)
    W = f.random(5, 4, seed=1)
    W[0][0, 0, 0] = W[0][1, 1] = 0.0  # on the kink of the first sample, and of all
    whole = f.gradient(*W)
    monkeypatch.setattr("global_optimality.problem.IN_CACHE", 2 * 4 * f.card)
    blocks = f.gradient(*W)
    for found in (whole, blocks):
        leaves = tuple(w.clone().requires_grad_() for w in W)
        expected = torch.autograd.grad(f(*leaves).sum(), leaves)
        laws.same(found[0], f(*W))
        assert all(torch.allclose(a, b, rtol=1e-13, atol=1e-13) for a, b in zip(found[1], expected, strict=True))
    other = replace(f, mapping=Twice(S, outputs))
    assert f.mapping.pullback(*W) is not None
    assert other.mapping.pullback(*W) is None
    laws.taylor_gradient(
        other, lambda *w: other.gradient(*w)[1], f.random(3, 4, seed=2), f.random(3, 4, deviation=0.05)
    )


S_KINKED = torch.cat([randn("closed chain", 5, 3), torch.zeros(1, 3)])
CLOSED = {
    "matrix": go.MatrixProduct(4, 3),
    "two linear": go.DeepLinear(4, (2, 3)),
    "three linear": go.DeepLinear(4, (2, 3, 2)),
    "linear of data": go.DeepLinear(3, (2, 3, 2), S_KINKED),
    "two layers": go.DeepRelu(S_KINKED, (3, 2)),
    "leaky": go.DeepRelu(S_KINKED, (3, 2, 2), 0.3),
    "four layers": go.DeepRelu(S_KINKED, (3, 2, 2, 1)),
    "two layers with biases": go.DeepBiasedRelu(S_KINKED, (3, 2)),
    "four layers with biases": go.DeepBiasedRelu(S_KINKED, (3, 2, 2, 1)),
    "tensor": go.RankOneTensor((4, 3, 2)),
    "tensor of order four": go.RankOneTensor((2, 3, 1, 4)),
}


def decays(mapping):
    """Every regularizer with a gradient in closed form, of whatever degree, that scales as the mapping's factors do."""
    layers = len(mapping.factor_shapes)
    yield go.WeightedPowers(mapping.exponents, mapping.degree + 1)
    if set(mapping.exponents) == {1}:
        yield from (go.SumOfPowers(layers), go.BalancedWeightDecay(layers), go.WeightDecay())
        yield from (go.PowerDecay(q) for q in (1, 2, 3, 5))


@pytest.mark.parametrize("name", CLOSED)
def test_closed_forms_of_mappings_are_autograd_s(name):
    """With entries, layers and whole subnetworks that are zero, where ReLUs have kinks and norms no gradient."""
    mapping = CLOSED[name]
    W = factors(mapping, n=4, r=3)
    for w in W:
        w[1, 0] = 0.0
    W[0][2, 1] = W[-1][2, 2] = 0.0
    W[0].view(4, 3, -1)[3, :, ::2] = 0.0
    loss = go.SquaredLoss(randn("closed chain Y", *mapping.shape))
    for regularizer in decays(mapping):
        f = go.Problem(loss, mapping, regularizer, 0.4, allow_mismatch=True)
        assert mapping.pullback(*W) is not None
        assert regularizer.gradient(*W) is not None
        leaves = tuple(w.clone().requires_grad_() for w in W)
        expected = torch.autograd.grad(f(*leaves).sum(), leaves)
        value, found = f.gradient(*W)
        laws.same(value, f(*W))
        scale = max(float(g.abs().max()) for g in expected)
        assert all(torch.allclose(a, b, rtol=1e-12, atol=1e-13 * scale) for a, b in zip(found, expected, strict=True))


@pytest.mark.parametrize("name", CLOSED)
def test_ascents_climb_the_same_by_closed_forms_as_by_autograd(name):
    """Three steps from the same starts; a class with a φ of its own has no closed form of it."""
    mapping = CLOSED[name]
    twin = copy(mapping)
    object.__setattr__(twin, "__class__", type("ByAutograd", (type(mapping),), {"phi": lambda s, *W: mapping.phi(*W)}))
    regularizer = go.WeightedPowers(mapping.exponents, mapping.degree)
    Q = randn("ascent Q", 2, *mapping.shape)
    assert twin.pullback(*factors(mapping, n=1, r=1)) is None
    found, expected = (climb(m, regularizer, Q, starts=5, steps=3) for m in (mapping, twin))
    for a, b in zip((found[0], *found[1]), (expected[0], *expected[1]), strict=True):
        assert torch.allclose(a, b, rtol=1e-11, atol=1e-12)
    assert bool((climb(mapping, regularizer, Q, starts=5, steps=0)[0] <= found[0]).all())


@pytest.mark.parametrize("name", CLOSED)
def test_an_ascent_has_come_to_rest_where_it_ends(name):
    """Twice as many steps from the best end do not lead higher than rounding."""
    mapping = CLOSED[name]
    regularizer = go.WeightedPowers(mapping.exponents, mapping.degree)
    Q = randn("ascent rest", 2, *mapping.shape)
    value, atom = ascend(mapping, regularizer, Q, starts=20, steps=2000)
    further, _ = ascend(mapping, regularizer, Q, starts=1, steps=4000, first=atom)
    assert bool((further - value <= 1e-10 * value).all())
