"""Which layers are positively homogeneous, which pairs (φ, θ) are nondegenerate, and what construction refuses."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import pandas as pd
import torch
from torch import Tensor

from global_optimality.homogeneity import Degree, check_pair, layer_table, measure_degree, random_points
from global_optimality.losses import SquaredLoss
from global_optimality.mappings import AlexNet, ConvPool, DeepRelu
from global_optimality.mappings.inputs import HiddenUnit
from global_optimality.problem import Problem
from global_optimality.regularizers import (
    BalancedWeightDecay,
    L1Decay,
    NonNegative,
    Norm,
    PathNorm,
    ProductOfNorms,
    Regularizer,
    SumOfPowers,
    WeightDecay,
    WeightedSum,
)
from global_optimality.streams import generator, normal


def layers(seed: int = 0) -> pd.DataFrame:
    """The measured table of layers, one row a layer."""
    rows = [(r.layer, r.formula, r.estimate, r.residual, r.allowed, r.remark) for r in layer_table(seed)]
    return pd.DataFrame(rows, columns=["layer", "formula", "degree", "residual", "allowed", "remark"]).set_index(
        "layer"
    )


def alexnet(seed: int = 0) -> Degree:
    """The degree of a whole AlexNet in miniature, the paper's example of r = 1, as a function of all its weights."""
    images = normal(generator(seed, "AlexNet"), 2, 1, 12, 12)
    mapping = AlexNet(images, channels=(4, 3), kernels=(3, 2), pools=(2, 2), hidden=5, outputs=2)
    return measure_degree(mapping.phi, random_points(mapping.factor_shapes, seed=seed))


def pairs(seed: int = 0) -> pd.DataFrame:
    """Both conditions of a nondegenerate pair, tested for three-layer ReLU subnetworks with many regularizers."""
    mapping = DeepRelu(normal(generator(seed, "pairs"), 6, 2), (2, 2, 1))
    two = (Norm.TWO,) * 3
    regularizers: dict[str, Regularizer] = {
        "∏ ‖wᵏ‖": ProductOfNorms(two),
        "⅓ Σ ‖wᵏ‖³": SumOfPowers(3),
        "(⅓ Σ ‖wᵏ‖²)^{3/2}": BalancedWeightDecay(3),
        "path norm, q = 1": PathNorm(3, 1.0),
        "path norm, q = 2": PathNorm(3),
        "a sum of two of these": WeightedSum((SumOfPowers(3), PathNorm(3))),
        "⅓ Σ ‖wᵏ‖³, weights ≥ 0": NonNegative(SumOfPowers(3)),
        "weight decay ½ Σ ‖wᵏ‖²": WeightDecay(),
        "ℓ1 decay Σ ‖wᵏ‖₁": L1Decay(),
        "‖w¹‖³ alone": FirstLayerOnly(3),
    }
    rows = []
    for name, theta in regularizers.items():
        test = check_pair(mapping, theta)
        rows.append((name, test.regularizer.estimate, test.largest_ratio, test.verdict.name))
    return pd.DataFrame(rows, columns=["theta", "degree", "largest_ratio", "verdict"]).set_index("theta")


@final
@dataclass(frozen=True)
class FirstLayerOnly(Regularizer):
    """‖w¹‖ᴷ: of the right degree, and blind to all layers but the first. The pair with any deep φ is degenerate."""

    layers: int

    @property
    def degree(self) -> int:
        return self.layers

    def theta(self, *W: Tensor) -> Tensor:
        return W[0].flatten(2).norm(dim=2) ** self.layers


@final
@dataclass(frozen=True, eq=False)
class Sigmoid(HiddenUnit):
    """σ(S u) vᵀ, with degree 2 declared although it has none."""

    S: Tensor
    outputs: int = 1

    @property
    def factor_shapes(self) -> tuple[tuple[int, ...], ...]:
        return ((self.S.shape[1],), (1,))

    def phi(self, *W: Tensor) -> Tensor:
        return torch.sigmoid(W[0] @ self.S.mT)[..., :, None] * W[1][..., None, :]


def refusals() -> pd.DataFrame:
    """What construction says to networks outside the theory, one row each; an empty message means: not refused."""
    S, images = normal(generator(0, "refusals"), 6, 2), normal(generator(1, "refusals"), 3, 1, 8, 8)
    loss, deep = SquaredLoss(torch.ones(6, 1, dtype=torch.float64)), DeepRelu(S, (2, 2, 1))
    builds: dict[str, Callable[[], object]] = {
        "sigmoid units": lambda: Problem(loss, Sigmoid(S), BalancedWeightDecay(2), 0.1),
        "weight decay on three layers": lambda: Problem(loss, deep, WeightDecay(), 0.1),
        "θ blind to two of the layers": lambda: Problem(loss, deep, FirstLayerOnly(3), 0.1),
        "a single layer, K = 1": lambda: DeepRelu(S, (1,)),
        "a layer of width zero": lambda: DeepRelu(S, (2, 0, 1)),
        "weights that do not chain": lambda: Problem(loss, deep, BalancedWeightDecay(3), 0.1)(
            *(torch.ones(1, 1, *shape, dtype=torch.float64) for shape in ((2, 2), (3, 2), (2, 1)))
        ),
        "pooling that does not divide": lambda: ConvPool(images, channels=2, kernel=3, pool=4, outputs=1),
    }
    rows = []
    for name, build in builds.items():
        try:
            build()
            rows.append((name, ""))
        except ValueError as error:
            rows.append((name, str(error)))
    return pd.DataFrame(rows, columns=["network", "message"]).set_index("network")
