"""Ways from the weights before a step to those after it, on which subnetworks keep their places."""

from collections.abc import Callable

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from ..factors import Factors
from ..problem import Problem

Way = Callable[[float], Factors]
"""Weights at every t from 0, before the step, to 1, after it."""


def straight(start: Factors, end: Factors) -> Way:
    """The segment between two weights of one size."""
    return lambda t: tuple(a + t * (b - a) for a, b in zip(start, end, strict=True))


@torch.no_grad()
def in_place(problem: Problem, W: Factors, new: Factors) -> Factors:
    """The subnetworks ``new`` (one run, at most as many as W), each in the place of one of W with a near φ; else zero.

    Where a step drops or merges subnetworks the path keeps a zero one, and its size.
    """
    here, there = (problem.mapping.phi(*V)[0].flatten(1) for V in (W, new))
    places, order = linear_sum_assignment(torch.cdist(here, there).square().cpu().numpy())
    end = tuple(torch.zeros_like(w) for w in W)
    for w, v in zip(end, new, strict=True):
        w[:, places] = v[:, order]
    return end


def gated_way(start: Factors, end: Factors, priced: int) -> Way:
    """Between gated factors (u, v): p = u‖v‖ goes straight, z = v/‖v‖ on the sphere, ‖u‖/‖v‖ to what it is at the end.

    Where gates and z stay, φ is linear and θ convex on it: units vanish and merge downhill.
    """
    (p, z, ratio), (q, y, other) = _parts(start, priced), _parts(end, priced)
    z, y = torch.where(z.any(-1, keepdim=True), z, y), torch.where(y.any(-1, keepdim=True), y, z)

    def way(t: float) -> Factors:
        P, Z = torch.lerp(p, q, t), torch.nn.functional.normalize(torch.lerp(z, y, t), dim=-1)
        size = P[..., :priced].norm(dim=-1, keepdim=True)
        balance = ratio ** (1 - t) * other**t
        alive = size > 0
        scale = torch.where(alive, balance / torch.where(alive, size, 1.0), 0.0).sqrt()
        return P * scale, Z * (size / balance).sqrt()

    return way


def _parts(W: Factors, priced: int) -> tuple[Tensor, Tensor, Tensor]:
    """u‖v‖, v/‖v‖ and ‖u‖/‖v‖ of priced coordinates, 1 where a factor is zero."""
    u, v = W
    length, height = u[..., :priced].norm(dim=-1, keepdim=True), v.norm(dim=-1, keepdim=True)
    alive = (length > 0) & (height > 0)
    ratio = torch.where(alive, length / torch.where(alive, height, 1.0), 1.0)
    return u * height, torch.nn.functional.normalize(v, dim=-1), ratio
