"""Deep problems with a known optimum."""

import torch

from global_optimality import (
    BalancedWeightDecay,
    DeepRelu,
    Norm,
    Problem,
    ProductOfNorms,
    SquaredLoss,
    SumOfPowers,
    lambda_max,
)
from global_optimality.streams import generator, normal

THETAS = (ProductOfNorms((Norm.TWO,) * 3), SumOfPowers(3), BalancedWeightDecay(3))


def draw(name: str, *shape: int) -> torch.Tensor:
    return normal(generator(0, "tests", "deep meta", name, *shape), *shape)


def curve(samples: int, widths: tuple[int, ...], share: float) -> Problem:
    """A noisy curve on [−1, 1] with a constant input, λ a share of λ_max."""
    x = torch.linspace(-1, 1, samples, dtype=torch.float64)
    S = torch.stack([x, torch.ones_like(x)], 1)
    loss = SquaredLoss(torch.sin(4 * x)[:, None] + 0.3 * draw("noise", samples, 1))
    mapping, theta = DeepRelu(S, widths), BalancedWeightDecay(len(widths))
    return Problem(loss, mapping, theta, share * lambda_max(Problem(loss, mapping, theta, 1.0)))
