"""The limits of section 6, measured on deep subnetworks."""

from collections.abc import Sequence
from itertools import product

import pandas as pd
import torch
from torch import Tensor

from global_optimality.certificate import certify
from global_optimality.descent import LBFGS, NewtonCG, minimise
from global_optimality.factors import Factors
from global_optimality.losses import SquaredLoss
from global_optimality.mappings import DeepLinear, DeepRelu, ReluUnit
from global_optimality.problem import Problem
from global_optimality.regularizers import BalancedWeightDecay, SumOfSquares
from global_optimality.sliding_frank_wolfe import solve
from global_optimality.streams import generator, normal

from ..shared.relu_problems import reduced
from .experiment import curve


def from_zero(seed: int = 0) -> pd.DataFrame:
    """Does local descent leave the zero network? Its gradient and curvature there, and what the polar finds."""
    S, Y = normal(generator(seed, "from zero", "S"), 4, 2), normal(generator(seed, "from zero", "Y"), 4, 2)
    rows = []
    for kind, K in product(("linear", "ReLU"), (2, 3)):
        mapping = DeepLinear(2, (2,) * K, S) if kind == "linear" else DeepRelu(S, (2,) * (K - 1) + (1,))
        target = Y if kind == "linear" else Y[:, :1]
        problem = Problem(SquaredLoss(target), mapping, BalancedWeightDecay(K), 0.1)
        zero = tuple(torch.zeros_like(w) for w in problem.random(1, 2))
        certificate = certify(problem, zero)
        fall = 1 - float(minimise(problem, zero, NewtonCG()).objective / certificate.objective)
        drop = 1 - float(certificate.escape_objective / certificate.objective)
        rows.append((f"{kind}, K = {K}", float(certificate.gradient_norm), fall, float(certificate.polar_lower), drop))
    names = ["network", "gradient_norm", "newton_fall", "polar", "escape_fall"]
    return pd.DataFrame(rows, columns=names).set_index("network")


def one_is_enough(seed: int = 0, trials: int = 200) -> pd.DataFrame:
    """One deep linear network reaches every matrix. Is r = 1 enough? If its own cost obeys the triangle inequality.

    The least θ of one network with product X is the Schatten-2/K quasi-norm of X; for K = 2 it is a norm.
    ``triangle`` is the largest cost(X + Z)/(cost(X) + cost(Z)) over random pairs; ``excess`` of the best r = 1 over F*.
    """
    stream = generator(seed, "one is enough")
    A, B = normal(stream, trials, 4, 1) * normal(stream, trials, 1, 4), normal(stream, trials, 4, 4)
    B[: trials // 2] = normal(stream, trials // 2, 4, 1) * normal(stream, trials // 2, 1, 4)  # pairs of rank one too
    Y = normal(stream, 4, 4)
    rows = []
    for K in (2, 3):
        ratio = schatten(A + B, 2 / K) / (schatten(A, 2 / K) + schatten(B, 2 / K))
        problem = Problem(SquaredLoss(Y), DeepLinear(4, (4,) * K), BalancedWeightDecay(K), 0.5)
        values = [
            float(minimise(problem, problem.random(12, r, seed=seed, deviation=0.7), LBFGS()).objective.min())
            for r in (1, 4)
        ]
        optimum = nuclear_optimum(Y, 0.5)
        rows.append((K, float(ratio.max()), values[0] / optimum - 1, values[1] / optimum - 1))
    return pd.DataFrame(rows, columns=["K", "triangle", "excess_one", "excess_four"]).set_index("K")


def schatten(X: Tensor, q: float) -> Tensor:
    """(Σ σ_i^q)^{1/q} of matrices ``(…, a, b)``: the least ∏‖wᵏ‖_F with w¹ … wᴷ = X is that of q = 2/K."""
    return torch.linalg.svdvals(X).pow(q).sum(-1).pow(1 / q)


def nuclear_optimum(Y: Tensor, lam: float) -> float:
    """min ½‖Y − X‖² + λ‖X‖_*, the closed form of eq. (8)."""
    s = torch.linalg.svdvals(Y)
    kept = (s - lam).clamp(min=0)
    return float(0.5 * (s - kept).square().sum() + lam * kept.sum())


def chain(W: Factors) -> Factors:
    """A network with one hidden layer as parallel chains of three layers of width one: same Φ, Θ no larger."""
    U, V = W
    u, v = U.norm(dim=2, keepdim=True), V.norm(dim=2, keepdim=True)
    s = (u * v) ** (1 / 3)
    return (U / u * s)[..., None], s[..., None], (V / v * s)[..., None, :]


def sufficient(numbers: Sequence[int], lam: float, *, draws: Sequence[int], device: str = "cpu") -> pd.DataFrame:
    """card(X) = N against the size of a certified optimum of three-layer chains of width one.

    They are found and bounded as one hidden layer, to which chains of width one reduce, thinned out along null vectors
    (Proposition 1, item 5), then certified again as the deep networks that they are: ``gap``.
    """
    rows = []
    for draw, N in product(draws, numbers):
        deep = curve(N, (1, 1, 1), lam, seed=draw, device=device)
        assert isinstance(deep.mapping, DeepRelu)
        flat = Problem(deep.loss, ReluUnit(deep.mapping.S), SumOfSquares(), lam)
        W = chain(reduced(flat, solve(flat).weights))
        certificate = certify(deep, W)
        rows.append((draw, N, W[0].shape[1], float(certificate.relative_gap)))
    return pd.DataFrame(rows, columns=["draw", "card", "size", "gap"])
