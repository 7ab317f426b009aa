"""What an ascent of the polar tells of a network, without proof: the way down, and the least gap that can be proved."""

import math

import torch
from torch import Tensor

from ..certificate import best_escape
from ..factors import Factors
from ..losses.base import column
from ..polar import Oracle
from ..problem import Problem
from .entering import WORTH
from .local import ATOMS

LARGEST, CLOSEST, HALVINGS = 1e3, 2.0**-40, 12
"""Of an upper bound of the polar over λ that is asked for; the least excess over 1 that is told from 0; and halvings of
the logarithm of that excess: it is found to a part in a hundred."""


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

    def conjugate(s: Tensor) -> float:
        return float(problem.loss.conjugate(-column(s, Q) * Q))

    if problem.loss.quadratic:
        whole, half = conjugate(best), conjugate(best / 2)  # at s = best · t: whole · t + 2 (whole − 2 half) (t² − t)

    def proved(excess: float) -> bool:
        if not problem.loss.quadratic:
            return value + conjugate(best.clamp(max=1 / excess)) <= gap
        t = min(1.0, 1 / (excess * float(best))) if bool(best > 0) else 1.0
        return value + whole * t + 2 * (whole - 2 * half) * (t * t - t) <= gap

    low, high = 1.0, 2.0
    if not proved(low):
        return None
    while high < LARGEST and proved(high):
        low, high = high, 2 * high
    low, high = max(low - 1, CLOSEST), high - 1
    for _ in range(HALVINGS):
        middle = (low * high) ** 0.5
        low, high = (middle, high) if proved(1 + middle) else (low, middle)
    return 1 + low if low > CLOSEST else 1.0


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
