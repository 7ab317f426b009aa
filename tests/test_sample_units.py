"""Samples that are zero, or far smaller than others: what Q holds for them must not hide the rest of it.

Without their rows the polar is that of the other samples; with Ω°(2^e Q) = 2^e Ω°(Q) it is known in any units.
"""

import math

import pytest
import torch

import global_optimality as go
from cases import randn

TINY = 2.0**-600
"""A sample so small beside others is outside what squares of float64 can hold."""
EFFORT = go.Effort(nodes=300)
SLACK = 1e-12
"""The sums of a value are rounded: this share of it is more than that."""

OPEN = 0.3
"""Two searches of so little effort may end this far apart."""

MAPPINGS = {
    "relu of two inputs": lambda S: go.ReluUnit(S[:, :2]),
    "relu of three inputs": lambda S: go.ReluUnit(S[:, :3]),
    "relu of six inputs": lambda S: go.ReluUnit(S[:, :6]),
    "relu, two outputs": lambda S: go.ReluUnit(S[:, :2], 2),
    "deep relu, one unit": lambda S: go.DeepRelu(S[:, :2], (2, 1)),
    "deep relu": lambda S: go.DeepRelu(S[:, :2], (2, 2, 1)),
    "deep linear": lambda S: go.DeepLinear(6, (3, 2), S[:, :6]),
    "convolution": lambda S: go.ConvPool(S.view(-1, 1, 6, 6), channels=2, kernel=5, pool=1, outputs=1),
    "alexnet": lambda S: go.AlexNet(S.view(-1, 1, 6, 6), (1, 1), (3, 1), (2, 1), 2, 2, 1),
}


def polar(mapping):
    theta = go.SumOfPowers(len(mapping.factor_shapes))
    problem = go.Problem(go.SquaredLoss(torch.zeros(mapping.shape, dtype=torch.float64)), mapping, theta, 1.0)
    return go.polar_of(problem, EFFORT)


@pytest.mark.slow
@pytest.mark.parametrize("e", [-500, -900])
@pytest.mark.parametrize("size", [0.0, TINY], ids=["zero", "tiny"])
@pytest.mark.parametrize("name", MAPPINGS)
def test_a_sample_that_counts_nothing_hides_no_other_one(name, size, e):
    """The odd sample adds at most 2^-90 of the polar of the others, however large its row of Q is."""
    S, odd = randn("S", 5, 36), randn("odd", 1, 36) * size
    rest, whole = MAPPINGS[name](S), MAPPINGS[name](torch.cat([S, odd]))
    Q = randn("Q", 1, *rest.shape)
    known, oracle = polar(rest)(Q), polar(whole)
    own = torch.ones_like(Q[:, :1]) * (1.0 if size == 0 else 2.0 ** min(0, e + 500))
    far = torch.cat([Q * 2.0**e, own], 1)
    bound = oracle(far)
    lower, upper = float(bound.lower) / 2.0**e, float(bound.upper) / 2.0**e
    assert upper >= float(known.lower) * (1 - SLACK)
    assert lower <= float(known.upper) * (1 + SLACK)
    assert math.isclose(upper, float(known.upper), rel_tol=OPEN)
    attained = float(whole.inner(far, *bound.atom)[0, 0]) / 2.0**e
    assert math.isclose(attained, lower, rel_tol=SLACK)
    found = oracle.atoms(far, 1, 0.0)
    assert float(whole.inner(far, *found)[0, 0]) / 2.0**e <= upper * (1 + SLACK)


@pytest.mark.parametrize("size", [0.0, TINY], ids=["zero", "tiny"])
@pytest.mark.parametrize("d", [2, 3, 6])
def test_nor_does_a_row_in_a_sum_of_relus(d, size):
    S, q = torch.cat([randn("S", 5, d), randn("odd", 1, d) * size]), randn("q", 6)
    q[:5] *= 2.0**-900
    q[5] *= 2.0**-400
    known, bound = go.max_relu_sum(S[:5], q[:5] * 2.0**900), go.max_relu_sum(S, q)
    assert bound.upper * 2.0**900 >= known.lower * (1 - SLACK)
    assert math.isclose(bound.lower * 2.0**900, known.lower, rel_tol=1e-6)
