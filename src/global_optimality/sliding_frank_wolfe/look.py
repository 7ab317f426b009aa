"""What an ascent of the polar tells of a network, without proof: the way down, and the least gap that can be proved."""

import math

import torch
from torch import Tensor

from ..certificate import best_escape
from ..factors import Factors
from ..losses.base import column
from ..polar import Oracle
from ..problem import Problem
from .local import ATOMS, WORTH

LARGEST, DIGITS = 1e3, 30
"""Of an upper bound of the polar over λ that is asked for, and binary digits of it."""


@torch.no_grad()
def look(problem: Problem, W: Factors) -> tuple[float, Tensor]:
    """f and −∇ℓ ``(1, *D)``, projected on the affine hull of dom ℓ*, at W (one run)."""
    loss, X = problem.loss, problem.mapping.Phi(*W)
    value = loss(X) + problem.lam * problem.regularizer.Theta(*W)
    return float(value[0]), -loss.project(loss.gradient(X))


def best_value(problem: Problem, Q: Tensor, atoms: Factors) -> float:
    """max over the atoms of ⟨Q, φ⟩ / (λθ): above 1, that atom lowers f."""
    theta = problem.regularizer.theta(*atoms)
    value = problem.mapping.inner(Q, *atoms) / torch.where(theta > 0, theta, 1.0)
    return float(value.max()) / problem.lam


def least_gap(problem: Problem, value: float, Q: Tensor, excess: float) -> float:
    """The gap if Ω°(Q) = ``excess`` · λ, at an objective ``value``: an upper bound of Ω° can only prove a larger one.

    Not positive where that contradicts itself: the true Ω° is then far larger.
    """
    loss = problem.loss
    scale = loss.dual_scale(-Q, Q.new_tensor([1 / excess if excess > 0 else torch.inf]))
    gap = value + float(loss.conjugate(-column(scale, Q) * Q))
    return gap if math.isfinite(gap) else 0.0


def enough(problem: Problem, value: float, Q: Tensor, gap: float) -> float | None:
    """The largest Ω°(Q)/λ, to some digits, that still proves a ``gap`` at an objective ``value``; None if none does.

    −ℓ*(−sQ) is concave in s, so that its best s in [0, λ/Ω°(Q)] is the best of all or that end: searched for once.
    """
    best = problem.loss.dual_scale(-Q, Q.new_tensor([torch.inf]))

    def proved(excess: float) -> bool:
        return value + float(problem.loss.conjugate(-column(best.clamp(max=1 / excess), Q) * Q)) <= gap

    low, high = 1.0, 2.0
    if least_gap(problem, value, Q, low) > gap:
        return None
    while high < LARGEST and proved(high):
        low, high = high, 2 * high
    for _ in range(DIGITS):
        middle = (low + high) / 2
        low, high = (middle, high) if proved(middle) else (low, middle)
    return low


def ascent(problem: Problem, W: Factors, polar: Oracle) -> tuple[float, Factors]:
    """The least relative gap of W (one run) that the best atom of an ascent leaves, and that atom at its best scale."""
    value, Q = look(problem, W)
    atoms = polar.ascend(Q, W, ATOMS, problem.lam * (1 + WORTH))
    theta = problem.regularizer.theta(*atoms)
    values = problem.mapping.inner(Q, *atoms) / torch.where(theta > 0, theta, 1.0)
    best = int(values[0].argmax())
    gap = least_gap(problem, value, Q, best_value(problem, Q, atoms))
    with torch.no_grad():
        atom = tuple(w[:, best : best + 1] for w in atoms)
        escape, _ = best_escape(problem, W, problem.mapping.Phi(*W), atom)
    return (gap / abs(value) if gap else 0.0), escape
