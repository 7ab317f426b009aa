"""The best scales of given subnetworks: a convex problem, whatever the mapping (the fully corrective step)."""

import math

import numpy as np
import numpy.typing as npt
import torch
from scipy.linalg import lapack

from ..effort import OutOfTimeError, look, over, work
from ..factors import Factors, zeros_like_slice
from ..losses.arrays import Array, ArrayLoss
from ..problem import Problem
from .methods import Stop, never

SETTLED = 1e-14
"""What is left to gain, as a share of f, when the scales count as best."""

STEPS = 50
"""So many steps at most, and ten more for each subnetwork."""

FLAT_SLOPE = 0.1
"""A whole Newton step is taken if f is lower there and rises by at most this share of the slope it began with."""


COPIES = 5
"""Arrays of the outputs of all subnetworks at a time: as φ makes them, flat, the free ones, ∇²ℓ times them, and one
between."""

MATRICES = 4
"""Of Newton's method on the scales: the matrix, what LAPACK copies, and what least squares need of it."""


def number_within(problem: Problem, memory: float) -> int:
    """The number r of subnetworks whose outputs COPIES arrays hold in so many bytes, beside MATRICES of order r, and
    whose best scales take no step of more than ``work`` multiplications; at least 1."""
    held = largest(MATRICES, COPIES * problem.card, min(memory / 8.0, 2.0**40))
    return int(max(1.0, min(held, (work() / 2 / problem.card) ** 0.5, (1.5 * work()) ** (1 / 3))))


def largest(a: float, b: float, most: float) -> float:
    """The largest r ≥ 0 with a r² + b r ≤ ``most``, for a, b, most > 0."""
    return 2 * most / (b + math.sqrt(b * b + 4 * a * most))


def refit(problem: Problem, W: Factors, stop: Stop = never, *, memory: float = math.inf) -> Factors:
    """Each s_iφ(w_i) of one run takes the place of φ(w_i), with the best scales s ≥ 0; those with s_i = 0 go.

    f never rises, and kinks of φ are no obstacle: only scales change. Where the outputs of all take more than
    ``memory`` (bytes), the first ones share a scale.
    """
    with torch.no_grad():
        alive = problem.regularizer.theta(*W)[0] > 0
        if not bool(alive.any()):
            return zeros_like_slice(W)
        W = tuple(w[:, alive] for w in W)
        cost = problem.lam * problem.regularizer.theta(*W)[0]
        shared = max(0, len(cost) - number_within(problem, memory) + 1)
        shared = shared if shared > 1 else 0
        parts = [problem.mapping.Phi(*(w[:, :shared] for w in W))] if shared else []
        if shared < len(cost):
            parts.append(problem.mapping.phi(*(w[:, shared:] for w in W))[0])
        D = torch.cat(parts)
        if shared:
            cost = torch.cat([cost[:shared].sum(0, keepdim=True), cost[shared:]])
        s = torch.from_numpy(best_scales(problem.array_loss, D.cpu().numpy(), cost.cpu().numpy(), stop=stop)).to(cost)
        s = torch.cat([s[:1].expand(shared), s[1:]]) if shared else s
        kept = s > 0
        if not bool(kept.any()):
            return zeros_like_slice(W)
        new = problem.mapping.scaled(tuple(w[:, kept] for w in W), s[None, kept])
        return new if bool(problem(*new) <= problem(*W)) else W


def best_scales(loss: ArrayLoss, D: Array, cost: Array, start: Array | None = None, *, stop: Stop = never) -> Array:
    """argmin over s ≥ 0 of ℓ(Σ s_i D_i) + Σ s_i cost_i, ``(r,)``, for outputs D ``(r, *D)`` and costs ``(r,)``.

    An active set, from 1 or ``start``: Newton steps with line searches on the scales that are not zero, cut off where
    one vanishes; once they gain nothing, the steepest of the others enters.
    """
    s = np.ones_like(cost) if start is None else start.copy()
    flat = D.reshape(len(D), -1)
    X = np.tensordot(s, D, 1)
    value, G = loss.value_and_gradient(X)
    for _ in range(STEPS + 10 * len(s)):
        if stop() or over():
            break
        slope = flat @ G.ravel() + cost
        try:
            d = _newton(loss, X, flat, slope, s > 0)
        except OutOfTimeError:
            break
        first = float(slope @ d)
        if -first <= SETTLED * abs(value + float(s @ cost)):
            entering = np.where(s > 0, 0.0, slope)
            steepest = int(entering.argmin())
            first = float(entering[steepest])
            if not first < -1e-12 * cost.max():
                break
            d = np.zeros_like(s)
            d[steepest] = 1.0
        limits = np.full_like(s, np.inf)
        with np.errstate(over="ignore"):  # a limit beyond the largest number is none
            np.divide(-s, d, out=limits, where=d < 0)
        limit = float(limits.min())
        step, price = (d @ flat).reshape(X.shape), float(cost @ d)
        # a whole Newton step, or all there is room for, if it is good enough
        length = min(1.0, limit)
        new = X + length * step
        end, G = loss.value_and_gradient(new)
        last = float((G * step).sum()) + price
        near = last <= -FLAT_SLOPE * first and (length == limit or last >= FLAT_SLOPE * first)
        if not (near and end + length * price <= value):
            length = min(loss.line_minimum(X, step, price), limit)
            new = X + length * step
            end, G = loss.value_and_gradient(new)
        s = np.where(limits <= length, 0.0, np.maximum(s + length * d, 0))
        X, value = new, end
    return s


def _newton(loss: ArrayLoss, X: Array, flat: Array, slope: Array, free: npt.NDArray[np.bool_]) -> Array:
    """Newton's direction on the free scales, zero for the others; nearly singular Hessians are shifted a little."""
    d = np.zeros_like(slope)
    if not free.any():
        return d
    D = flat[free]
    H = loss.hessian_product(X, D.reshape(-1, *X.shape)).reshape(D.shape) @ D.T
    look()
    H.ravel()[:: len(H) + 1] += 1e-13 * max(float(H.trace()), 1e-300)
    _, x, failed = lapack.dposv(H, -slope[free])  # type: ignore[attr-defined]
    d[free] = np.linalg.lstsq(H, -slope[free])[0] if failed else x
    return d if np.isfinite(d).all() and slope @ d < 0 else np.where(free, -slope, d)
