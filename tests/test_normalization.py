"""Batch normalization inside a mapping: φ against loops written out, what its degree counts, and what it refuses."""

from dataclasses import replace

import numpy as np
import pytest
import torch

import laws
from global_optimality import ConvPool, NormalizedConvPool, NormalizedRelu, OnLayers, Pooling, Problem, SquaredLoss
from global_optimality import SumOfSquares as Squares
from global_optimality.factors import Factors
from global_optimality.homogeneity import Mismatch, Nondegeneracy, check_pair, measure_degree, report
from global_optimality.mappings import Mapping
from global_optimality.streams import generator, normal

STREAM = generator(0, "tests", "normalization")
S, IMAGES, OTHERS = normal(STREAM, 9, 3), normal(STREAM, 4, 2, 6, 6), normal(STREAM, 3, 2, 6, 6)
CASES: dict[str, Mapping] = {
    "one hidden layer": NormalizedRelu(S, (4, 2)),
    "three hidden layers": NormalizedRelu(S, (4, 3, 3, 2)),
    "max pooling": NormalizedConvPool(IMAGES, 3, 3, 2, 2),
    "average pooling": NormalizedConvPool(IMAGES, 3, 3, 2, 2, Pooling.AVERAGE),
    "other images": NormalizedConvPool(OTHERS, 3, 3, 2, 2, reference=IMAGES),
}
each = pytest.mark.parametrize("mapping", CASES.values(), ids=CASES.keys())


def weights(mapping: Mapping, n: int = 2, r: int = 3) -> Factors:
    return tuple(normal(generator(k, "normalization"), n, r, *s) for k, s in enumerate(mapping.factor_shapes))


@each
def test_laws(mapping):
    W = weights(mapping)
    laws.homogeneous(mapping.phi, 2, W)
    laws.slices_independent(mapping.phi, W)
    laws.batched_is_looped(mapping.phi, W, 1e-13)
    laws.batched_is_looped(mapping.Phi, W, 1e-13)
    laws.sum_over_slices(mapping.Phi, W, 1e-13)
    laws.mapping_twins(mapping, W, normal(generator(2), 2, *mapping.shape))


@each
def test_only_the_last_gain_and_the_last_layer_count(mapping):
    W = weights(mapping)
    for k in range(len(W)):
        found = measure_degree(lambda w, k=k: mapping.phi(*W[:k], w, *W[k + 1 :]), [(W[k],)])
        assert found.is_degree(1 if k in mapping.scaled_layers else 0), k


@each
def test_pairs(mapping):
    theta = OnLayers(Squares(), mapping.scaled_layers)
    assert report(mapping, theta).mismatch is Mismatch.BALANCED
    assert check_pair(mapping, theta).verdict is Nondegeneracy.NOT_REFUTED
    assert check_pair(mapping, OnLayers(Squares(), mapping.scaled_layers[1:])).verdict is Nondegeneracy.UNBOUNDED
    assert check_pair(mapping, Squares()).verdict is Nondegeneracy.NOT_REFUTED


@each
def test_derivatives(mapping):
    W = weights(mapping)
    problem = Problem(SquaredLoss(normal(generator(3), *mapping.shape)), mapping, Squares(), 0.1)
    V = tuple(normal(generator(4), *w.shape) for w in W)
    h = 1e-6
    ahead, behind = (problem(*(w + s * h * v for w, v in zip(W, V, strict=True))) for s in (1, -1))
    slope = torch.stack([(g * v).flatten(1).sum(1) for g, v in zip(problem.gradient(*W)[1], V, strict=True)]).sum(0)
    laws.same((ahead - behind) / (2 * h), slope, 1e-5)
    for Z in (tuple(torch.zeros_like(w) for w in W), (torch.zeros_like(W[0]), *W[1:])):
        assert all(bool(torch.isfinite(g).all()) for g in problem.gradient(*Z)[1])


def normalised(x: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    return (x - x.mean(axes, keepdims=True)) / x.std(axes, keepdims=True)


def test_relu_against_numpy():
    mapping = CASES["three hidden layers"]
    W = weights(mapping)
    for run in range(2):
        w1, g1, w2, g2, w3, g3, w4 = (w[run, 0].numpy() for w in W)
        x = S.numpy()
        for w, g in ((w1, g1), (w2, g2), (w3, g3)):
            x = np.maximum(g * normalised(x @ w, (0,)), 0)
        np.testing.assert_allclose(mapping.phi(*W)[run, 0].numpy(), x @ w4, rtol=1e-11, atol=1e-12)


def test_convolution_against_torchs_layer():
    for pooling in Pooling:
        mapping = NormalizedConvPool(IMAGES, 3, 3, 2, 2, pooling)
        filters, gain, last = (w[0, 0] for w in weights(mapping))
        x = torch.nn.functional.conv2d(IMAGES, filters)
        x = torch.nn.functional.batch_norm(x, None, None, gain, None, training=True, eps=1e-14)
        expected = pooling(torch.relu(x), 2).flatten(1) @ last
        laws.same(mapping.phi(*(w[:1, :1] for w in weights(mapping)))[0, 0], expected, 1e-11)


def test_other_images_are_judged_by_the_statistics_of_the_reference():
    mapping = NormalizedConvPool(IMAGES, 3, 3, 2, 2)
    W = weights(mapping)
    both = torch.cat([IMAGES[2:], OTHERS])
    laws.same(replace(mapping, images=both, reference=IMAGES).Phi(*W)[:, :2], mapping.Phi(*W)[:, 2:], 1e-13)
    assert float((replace(mapping, images=IMAGES[2:]).Phi(*W) - mapping.Phi(*W)[:, 2:]).abs().max()) > 1e-3


def test_filters_of_unit_variance_without_mean_make_an_ordinary_network():
    """With gain = the deviation of each channel, on patches without a mean, normalization changes nothing."""
    images = torch.cat([IMAGES, -IMAGES])
    plain = ConvPool(images, 3, 3, 2, 2)
    filters, last = weights(plain)
    deviation = torch.nn.functional.conv2d(images, filters.flatten(0, 2)).std((0, 2, 3), correction=0).reshape(2, 3, 3)
    same = NormalizedConvPool(images, 3, 3, 2, 2).Phi(filters, deviation, last)
    laws.same(same, plain.Phi(filters, last), 1e-12)


def test_a_constant_channel_gives_nothing():
    mapping = NormalizedRelu(torch.tensor([[1.0, 0.1], [2.0, 0.1], [3.0, 0.1]], dtype=torch.float64), (1, 1))
    one = torch.ones(1, 1, 1, dtype=torch.float64)
    w = torch.tensor([[[[0.0], [0.7]]]], dtype=torch.float64)
    assert not mapping.phi(w, one, one[..., None]).any()
    flat = NormalizedConvPool(torch.full((2, 1, 4, 4), 0.1, dtype=torch.float64), 2, 3, 2, 1)
    W = weights(flat)
    assert not flat.phi(*W).any()
    assert not flat.Phi(*W).any()


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: NormalizedRelu(S, (3,)), "K = 1"),
        (lambda: NormalizedRelu(S, (0, 1)), "width 0"),
        (lambda: NormalizedRelu(S[0], (2, 1)), "expected \\(N, d\\)"),
        (lambda: NormalizedConvPool(IMAGES, 0, 3, 2, 2), "channels = 0"),
        (lambda: NormalizedConvPool(IMAGES, 2, 3, 3, 2), "does not divide"),
        (lambda: NormalizedConvPool(IMAGES, 2, 3, 2, 2, reference=IMAGES[:, :1]), "reference images are"),
        (lambda: NormalizedConvPool(IMAGES, 2, 3, 2, 2, reference=IMAGES[0]), "expected \\(N, channels"),
        (lambda: OnLayers(Squares(), ()), "at least one layer"),
        (lambda: OnLayers(Squares(), (1, 1)), "each once"),
        (lambda: OnLayers(Squares(), (3,)).theta(*weights(CASES["max pooling"])), "there are 3 factors"),
    ],
)
def test_bad_input(build, message):
    with pytest.raises(ValueError, match=message):
        build()
