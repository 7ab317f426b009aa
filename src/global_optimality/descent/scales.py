"""The best scales of given subnetworks: a convex problem, whatever the mapping (the fully corrective step)."""

import torch
from torch import Tensor

from ..factors import Factors, scale, zeros_like_slice
from ..losses import Loss
from ..problem import Problem

SETTLED = 1e-14
"""What is left to gain, as a share of f, when the scales count as best."""

STEPS = 50
"""So many steps at most, and ten more for each subnetwork."""


def refit(problem: Problem, W: Factors) -> Factors:
    """Each w_i of one run becomes s_i^{1/p} w_i with the best scales s ≥ 0; those with s_i = 0 are left out.

    f never rises, and kinks of φ are no obstacle: only scales change.
    """
    with torch.no_grad():
        alive = problem.regularizer.theta(*W)[0] > 0
        if not bool(alive.any()):
            return zeros_like_slice(W)
        W = tuple(w[:, alive] for w in W)
        s = best_scales(problem.loss, problem.mapping.phi(*W)[0], problem.lam * problem.regularizer.theta(*W)[0])
        kept = s > 0
        if not bool(kept.any()):
            return zeros_like_slice(W)
        new = scale(tuple(w[:, kept] for w in W), s[None, kept] ** (1 / problem.mapping.degree))
        return new if bool(problem(*new) <= problem(*W)) else W


def best_scales(loss: Loss, D: Tensor, cost: Tensor) -> Tensor:
    """argmin over s ≥ 0 of ℓ(Σ s_i D_i) + Σ s_i cost_i, ``(r,)``, for outputs D ``(r, *D)`` and costs ``(r,)``, from 1.

    An active set: Newton steps with exact line searches on the scales that are not zero, cut off where one vanishes;
    once they gain nothing, the steepest of the others enters.
    """
    s = torch.ones_like(cost)
    for _ in range(STEPS + 10 * len(s)):
        X = torch.tensordot(s, D, 1)[None]
        slope = (loss.gradient(X) * D).flatten(1).sum(1) + cost
        floor = SETTLED * (loss(X)[0] + s @ cost).abs()
        d = _newton(loss, X, D, slope, s > 0)
        if -(slope @ d) <= floor:
            entering = torch.where(s > 0, torch.zeros_like(slope), slope)
            if not float(entering.min()) < -1e-12 * float(cost.max()):
                break
            d = torch.nn.functional.one_hot(entering.argmin(), len(s)).to(s)
        limits = torch.where(d < 0, -s / d.clamp(max=-1e-300), torch.inf)
        direction = torch.tensordot(d, D, 1)[None]
        length = loss.line_minimum(X, direction, float(cost @ d))[0].nan_to_num(torch.inf, torch.inf)
        if length < limits.min():
            s = s + length * d
        else:
            s = torch.where(limits <= limits.min(), torch.zeros_like(s), (s + limits.min() * d).clamp(min=0))
    return s


def _newton(loss: Loss, X: Tensor, D: Tensor, slope: Tensor, free: Tensor) -> Tensor:
    """Newton's direction on the free scales, zero for the others; nearly singular Hessians are shifted a little."""
    d = torch.zeros_like(slope)
    if not bool(free.any()):
        return d
    H = loss.hessian_product(X, D[free]).flatten(1) @ D[free].flatten(1).T
    H = H + 1e-13 * H.diagonal().sum() * torch.eye(len(H), dtype=H.dtype, device=H.device)
    solution = torch.linalg.lstsq(H, -slope[free, None]).solution[:, 0]
    d[free] = solution.nan_to_num(0.0, 0.0, 0.0)
    return d if float(slope @ d) < 0 else torch.where(free, -slope, d)
