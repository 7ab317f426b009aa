"""Local ascent of ‖Qᵀ(S u)₊‖ on the sphere, many starts at once, by exact searches along great circles.

On u cos t + w sin t every row opens and closes once, so the function is A cos t + B sin t between 2N angles, with A and
B from prefix sums. Nothing is proved by an ascent: it only finds subnetworks worth adding.
"""

from math import pi

import torch
from torch import Tensor

from ..streams import generator, normal

SCAN = 4096
SPREAD = 0.6
SWEEPS = 4
"""At most so many sweeps of three circles each; one for every dimension of the sphere on small spheres."""


def ascents(S: Tensor, Q: Tensor, U: Tensor, count: int) -> tuple[Tensor, Tensor, Tensor]:
    """Values (m,), unit u (m, d), unit v (m, c), the best first, for Q (N, c): of at most ``count`` starts, kept apart.

    Starts are the best of SCAN fixed random directions and of the rows of U ``(r, d)``. They are returned with the
    ends: most ascents end at the same few points, and a solver gains from different subnetworks.
    """
    length = S.norm(dim=1)
    kept = length > 0
    if not bool(kept.any()):
        u = torch.nn.functional.normalize(torch.ones_like(S[:1]), dim=1)
        return S.new_zeros(1), u, torch.nn.functional.normalize(torch.ones_like(Q[:1]), dim=1)
    S, Q = S[kept], Q[kept]
    random = normal(generator(0, "great circles", S.shape[1]), SCAN, S.shape[1], like=S)
    starts = torch.nn.functional.normalize(torch.cat([U[U.norm(dim=1) > 0], random]), dim=1)
    u = _apart(starts, torch.cat([(part @ S.T).clamp(min=0) @ Q for part in starts.split(1024)]), count)
    X = (u @ S.T).clamp(min=0) @ Q
    starts = u, X
    normals = torch.nn.functional.normalize(S, dim=1)
    at_kink = torch.full((len(u),), -1, device=S.device)
    for step in range(3 * min(SWEEPS, S.shape[1] - 1)):
        weights = torch.nn.functional.normalize(X, dim=1) @ Q.T  # (m, N)
        w = ((u @ S.T > 0) * weights) @ S
        if step % 3 == 1:
            n = normals[at_kink.clamp(min=0)] * (at_kink >= 0)[:, None]
            w = w - (w * n).sum(1, keepdim=True) * n
        elif step % 3 == 2:
            w = normal(generator(0, "great circles", S.shape[1], step), *u.shape, like=S)
        w = w - (w * u).sum(1, keepdim=True) * u
        w = torch.nn.functional.normalize(w, dim=1)
        new, kink = _best_on_circle(S, weights, u, w)
        Z = (new @ S.T).clamp(min=0) @ Q
        better = Z.norm(dim=1) > X.norm(dim=1)
        u, X = torch.where(better[:, None], new, u), torch.where(better[:, None], Z, X)
        at_kink = torch.where(better, kink, at_kink)
    u, X = torch.cat([u, starts[0]]), torch.cat([X, starts[1]])
    value = X.norm(dim=1)
    order = value.argsort(descending=True)
    v = X / value.clamp(min=1e-300)[:, None]
    return value[order], u[order], v[order]


def _apart(starts: Tensor, X: Tensor, count: int) -> Tensor:
    """The best starts by ‖X‖, none within SPREAD of a better one with an output on the same side."""
    order = X.norm(dim=1).argsort(descending=True)
    starts, sides = starts[order], torch.nn.functional.normalize(X[order], dim=1)
    alive = torch.ones(len(starts), dtype=torch.bool, device=starts.device)
    chosen = []
    while len(chosen) < count and bool(alive.any()):
        first = int(alive.to(torch.int8).argmax())
        chosen.append(first)
        alive &= (starts @ starts[first] < 1 - SPREAD**2 / 2) | (sides @ sides[first] <= 0.5)
        alive[first] = False
    return starts[chosen]


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
    return torch.nn.functional.normalize(u * cos + w * sin, dim=1), kink[:, 0]
