"""Deep networks with θ of too low, equal and too high a degree, on the same data; the exact ground of section 6.

With θ = (1/K) Σ ‖wᵏ‖^q, 2 ≤ q ≤ K, the best sum of products of K matrices, of any size, has the objective
Σ_i min_x ½(σ_i − x)² + λ x^{q/K} over the singular values σ_i of Y (``optimum``).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from global_optimality.losses import SquaredLoss
from global_optimality.mappings import DeepLinear, DeepRelu
from global_optimality.problem import Problem
from global_optimality.regularizers import BalancedWeightDecay, Norm, PowerDecay, ProductOfNorms, Regularizer
from global_optimality.streams import generator, normal

from ..shared.relu_problems import inputs, plane_problem

K = 3
"""Layers of every network here."""

THETAS: dict[str, Regularizer] = {
    "weight decay, q = 2": PowerDecay(2),
    "repaired decay, q = 3": BalancedWeightDecay(K),
    "product of norms, q = 3": ProductOfNorms((Norm.TWO,) * K),
    "fourth powers, q = 4": PowerDecay(4),
}
"""Each is 1 where all three layers have norm 1, so one λ means the same for all."""

THREE = {name: theta for name, theta in THETAS.items() if not isinstance(theta, ProductOfNorms)}

ZERO = 1e-4
"""Subnetworks whose weights have a norm below ZERO are zero: descent scales them down without end."""

BUILD = Callable[[Regularizer], Problem]


def planted(singular_values: Sequence[float], rows: int, *, seed: int, device: str = "cpu") -> Tensor:
    """A matrix with these singular values and random singular vectors."""
    stream, m = generator(seed, "planted", rows), len(singular_values)
    U, V = (torch.linalg.qr(normal(stream, n, m)).Q for n in (rows, m))
    return (U * torch.tensor(singular_values, dtype=torch.float64) @ V.T).to(device)


@dataclass(frozen=True)
class DeepLinearOn:
    """Y as a sum of products of three matrices, inner widths ``width``; a problem for each θ."""

    Y: Tensor
    lam: float
    width: int = 2

    def __call__(self, theta: Regularizer) -> Problem:
        rows, columns = self.Y.shape
        mapping = DeepLinear(rows, (self.width,) * (K - 1) + (columns,))
        return Problem(SquaredLoss(self.Y), mapping, theta, self.lam, allow_mismatch=True)


@dataclass(frozen=True)
class DeepReluOn:
    """sin(3x₁) + x₂² with noise, N samples, by sums of ReLU networks of three layers; a problem for each θ."""

    N: int
    lam: float
    seed: int
    width: int = 3
    device: str = "cpu"

    def __call__(self, theta: Regularizer) -> Problem:
        data = plane_problem(self.N, 1.0, seed=self.seed).to(torch.device(self.device))
        mapping = DeepRelu(inputs(data), (self.width,) * (K - 1) + (1,))
        return Problem(data.loss, mapping, theta, self.lam, allow_mismatch=True)


def optimum(Y: Tensor, lam: float, q: float) -> float:
    """Σ_i min_{x ≥ 0} ½(σ_i − x)² + λ x^{q/K} for 2 ≤ q ≤ K: the least f over deep linear networks of every size.

    Below: (1/K) Σ‖wᵏ‖^q ≥ ‖X_i‖_{S_{2/K}}^{q/K} ≥ Σ_j σ_j(X_i)^{q/K}, which is subadditive. Attained in rank one.
    """
    if not 2 <= q <= K:
        raise ValueError(f"q = {q}: the closed form holds for 2 ≤ q ≤ {K}.")
    total = 0.0
    for s in torch.linalg.svdvals(Y).tolist():
        x = torch.linspace(0, 1, 2001, dtype=torch.float64) * s
        for _ in range(6):  # zoom into the best cell: the value is then exact to rounding
            f = 0.5 * (s - x) ** 2 + lam * x ** (q / K)
            i, h = int(f.argmin()), float(x[1] - x[0])
            x = torch.linspace(max(float(x[i]) - h, 0.0), float(x[i]) + h, 2001, dtype=torch.float64)
        total += float(f.min())
    return total
