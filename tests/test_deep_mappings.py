"""Mappings of section 5: φ against loops written out, its fast twins, derivatives, and what construction refuses."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import Tensor

import laws
from book.benchmarks import deep as deep_benchmarks
from global_optimality import (
    AlexNet,
    BalancedWeightDecay,
    ConvPool,
    DeepLinear,
    DeepRelu,
    Pooling,
    Problem,
    RankOneTensor,
    SquaredLoss,
)
from global_optimality.factors import Factors
from global_optimality.mappings import Mapping
from global_optimality.mappings.alexnet import response_normalization
from global_optimality.streams import generator, normal

STREAM = generator(0, "tests", "deep mappings")
S, IMAGES, LARGE = normal(STREAM, 7, 3), normal(STREAM, 3, 2, 8, 8), normal(STREAM, 2, 1, 12, 12)
CASES: dict[str, Mapping] = {
    "ReLU, K = 2": DeepRelu(S, (4, 2)),
    "ReLU, K = 3": DeepRelu(S, (4, 2, 1)),
    "leaky ReLU, K = 4": DeepRelu(S, (4, 3, 2, 2), 0.1),
    "linear": DeepLinear(5, (3, 2, 4)),
    "linear with input": DeepLinear(3, (2, 2, 4), S),
    "tensor of order 3": RankOneTensor((3, 4, 2)),
    "tensor of order 4": RankOneTensor((3, 2, 2, 3)),
    "max pooling": ConvPool(IMAGES, 3, 3, 2, 4),
    "average pooling": ConvPool(IMAGES, 3, 3, 3, 4, Pooling.AVERAGE),
    "AlexNet": AlexNet(LARGE, (4, 3), (3, 2), (2, 2), 5, 2),
}
each = pytest.mark.parametrize("mapping", CASES.values(), ids=CASES.keys())


def weights(mapping: Mapping, n: int = 2, r: int = 3) -> Factors:
    return tuple(normal(generator(1, *mapping.shape), n, r, *shape) for shape in mapping.factor_shapes)


@each
def test_laws(mapping):
    W = weights(mapping)
    laws.homogeneous(mapping.phi, mapping.degree, W)
    laws.slices_independent(mapping.phi, W)
    laws.batched_is_looped(mapping.phi, W, 1e-13)
    laws.batched_is_looped(mapping.Phi, W, 1e-13)
    laws.sum_over_slices(mapping.Phi, W, 1e-13)
    laws.mapping_twins(mapping, W, normal(generator(2), 2, *mapping.shape))
    assert mapping.degree == len(mapping.factor_shapes)


@each
def test_derivatives(mapping):
    loss, theta = SquaredLoss(normal(generator(3), *mapping.shape)), BalancedWeightDecay(mapping.degree)
    problem = Problem(loss, mapping, theta, 0.1)
    W = weights(mapping)
    value, gradient = problem.gradient(*W)
    V = tuple(normal(generator(4), *w.shape) for w in W)
    h = 1e-6
    ahead, behind = (problem(*(w + s * h * v for w, v in zip(W, V, strict=True))) for s in (1, -1))
    slope = torch.stack([(g * v).flatten(1).sum(1) for g, v in zip(gradient, V, strict=True)]).sum(0)
    laws.same((ahead - behind) / (2 * h), slope, 1e-5)
    one, two = (problem.gradient(*(w + s * h * v for w, v in zip(W, V, strict=True)))[1] for s in (1, -1))
    for a, b, product in zip(one, two, problem.hessian_product(W, V), strict=True):
        laws.same((a - b) / (2 * h), product, 1e-4)
    assert bool(torch.isfinite(value).all())


def relu(x: np.ndarray) -> np.ndarray:
    return np.maximum(x, 0)


def naive_relu(mapping: DeepRelu, w: list[np.ndarray]) -> np.ndarray:
    rows = []
    for s in mapping.S.numpy():
        x = s
        for layer in w[:-1]:
            x = layer.T @ x
            x = np.where(x > 0, x, mapping.slope * x)
        rows.append(w[-1].T @ x)
    return np.array(rows)


def naive_conv(mapping: ConvPool, w: list[np.ndarray]) -> np.ndarray:
    filters, last = w
    channels, _, k, _ = filters.shape
    p, rows = mapping.pool, []
    for image in mapping.images.numpy():
        side = image.shape[1] - k + 1
        x = np.zeros((channels, side, side))
        for c in range(channels):
            for i in range(side):
                for j in range(side):
                    x[c, i, j] = max(0.0, float((filters[c] * image[:, i : i + k, j : j + k]).sum()))
        windows = x.reshape(channels, side // p, p, side // p, p)
        pooled = windows.max((2, 4)) if mapping.pooling is Pooling.MAX else windows.mean((2, 4))
        rows.append(pooled.reshape(-1) @ last)
    return np.array(rows)


def naive_alexnet(mapping: AlexNet, w: list[np.ndarray]) -> np.ndarray:
    first, second, third, fourth = (torch.tensor(x) for x in w)
    x = torch.relu(torch.nn.functional.conv2d(mapping.images, first))
    y = torch.zeros_like(x)
    for c in range(x.shape[1]):
        near = x[:, max(c - 1, 0) : c + 2].square().sum(1)
        y[:, c] = torch.where(near > 0, x[:, c].square() / near.sqrt().clamp(min=1e-300), 0.0)
    x = torch.nn.functional.max_pool2d(y, mapping.pools[0])
    x = torch.nn.functional.max_pool2d(torch.relu(torch.nn.functional.conv2d(x, second)), mapping.pools[1])
    return (torch.relu(x.flatten(1) @ third) @ fourth).numpy()


def naive(mapping: Mapping, w: list[np.ndarray]) -> np.ndarray:
    if isinstance(mapping, DeepRelu):
        return naive_relu(mapping, w)
    if isinstance(mapping, ConvPool):
        return naive_conv(mapping, w)
    if isinstance(mapping, AlexNet):
        return naive_alexnet(mapping, w)
    if isinstance(mapping, DeepLinear):
        return np.linalg.multi_dot(w if mapping.S is None else [mapping.S.numpy(), *w])
    letters = "abcd"[: len(w)]
    return np.einsum(",".join(letters) + "->" + letters, *w)


@each
def test_phi_against_loops(mapping):
    W = weights(mapping)
    phi = mapping.phi(*W)
    for i in range(2):
        for j in range(3):
            expected = torch.tensor(naive(mapping, [w[i, j].numpy() for w in W]))
            laws.same(phi[i, j], expected, 1e-13)


def test_many_runs_go_through_in_blocks():
    mapping = DeepRelu(normal(STREAM, 64, 3), (8, 8, 2))
    W = weights(mapping, n=40, r=16)
    laws.same(mapping.Phi(*W), mapping.phi(*W).sum(1), 1e-12)


def test_batched_equals_a_loop_over_single_networks():
    table = deep_benchmarks.deep(runs=3, subnetworks=2, rounds=1)
    assert len(table) == 4
    assert table["difference"].max() <= 1e-12
    assert (table["ratio"] == table["loop_seconds"] / table["batched_seconds"]).all()


def test_response_normalization_is_homogeneous_and_shortens():
    x = normal(STREAM, 2, 5, 3, 3).clamp(min=0)
    y = response_normalization(x, 3)
    assert bool(((y >= 0) & (y <= x * (1 + 1e-15))).all())
    laws.same(response_normalization(3 * x, 3), 3 * y)
    assert not bool(response_normalization(torch.zeros_like(x), 3).any())


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: DeepRelu(S, (1,)), "K = 1"),
        (lambda: DeepRelu(S, (2, 0, 1)), "layer 2 has width 0"),
        (lambda: DeepRelu(S, (2, 1), 1.0), "slope"),
        (lambda: DeepRelu(S[0], (2, 1)), "expected \\(N, d\\)"),
        (lambda: DeepRelu(S * torch.nan, (2, 1)), "NaN or infinite"),
        (lambda: DeepRelu(S.long(), (2, 1)), "dtype"),
        (lambda: DeepLinear(4, (2, 2), S), "3 columns but the first layer 4 rows"),
        (lambda: DeepLinear(0, (2, 2)), "layer 0 has width 0"),
        (lambda: RankOneTensor((3, 4)), "MatrixProduct"),
        (lambda: RankOneTensor((3, 4, 0)), "at least 1"),
        (lambda: ConvPool(IMAGES, 3, 3, 4, 1), "does not divide the 6"),
        (lambda: ConvPool(IMAGES, 3, 9, 1, 1), "does not fit"),
        (lambda: ConvPool(IMAGES, 0, 3, 2, 1), "channels = 0"),
        (lambda: ConvPool(IMAGES[0], 3, 3, 2, 1), "expected \\(N, channels"),
        (lambda: AlexNet(LARGE, (4, 3), (3, 2), (2, 3), 5, 2), "does not divide"),
        (lambda: AlexNet(LARGE, (4, 3), (3, 2), (2, 2), 5, 2, window=2), "odd"),
        (lambda: AlexNet(LARGE, (4, 0), (3, 2), (2, 2), 5, 2), "two numbers"),
    ],
)
def test_bad_input(build, message):
    with pytest.raises(ValueError, match=message):
        build()


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: DeepRelu(S, (2.5, 1)), "widths = \\(2.5, 1\\)"),
        (lambda: DeepRelu(S, 3), "widths = 3"),
        (lambda: DeepRelu(S.numpy(), (2, 1)), "S is a ndarray"),
        (lambda: DeepLinear(3.5, (2, 2)), "rows"),
        (lambda: RankOneTensor((3, 3.5, 2)), "sizes"),
        (lambda: ConvPool(IMAGES, 3, 2.5, 2, 1), "kernel"),
        (lambda: AlexNet(LARGE, (4, 3), (3, 2.5), (2, 2), 5, 2), "kernels"),
        (lambda: AlexNet(LARGE, (4, 3), (3, 2), (2, 2), 5.5, 2), "hidden"),
        (lambda: BalancedWeightDecay(2.5), "layers"),
    ],
)
def test_sizes_that_are_no_whole_numbers(build, message):
    with pytest.raises(TypeError, match=message):
        build()


def test_layers_that_do_not_chain():
    mapping = DeepRelu(S, (4, 2, 1))
    problem = Problem(SquaredLoss(torch.zeros(7, 1, dtype=torch.float64)), mapping, BalancedWeightDecay(3), 0.1)
    W = weights(mapping)
    with pytest.raises(ValueError, match="factor 2 has shape"):
        problem(W[0], W[1].mT, W[2])


@dataclass(frozen=True)
class Misdeclared(Mapping):
    """u vᵀ, with a wrong degree or a layer that has none."""

    declared: int
    tanh: bool = False

    @property
    def degree(self) -> int:
        return self.declared

    @property
    def shape(self) -> tuple[int, ...]:
        return (3, 2)

    @property
    def factor_shapes(self) -> tuple[tuple[int, ...], ...]:
        return ((3,), (2,))

    def phi(self, *W: Tensor) -> Tensor:
        X = W[0][..., :, None] * W[1][..., None, :]
        return torch.tanh(X) if self.tanh else X


def test_a_wrong_degree_is_found_at_construction():
    loss = SquaredLoss(torch.ones(3, 2, dtype=torch.float64))
    Problem(loss, Misdeclared(2), BalancedWeightDecay(2), 0.1)
    with pytest.raises(ValueError, match="declares degree 3 but is measured to be homogeneous of degree 2"):
        Problem(loss, Misdeclared(3), BalancedWeightDecay(3), 0.1)
    with pytest.raises(ValueError, match="not homogeneous"):
        Problem(loss, Misdeclared(2, tanh=True), BalancedWeightDecay(2), 0.1)
