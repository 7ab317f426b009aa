"""Small problems of every kind of search, for the laws of limits of time and memory."""

import torch

import global_optimality as go
from cases import randn
from global_optimality.regularizers import WeightedPowers

MB = 2**20


def relu(N: int, d: int, c: int, lam: float = 1.0) -> go.Problem:
    S = randn("limits S", N, d)
    return go.Problem(go.SquaredLoss(randn("limits Y", N, c)), go.ReluUnit(S, c), go.SumOfSquares(), lam)


def cross_entropy(N: int = 60, d: int = 4, c: int = 4) -> go.Problem:
    loss = go.CrossEntropyLoss(torch.arange(N) % c, output_bias=0.0)
    return go.Problem(loss, go.ReluUnit(randn("limits S", N, d), c), go.SumOfSquares(), 0.1)


def completion(m: int, n: int) -> go.Problem:
    Y, mask = randn("limits Y", m, n), randn("limits mask", m, n) > 0
    return go.Problem(go.MaskedSquaredLoss(Y, mask), go.MatrixProduct(m, n), go.SumOfSquares(), 1.0)


def biased(N: int) -> go.Problem:
    S, decay = randn("limits S", N, 2), go.OnLayers(go.SumOfSquares(), (0, 2))
    return go.Problem(go.SquaredLoss(S[:, :1].sin(), output_bias=0.0), go.BiasedReluUnit(S), decay, 0.5)


def deep(N: int) -> go.Problem:
    S = randn("limits S", N, 3)
    return go.Problem(go.SquaredLoss(S[:, :1].sin()), go.DeepRelu(S, (3, 2, 1)), go.BalancedWeightDecay(3), 0.1)


def chain(N: int) -> go.Problem:
    S = randn("limits S", N, 2)
    mapping = go.DeepBiasedRelu(S, (1, 1, 1))
    return go.Problem(go.SquaredLoss(S[:, :1].sin()), mapping, WeightedPowers(mapping.exponents, 3), 0.1)


PROBLEMS = {
    "relu": relu(60, 6, 3),
    "labels": cross_entropy(),
    "matrix": completion(30, 20),
    "biased": biased(40),
    "chain": chain(30),
}
