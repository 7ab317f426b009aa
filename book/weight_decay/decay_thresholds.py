"""The λ above which the zero network beats every other: enclosed by theory, and measured, on data."""

from collections.abc import Callable, Sequence

import pandas as pd
import torch
from torch import Tensor

from global_optimality.descent import minimise
from global_optimality.factors import Factors, scale
from global_optimality.losses import SquaredLoss
from global_optimality.mappings import DeepLinear, DeepRelu
from global_optimality.polar import polar_of
from global_optimality.problem import Problem
from global_optimality.regularizers import L1Decay, PowerDecay, Regularizer, WeightedSum

from ..shared.relu_problems import inputs, plane_problem
from .mismatched_theorems import balanced_twin
from .scalar_chains import tie

FIRST = 1e-3
"""Share x of the target that the search fits first at K = q, where the ratio, P(1 − x/2), is largest at x → 0."""


def training_thresholds(
    problems: dict[tuple[str, int], Callable[[float], Problem]], *, starts: int, seed: int
) -> pd.DataFrame:
    """The λ above which zero beats every network, sup (ℓ(0) − ℓ(Φ(W))) / Θ(W): enclosed by theory, and searched for.

    With P = Ω°(Y) for unit layers, D = φ(w) its atom and s = q/p: from below by multiples of the atom,
    tie · ‖D‖² (P/‖D‖²)^{2−s}; from above by f ≥ ½(‖Y‖ − z)² + λ(‖Y‖z/P)^s, z = ⟨Y, X⟩/‖Y‖: tie · ‖Y‖^{2−2s} P^s.
    """
    rows = []
    for (name, layers), build in problems.items():
        problem = build(1.0)
        q, nothing = problem.regularizer.degree, torch.zeros(1, *problem.mapping.shape, dtype=torch.float64)
        P, atom = _unit_polar(problem, -problem.loss.gradient(nothing))
        y, D = float(problem.loss.Y.norm()), float(problem.mapping.Phi(*atom).square().sum())
        s = q / layers
        low, high = tie(layers, q) * D * (P / D) ** (2 - s), tie(layers, q) * y ** (2 - 2 * s) * P**s
        x = 2 * (layers - q) / (2 * layers - q) if q < layers else FIRST
        noise = scale(problem.random(starts, 1, seed=seed), torch.linspace(0, 1, starts, dtype=torch.float64)[:, None])
        W = tuple((x * P / D) ** (1 / layers) * (a + b) for a, b in zip(atom, noise, strict=True))
        rows.append((name, layers, q, low, _largest_ratio(build, W), high))
    return pd.DataFrame(rows, columns=["network", "K", "q", "from_below", "measured", "from_above"])


def _largest_ratio(build: Callable[[float], Problem], W: Factors, *, rounds: int = 4) -> float:
    """The largest (ℓ(0) − ℓ(Φ(W))) / Θ(W) found: descend at λ = the best ratio so far, and repeat (Dinkelbach 1967)."""
    best = 0.0
    for _ in range(rounds):
        problem = build(1.0)
        X, Theta = problem.mapping.Phi(*W), problem.regularizer.Theta(*W)
        gain = problem.loss(torch.zeros_like(X)) - problem.loss(X)
        best = max(best, float(torch.where(Theta > 1e-9, gain / Theta, 0.0).max()))
        W = minimise(build(best), W, tol=1e-5, max_steps=40).weights
    return best


def _unit_polar(problem: Problem, Q: Tensor) -> tuple[float, Factors]:
    """Ω°(Q) over layers of norm 1, and its atom: the ℓ1 norm of deep products is attained on one entry of Q."""
    if not isinstance(problem.regularizer, WeightedSum):
        bound = polar_of(balanced_twin(problem))(Q)
        return float(bound.upper[0]), bound.atom
    i, j = divmod(int(Q[0].abs().argmax()), Q.shape[2])
    atom = tuple(Q.new_zeros(1, 1, *shape) for shape in problem.mapping.factor_shapes)
    for w in atom:
        w[..., 0, 0] = 0 if w is atom[0] or w is atom[-1] else 1
    atom[0][..., i, 0], atom[-1][..., 0, j] = 1, Q[0, i, j].sign()
    return float(Q.abs().max()), atom


def deep_products(Y: Tensor, layers: int, theta: Regularizer) -> Callable[[float], Problem]:
    """Products of ``layers`` matrices with inner width 1 for the matrix Y, as a function of λ."""
    mapping = DeepLinear(Y.shape[0], (1,) * (layers - 1) + (Y.shape[1],))
    return lambda lam: Problem(SquaredLoss(Y), mapping, theta, lam, allow_mismatch=True)


def deep_relus(N: int, layers: int, theta: Regularizer, *, seed: int) -> Callable[[float], Problem]:
    """ReLU networks of ``layers`` layers and inner width 1 for N samples in the plane, as a function of λ."""
    data = plane_problem(N, 1.0, seed=seed)
    mapping = DeepRelu(inputs(data), (1,) * layers)
    return lambda lam: Problem(data.loss, mapping, theta, lam, allow_mismatch=True)


def both_decays(
    Y: Tensor, N: int, depths: Sequence[int], *, seed: int
) -> dict[tuple[str, int], Callable[[float], Problem]]:
    """The networks of ``training_thresholds``: products with ℓ2 and ℓ1 decay, ReLU networks with ℓ2 decay."""
    problems = {}
    for layers in depths:
        mean_of_l1 = WeightedSum((L1Decay(),), (1 / layers,))
        problems["products, ℓ2", layers] = deep_products(Y, layers, PowerDecay(2))
        problems["products, ℓ1", layers] = deep_products(Y, layers, mean_of_l1)
        problems["ReLU, ℓ2", layers] = deep_relus(N, layers, PowerDecay(2), seed=seed)
    return problems
