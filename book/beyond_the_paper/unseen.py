"""What a certificate says of unseen data: a bound from the same polar beside the measured test error.

Networks with Θ ≤ B compute functions of B conv{±(uᵀx)₊ : ‖u‖ = 1}; the Rademacher complexity of that set on a sample is
(B/N) E Ω°(σ), σ random signs: the polar again. The loss of the bound is the absolute error, clipped at CLIP.
"""

import math
from collections.abc import Sequence
from dataclasses import replace

import pandas as pd
import torch
from torch import Tensor

from global_optimality.losses import SquaredLoss
from global_optimality.mappings import ReluUnit
from global_optimality.polar import lambda_max, polar_of
from global_optimality.problem import Problem
from global_optimality.regularizers import SumOfSquares
from global_optimality.sliding_frank_wolfe import Solution, solve
from global_optimality.streams import generator, normal, uniform

from ..shared.relu_problems import inputs

CLIP = 2.0
"""The loss is min(|y − x|, CLIP); targets have deviation about 1."""

SURE = 0.05
"""The bounds fail for at most this share of the samples."""

TEACHER = ((1.0, 0.3), (-1.0, 1.9), (1.0, 3.5))
"""Output sign and direction (an angle) of the units behind the targets, inputs on the unit circle."""


def sample(N: int, noise: float, *, seed: int, name: str, random_labels: bool = False) -> tuple[Tensor, Tensor]:
    """N points of the unit circle ``(N, 2)``, targets ``(N, 1)`` of the teacher plus noise, or labels ±1 at random."""
    stream = generator(seed, "unseen", name, N)
    angle = 2 * math.pi * uniform(stream, N)
    S = torch.stack([angle.cos(), angle.sin()], 1)
    y = sum(2 * sign * (angle - at).cos().clamp(min=0) for sign, at in TEACHER) + noise * normal(stream, N)
    if random_labels:
        y = _signs(stream, N)
    return S, torch.as_tensor(y)[:, None]


def _signs(stream: torch.Generator, *shape: int) -> Tensor:
    """±1 with equal probability."""
    return (uniform(stream, *shape) < 0.5).double() * 2 - 1


def clipped(Y: Tensor, X: Tensor) -> float:
    """The mean of min(|y − x|, CLIP)."""
    return float((Y - X).abs().clamp(max=CLIP).mean())


def complexity(problem: Problem, *, draws: int, seed: int) -> tuple[float, float]:
    """(mean of Ω°(σ)/N over ``draws`` random sign vectors, its allowance): complexity of the networks with Θ ≤ 1.

    Changing one sign changes Ω°(σ)/N by at most 2/N for unit inputs: by McDiarmid's inequality, over all signs of all
    m draws, the mean lies below its expectation by more than √(2 log(1/δ)/(N m)) with probability at most δ = SURE/4.
    """
    N = problem.card
    signs = _signs(generator(seed, "signs", N), draws, N, 1)
    polar = polar_of(replace(problem, loss=SquaredLoss(torch.zeros_like(problem.loss.Y))))
    mean = float(polar(signs).upper.mean()) / N
    return mean, math.sqrt(2 * math.log(4 / SURE) / (N * draws))


def bound(train_error: float, theta: float, N: int, unit_complexity: float) -> float:
    """Of the test error, with probability 1 − SURE, for the least B = 2^j ≥ Θ, j an integer; all j share SURE/2.

    train + 2 B R + 3 CLIP √(log(2/δ_j)/(2N)) (Bartlett and Mendelson 2002), with δ_j ∝ 1/(1 + j²), whose sum over the
    integers is π coth π.
    """
    j = math.ceil(math.log2(max(theta, 2.0**-20)))
    delta = SURE / 2 / (math.pi / math.tanh(math.pi) * (1 + j * j))
    return train_error + 2 * 2.0**j * unit_complexity + 3 * CLIP * math.sqrt(math.log(2 / delta) / (2 * N))


def row(solution: Solution, test: tuple[Tensor, Tensor], *, draws: int, seed: int) -> dict[str, float]:
    """Bound and measured errors of one certified network."""
    problem = solution.problem
    S, Y = inputs(problem), problem.loss.Y
    theta = float(problem.regularizer.Theta(*solution.weights)[0])
    mean, allowance = complexity(problem, draws=draws, seed=seed)
    train = clipped(Y, solution.predict(S))
    return {
        "train": train, "test": clipped(test[1], solution.predict(test[0])),
        "bound": bound(train, theta, len(S), mean + allowance), "theta": theta, "complexity": mean,
        "gap": solution.relative_gap, "size": solution.size,
    }  # fmt: skip


def generalisation(
    sizes: Sequence[int],
    *,
    seeds: Sequence[int],
    share: float = 0.02,
    noise: float = 0.1,
    tested: int = 20_000,
    draws: int = 20,
) -> pd.DataFrame:
    """One row a number of samples, kind of labels and draw: errors on ``tested`` new points beside the bound."""
    rows = []
    for seed in seeds:
        for random_labels in (False, True):
            test = sample(tested, noise, seed=seed, name="test", random_labels=random_labels)
            for N in sizes:
                S, Y = sample(N, noise, seed=seed, name="train", random_labels=random_labels)
                problem = Problem(SquaredLoss(Y), ReluUnit(S), SumOfSquares(), 1.0)
                problem = replace(problem, lam=share * lambda_max(problem) * (60 / N) ** 0.5)
                found = row(solve(problem, tol=1e-8), test, draws=draws, seed=seed)
                rows.append({"N": N, "labels": "random" if random_labels else "planted", "seed": seed, **found})
    return pd.DataFrame(rows)
