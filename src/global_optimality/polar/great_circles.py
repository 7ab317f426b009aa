"""Local ascent of ‖Qᵀ(S u)₊‖ on the sphere, many starts at once, by exact searches along great circles.

On u cos t + w sin t every row opens and closes once, so the function is A cos t + B sin t between 2N angles, with A and
B from prefix sums. Nothing is proved by an ascent: it only finds subnetworks worth adding.
"""

from math import pi

import torch
from torch import Tensor
from torch.linalg import vector_norm

from ..arrangement.circles import CHUNK
from ..effort import numbers, over
from .directions import apart, directions

STARTS = 32
"""So many fixed directions a sample are tried as starts, as far as there are as many."""

SWEEPS = 4
"""At most so many sweeps of three circles each; one for every dimension of the sphere on small spheres."""

TINY = 1e-300

ARRAYS = 30
"""One number a kink and point each, that a sweep holds at a time."""


def ascents(S: Tensor, Q: Tensor, U: Tensor, count: int) -> tuple[Tensor, Tensor, Tensor]:
    """Values (m,), unit u (m, d), unit v (m, c), the best first, for Q (N, c): of at most ``count`` starts, kept apart.

    Starts are the best of many fixed random directions and of the rows of U ``(r, d)``. They are returned with the
    ends: most ascents end at the same few points, and a solver gains from different subnetworks. When the time is up,
    the ascents end where they are.
    """
    kept = vector_norm(S, dim=1) > 0
    if not bool(kept.any()):
        return S.new_zeros(1), unit(torch.ones_like(S[:1])), unit(torch.ones_like(Q[:1]))
    S, Q = S[kept], Q[kept]
    fixed = directions(S.shape[1]).to(S)
    u = torch.cat([unit(U[vector_norm(U, dim=1) > 0]), fixed[: STARTS * len(S)]])
    X = _looked_at(S, Q, u)
    u = u[: len(X)]
    first = apart(u.cpu().numpy(), X.cpu().numpy(), count)
    u, X = starts = u[first], X[first]
    value, normals = vector_norm(X, dim=1), unit(S)
    at_kink = torch.full((len(u),), -1, device=S.device)
    for step in range(3 * min(SWEEPS, S.shape[1] - 1)):
        u, X, value, at_kink = u.clone(), X.clone(), value.clone(), at_kink.clone()
        for rows in torch.arange(len(u), device=S.device).split(max(1, numbers(torch.inf, ARRAYS) // (2 * len(S)))):
            if over():
                break
            weights = (X[rows] / value[rows, None].clamp(min=TINY)) @ Q.T  # (m, N)
            w = ((u[rows] @ S.T > 0) * weights) @ S
            if step % 3 == 2:
                w = fixed.roll(-step * len(u), 0)[rows % len(fixed)]
            elif step % 3 == 1:
                n = normals[at_kink[rows].clamp(min=0)] * (at_kink[rows] >= 0)[:, None]
                w = w - (w * n).sum(1, keepdim=True) * n
            w = unit(w - (w * u[rows]).sum(1, keepdim=True) * u[rows])
            new, kink = _best_on_circle(S, weights, u[rows], w)
            Z = (new @ S.T).clamp(min=0) @ Q
            length = vector_norm(Z, dim=1)
            better = length > value[rows]
            rows = rows[better]
            u[rows], X[rows], value[rows], at_kink[rows] = new[better], Z[better], length[better], kink[better]
    u, X = torch.cat([u, starts[0]]), torch.cat([X, starts[1]])
    value = vector_norm(X, dim=1)
    order = value.argsort(descending=True)
    v = X / value.clamp(min=TINY)[:, None]
    return value[order], u[order], v[order]


def _looked_at(S: Tensor, Q: Tensor, u: Tensor) -> Tensor:
    """Qᵀ(S u)₊ of the points u, part by part while there is time.

    Into one array: small results, kept where large ones are given back, would leave memory in pieces too short for the
    next.
    """
    X, done = u.new_empty(len(u), Q.shape[1]), 0
    for part in u.split(max(1, numbers(CHUNK, 3) // len(S))):
        if done and over():
            break
        X[done : done + len(part)] = (part @ S.T).clamp_(min=0) @ Q
        done += len(part)
    return X[:done]


def unit(x: Tensor) -> Tensor:
    """Rows of length 1; zero rows stay zero."""
    return x / vector_norm(x, dim=1, keepdim=True).clamp(min=TINY)


def _best_on_circle(S: Tensor, weights: Tensor, u: Tensor, w: Tensor) -> tuple[Tensor, Tensor]:
    """argmax of Σ_j weight_j (s_jᵀ(u cos t + w sin t))₊ over t, and the row of its kink or −1; (m, d), (m,)."""
    a, b = u @ S.T, w @ S.T
    size = torch.hypot(a, b)
    cos, sin = torch.where(size > 0, b / size, 1.0), torch.where(size > 0, -a / size, 0.0)
    cos, sin = torch.cat([cos, -cos], 1), torch.cat([sin, -sin], 1)  # where rows open, with slope |(a, b)|, and close
    angle, order = torch.atan2(sin, cos).sort(dim=1)
    cos, sin = cos.gather(1, order), sin.gather(1, order)
    before = (angle[:, -1:] - 2 * pi + angle[:, :1]) / 2
    active = (a * before.cos() + b * before.sin() > 0) * weights
    jump_a, jump_b = (torch.cat([x, -x], 1).gather(1, order) for x in (weights * a, weights * b))
    A = (active * a).sum(1, keepdim=True) + jump_a.cumsum(1)
    B = (active * b).sum(1, keepdim=True) + jump_b.cumsum(1)
    rises, falls = B * cos > A * sin, B * cos.roll(-1, 1) < A * sin.roll(-1, 1)
    peak, height = rises & falls, torch.hypot(A, B)
    k = torch.where(peak, height, A * cos + B * sin).argmax(1, keepdim=True)
    at = [x.gather(1, k) for x in (peak, cos, sin, A / height, B / height)]
    cos, sin = torch.where(at[0], at[3], at[1]), torch.where(at[0], at[4], at[2])
    kink = torch.where(at[0], -1, order.gather(1, k) % len(S))
    return unit(u * cos + w * sin), kink[:, 0]
