"""A problem of every public mapping, loss and regularizer, for the checks on a pretended accelerator."""

import torch
from torch import Tensor

import global_optimality as go
from cases import randn
from global_optimality.losses import Loss
from global_optimality.mappings import Mapping
from global_optimality.regularizers import Regularizer

N, D = 5, 2
"""Samples and inputs."""


def inputs(d: int = D) -> Tensor:
    return randn("S", N, d)


def images() -> Tensor:
    return randn("images", N, 1, 6, 6)


def targets(c: int = 1) -> Tensor:
    return randn("Y", N, c)


def labels(classes: int = 3) -> Tensor:
    return torch.arange(N) % classes


def of(loss: Loss, mapping: Mapping, regularizer: Regularizer) -> go.Problem:
    return go.Problem(loss, mapping, regularizer, 0.3, allow_mismatch=True)


RELU = go.ReluUnit(inputs())
BIASED = go.DeepBiasedRelu(inputs(), (1, 1, 1))
LAYERWISE = go.WeightedSum((go.OnLayers(go.WeightDecay(), (0,)), go.OnLayers(go.WeightDecay(), (1,))))
MATRIX = go.SquaredLoss(randn("matrix", 3, 2))
PROBLEMS: dict[str, go.Problem] = {
    "squared, matrix": of(MATRIX, go.MatrixProduct(3, 2), go.SumOfSquares()),
    "masked, matrix": of(
        go.MaskedSquaredLoss(randn("matrix", 3, 2), torch.arange(6).reshape(3, 2) != 4),
        go.MatrixProduct(3, 2),
        go.SumOfSquares(),
    ),
    **{
        f"matrix, product {a.name} {b.name}".lower(): of(MATRIX, go.MatrixProduct(3, 2), go.ProductOfNorms((a, b)))
        for a, b in ((go.Norm.TWO, go.Norm.ONE), (go.Norm.INFINITY, go.Norm.TWO), (go.Norm.INFINITY, go.Norm.INFINITY))
    },
    "matrix, non-negative": of(MATRIX, go.MatrixProduct(3, 2), go.NonNegative()),
    "matrix, dropout": of(MATRIX, go.MatrixProduct(3, 2), go.DropoutPenalty(go.MatrixProduct(3, 2))),
    "squared, relu": of(go.SquaredLoss(targets()), RELU, go.SumOfSquares()),
    "weighted and biased, relu": of(
        go.SquaredLoss(targets(), weights=torch.arange(1.0, N + 1, dtype=torch.float64), output_bias=0.5),
        RELU,
        go.SumOfSquares(),
    ),
    "free bias, relu": of(go.SquaredLoss(targets(), output_bias=0.0), RELU, go.SumOfSquares()),
    "logistic, relu": of(go.LogisticLoss(targets().sign()), RELU, go.SumOfSquares()),
    "cross-entropy, relu": of(go.CrossEntropyLoss(labels()), go.ReluUnit(inputs(), 3), go.SumOfSquares()),
    "cross-entropy with a bias, relu": of(
        go.CrossEntropyLoss(labels(), output_bias=0.0), go.ReluUnit(inputs(), 3), go.SumOfSquares()
    ),
    "relu of four inputs": of(go.SquaredLoss(targets()), go.ReluUnit(inputs(4)), go.SumOfSquares()),
    "relu, max norm": of(go.SquaredLoss(targets()), RELU, go.MaxNorm(go.SumOfSquares(), 3.0)),
    "relu, dropout": of(go.SquaredLoss(targets()), RELU, go.DropoutPenalty(RELU)),
    "relu, weight decay": of(go.SquaredLoss(targets()), RELU, go.WeightDecay()),
    "relu, l1": of(go.SquaredLoss(targets()), RELU, go.L1Decay()),
    "relu, cubes": of(go.SquaredLoss(targets()), RELU, go.PowerDecay(3)),
    "relu, layer by layer": of(go.SquaredLoss(targets()), RELU, LAYERWISE),
    "relu, weighted sum": of(go.SquaredLoss(targets()), RELU, go.WeightedSum((go.SumOfSquares(), go.ProductOfNorms()))),
    "deep relu": of(go.SquaredLoss(targets()), go.DeepRelu(inputs(), (2, 1)), go.SumOfSquares()),
    "deeper relu, decay": of(go.SquaredLoss(targets()), go.DeepRelu(inputs(), (2, 2, 1)), go.BalancedWeightDecay(3)),
    "deeper relu, powers": of(go.SquaredLoss(targets()), go.DeepRelu(inputs(), (1, 1, 1)), go.SumOfPowers(3)),
    "deeper relu, paths": of(go.SquaredLoss(targets()), go.DeepRelu(inputs(), (2, 2, 1)), go.PathNorm(3)),
    "leaky relu, paths": of(go.SquaredLoss(targets()), go.DeepRelu(inputs(), (2, 1), 0.1), go.PathNorm(2, 1.0)),
    "deep linear": of(go.SquaredLoss(randn("deep", 3, 2)), go.DeepLinear(3, (2, 2, 2)), go.BalancedWeightDecay(3)),
    "deep linear on data": of(go.SquaredLoss(targets()), go.DeepLinear(D, (2, 1), inputs()), go.SumOfSquares()),
    "three layers with biases": of(
        go.SquaredLoss(targets()), BIASED, go.WeightedPowers(BIASED.exponents, BIASED.degree)
    ),
    "biased relu": of(go.SquaredLoss(targets()), go.BiasedReluUnit(inputs()), go.OnLayers(go.SumOfSquares(), (0, 2))),
    "tensor": of(go.SquaredLoss(randn("tensor", 2, 2, 2)), go.RankOneTensor((2, 2, 2)), go.SumOfPowers(3)),
    "convolution, max": of(go.SquaredLoss(targets()), go.ConvPool(images(), 1, 3, 2, 1), go.SumOfSquares()),
    "convolution, average": of(
        go.SquaredLoss(targets()), go.ConvPool(images(), 1, 3, 2, 1, go.Pooling.AVERAGE), go.SumOfSquares()
    ),
    "normalised relu": of(go.SquaredLoss(targets()), go.NormalizedRelu(inputs(), (2, 1)), go.SumOfSquares()),
    "normalised convolution": of(
        go.SquaredLoss(targets()), go.NormalizedConvPool(images(), 1, 3, 2, 1), go.SumOfSquares()
    ),
    "alexnet": of(
        go.SquaredLoss(targets()),
        go.AlexNet(randn("larger", N, 1, 12, 12), (1, 1), (3, 2), (2, 2), 2, 1),
        go.WeightDecay(),
    ),
}
