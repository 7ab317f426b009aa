"""Random data and networks for the polars of deep mappings."""

import torch

import global_optimality as go
from global_optimality.factors import Factors
from global_optimality.mappings import Mapping
from global_optimality.regularizers import Regularizer
from global_optimality.streams import generator, normal

TWO = go.Norm.TWO


def draw(name: str, *shape: int) -> torch.Tensor:
    return normal(generator(0, "tests", "deep polars", name, *shape), *shape)


def trio(layers: int) -> tuple[Regularizer, ...]:
    return go.SumOfPowers(layers), go.BalancedWeightDecay(layers), go.ProductOfNorms((TWO,) * layers)


def pair_polar(mapping: Mapping, theta: Regularizer):
    return go.polar_of(go.Problem(go.SquaredLoss(torch.zeros(mapping.shape, dtype=torch.float64)), mapping, theta, 1.0))


def networks(mapping: Mapping, n: int, r: int = 3000) -> Factors:
    return tuple(draw(f"networks {k}", n, r, *shape) for k, shape in enumerate(mapping.factor_shapes))
