"""Random small problems of every kind that has a certificate, odd ones among them; each from a seed of its own."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

import global_optimality as go
from global_optimality.losses import Loss
from global_optimality.mappings import Mapping
from global_optimality.regularizers import Regularizer


@dataclass(frozen=True)
class Case:
    """A problem, the seed it was drawn from and words that describe it."""

    seed: int
    problem: go.Problem
    words: str


FAMILIES = {
    "matrix": 0.12, "masked": 0.08, "norms": 0.06, "non-negative": 0.02, "relu": 0.36, "free bias": 0.2,
    "linear": 0.06, "tensor": 0.04, "deep relu": 0.02, "deep biased": 0.02, "convolution": 0.02,
}  # fmt: skip
"""How often each is drawn."""

SMALL = go.Effort(nodes=100)
"""Searches of polars are cut short: their bounds must hold wherever they end."""

EUCLIDEAN: tuple[Regularizer, ...] = (
    go.SumOfSquares(), go.SumOfSquares(), go.SumOfSquares(), go.ProductOfNorms(), go.SumOfPowers(2),
    go.BalancedWeightDecay(2), go.PathNorm(2), go.PowerDecay(2),
    go.WeightedSum((go.SumOfSquares(), go.ProductOfNorms()), (0.3, 5.0)),
)  # fmt: skip
"""Of two layers; all have the polar of ‖u‖ ‖v‖ but for a constant."""


def draw(seed: int) -> Case:
    """The problem of a seed: mapping, regularizer, odd rows, loss, output bias, sample weights, units and λ.

    One seed in four has more samples, inputs, outputs and layers (``larger_pair``).
    """
    random = np.random.default_rng(seed)
    family = str(random.choice(list(FAMILIES), p=list(FAMILIES.values())))
    unit = 2.0 ** int(random.choice([0, 0, 0, -20, 20, -100, 100]))
    mapping, theta = larger_pair(random, family, unit) if seed % 4 == 1 else pair_of(random, family, unit)
    loss, kind = loss_of(random, mapping.shape, family, 2.0 ** int(random.choice([0, 0, 0, -60, 60])))
    lam = go.lambda_max(go.Problem(loss, mapping, theta, 1.0), effort=SMALL) * 10.0 ** random.uniform(-6, 0.3)
    if not 1e-280 < lam < 1e280:
        lam = 1.0
    words = f"{family} {mapping.shape} {type(theta).__name__} {kind}, units {unit:g}, λ = {lam:.3g}"
    return Case(seed, go.Problem(loss, mapping, theta, lam), words)


def pair_of(random: np.random.Generator, family: str, unit: float) -> tuple[Mapping, Regularizer]:
    N, c = int(random.integers(2, 9)), int(random.integers(1, 4))
    two_layers = EUCLIDEAN[random.integers(len(EUCLIDEAN))]
    if family in ("matrix", "masked"):
        return go.MatrixProduct(N, c), two_layers
    if family == "norms":
        first, second = random.choice(np.array(go.Norm), 2)
        return go.MatrixProduct(N, c), go.ProductOfNorms((first, second))
    if family == "non-negative":
        theta = go.ProductOfNorms() if random.random() < 0.5 else go.SumOfSquares()
        return go.MatrixProduct(N, c), go.NonNegative(theta)
    if family == "tensor":
        sizes = (2, N % 3 + 1, 2)
        return go.RankOneTensor(sizes), go.SumOfPowers(3) if random.random() < 0.7 else go.BalancedWeightDecay(3)
    if family == "convolution":
        return go.ConvPool(torch.from_numpy(random.normal(size=(N, 1, 4, 4))) * unit, c, 3, 2, c), go.SumOfSquares()
    if family == "deep biased":
        x = torch.from_numpy(random.normal(size=N))
        mapping = go.DeepBiasedRelu(torch.stack([x, torch.ones_like(x)], 1), (1, 1, 1))
        return mapping, go.WeightedPowers(mapping.exponents, mapping.degree)
    d = int(random.choice([1, 2, 3, 4, 5], p=[0.3, 0.3, 0.3, 0.05, 0.05]))
    S = torch.from_numpy(rows(random, N, d if family == "relu" else min(d, 3))) * unit
    if family == "free bias":
        return go.BiasedReluUnit(S, c), go.OnLayers(go.SumOfSquares(), (0, 2))
    if family == "relu":
        return go.ReluUnit(S, c), two_layers
    if family == "linear":
        vectors = isinstance(two_layers, go.PathNorm)  # its polar is known for two vectors only
        return go.DeepLinear(S.shape[1], (2, c), S), go.SumOfSquares() if vectors else two_layers
    widths = (2, 1) if random.random() < 0.5 else (2, 1, 1)
    slope = float(random.choice([0.0, 0.1]))
    K = len(widths)
    return go.DeepRelu(S[:, :2].contiguous(), widths, slope), go.SumOfPowers(K) if slope else go.BalancedWeightDecay(K)


def larger_pair(random: np.random.Generator, family: str, unit: float) -> tuple[Mapping, Regularizer]:
    """Up to 24 samples of 6 inputs, 5 outputs and 4 layers, and the rarer regularizers of each family."""
    N, c, d, K = (int(random.integers(low, high)) for low, high in ((2, 25), (1, 6), (2, 7), (2, 5)))
    K = max(K, 3) if family == "tensor" else K
    widths = (*random.integers(1, 4, size=K - 1).tolist(), c)
    deep: tuple[Regularizer, ...] = (go.SumOfPowers(K), go.BalancedWeightDecay(K), go.PowerDecay(K))
    theta = deep[random.integers(len(deep))]
    S = torch.from_numpy(rows(random, N, d)) * unit
    if family == "relu":
        return go.ReluUnit(S, c), EUCLIDEAN[random.integers(len(EUCLIDEAN))]
    if family == "free bias":
        return go.BiasedReluUnit(S, c), go.OnLayers(go.SumOfSquares(), (0, 2))
    if family == "linear":
        return go.DeepLinear(d, widths, S), theta
    if family == "deep relu":
        return go.DeepRelu(S, widths, float(random.choice([0.0, 0.1, 0.9]))), theta
    if family == "tensor":
        return go.RankOneTensor(tuple(random.integers(1, 5, size=K).tolist())), theta
    if family == "non-negative":
        return go.MatrixProduct(N, c), go.NonNegative(go.ProductOfNorms())
    if family == "norms":
        first, second = random.choice(np.array(go.Norm), 2)
        return go.MatrixProduct(N, c), go.ProductOfNorms((first, second))
    if family == "convolution":
        images = torch.from_numpy(random.normal(size=(N, 2, 5, 5))) * unit
        pooling = list(go.Pooling)[random.integers(len(go.Pooling))]
        return go.ConvPool(images, c, 3, int(random.choice([1, 3])), c, pooling), go.SumOfSquares()
    if family == "deep biased":
        x = torch.from_numpy(random.normal(size=N))
        mapping = go.DeepBiasedRelu(torch.stack([x, torch.ones_like(x)], 1) * unit, (1, 1, 1))
        return mapping, go.WeightedPowers(mapping.exponents, mapping.degree)
    return go.MatrixProduct(3 * N, d), EUCLIDEAN[random.integers(len(EUCLIDEAN))]


def rows(random: np.random.Generator, N: int, d: int) -> np.ndarray:
    """Samples: general ones, or with repeated, opposite, zero, collinear or nearly equal rows, or a column of ones."""
    S = random.normal(size=(N, d))
    odd, i, k = random.integers(0, 9), 0, N - 1
    if odd == 1:
        S[k] = S[i]
    elif odd == 2:
        S[k] = -2 * S[i]
    elif odd == 3:
        S[k] = 0
    elif odd == 4:
        S = random.normal(size=(N, 1)) * random.normal(size=(1, d))
    elif odd == 5:
        S[k] = S[i] * (1 + 1e-12) + 1e-13
    elif odd == 6:
        S[:, -1] = 1
    elif odd == 7:
        S = np.round(S * 2) / 2 + (np.arange(N)[:, None] == 0)
    elif odd == 8:
        S *= 10.0 ** random.uniform(-6, 6, size=(1, d))
    if np.ptp(S, axis=0).max() <= 1e-12 * np.abs(S).max():
        S[0] += 1
    return S


def loss_of(random: np.random.Generator, shape: tuple[int, ...], family: str, unit: float) -> tuple[Loss, str]:
    Y = random.normal(size=shape)
    if family == "masked":
        mask = random.random(shape) < 0.6
        mask.flat[0] = True
        return go.MaskedSquaredLoss(torch.from_numpy(Y) * unit, torch.from_numpy(mask)), "masked"
    if family == "tensor":
        return go.SquaredLoss(torch.from_numpy(Y) * unit), "squared"
    bias = random.choice([None, 0.0, 0.5, 1e-4]) if family != "free bias" else 0.0
    weights = sample_weights(random, shape[0])
    kind = random.choice(["squared", "logistic", "cross entropy"], p=[0.7, 0.2, 0.1])
    options = {"output_bias": bias, "weights": weights}
    words = f", output bias {bias}{', weights' if weights is not None else ''}"
    if kind == "logistic":
        signs = np.sign(Y) + (Y == 0)
        signs[0], signs[1] = 1, -1
        return go.LogisticLoss(torch.from_numpy(signs), **options), kind + words
    if kind == "cross entropy" and shape[0] >= shape[1] > 1:
        labels = np.concatenate([np.arange(shape[1]), random.integers(0, shape[1], shape[0] - shape[1])])
        return go.CrossEntropyLoss(torch.from_numpy(labels), classes=shape[1], **options), kind + words
    return go.SquaredLoss(torch.from_numpy(Y) * unit, **options), "squared" + words


def sample_weights(random: np.random.Generator, N: int) -> Tensor | None:
    """None mostly, else of similar size, or over six orders of magnitude."""
    if random.random() >= 0.3:
        return None
    wide = random.random() < 0.3
    return torch.from_numpy(10.0 ** random.uniform(-3, 3, N) if wide else random.uniform(0.1, 3, N))
