"""Local ascent of ‖Qᵀ(S u)₊‖ on the sphere, many starts at once, by exact searches along great circles.

On u cos t + w sin t every row opens and closes once, so the function is A cos t + B sin t between 2N angles, with A and
B from prefix sums. Nothing is proved by an ascent: it only finds subnetworks worth adding.
"""

from math import pi

import torch
from torch import Tensor

from ..streams import generator, normal

SCAN = 4096
SPREAD = 0.1
SWEEPS = 4


def ascents(S: Tensor, Q: Tensor, U: Tensor, count: int) -> tuple[Tensor, Tensor, Tensor]:
    """Values (m,), unit u (m, d), unit v (m, c), the best first, for Q (N, c): at most ``count`` starts, kept apart.

    Starts are the best of SCAN fixed random directions and of the rows of U ``(r, d)``.
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
    normals = torch.nn.functional.normalize(S, dim=1)
    at_kink = torch.full((len(u),), -1, device=S.device)
    for step in range(3 * SWEEPS):
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
        near = (starts - starts[first]).norm(dim=1) < SPREAD
        alive &= ~(near & (sides @ sides[first] > 0.5))
        alive[first] = False
    return starts[chosen]


def _best_on_circle(S: Tensor, weights: Tensor, u: Tensor, w: Tensor) -> tuple[Tensor, Tensor]:
    """argmax of Σ_j weight_j (s_jᵀ(u cos t + w sin t))₊ over t, and the row of its kink or −1; (m, d), (m,)."""
    a, b = u @ S.T, w @ S.T
    opens = torch.atan2(-a, b)  # derivative −a sin t + b cos t = |(a, b)| > 0 there
    angle = torch.remainder(torch.cat([opens, opens + pi], 1), 2 * pi)
    jump_a, jump_b = (torch.cat([weights * x, -weights * x], 1) for x in (a, b))
    angle, order = angle.sort(dim=1)
    before = (angle[:, -1:] - 2 * pi + angle[:, :1]) / 2
    active = (a * before.cos() + b * before.sin() > 0) * weights
    A = (active * a).sum(1, keepdim=True) + jump_a.gather(1, order).cumsum(1)
    B = (active * b).sum(1, keepdim=True) + jump_b.gather(1, order).cumsum(1)
    width = torch.cat([angle[:, 1:], angle[:, :1] + 2 * pi], 1) - angle
    offset = torch.remainder(torch.atan2(B, A) - angle, 2 * pi)
    peak = offset < width
    value = torch.where(peak, torch.hypot(A, B), A * angle.cos() + B * angle.sin())
    k = value.argmax(1, keepdim=True)
    peak = peak.gather(1, k)
    t = angle.gather(1, k) + torch.where(peak, offset.gather(1, k), 0.0)
    kink = torch.where(peak, -1, order.gather(1, k) % len(S))
    return torch.nn.functional.normalize(u * t.cos() + w * t.sin(), dim=1), kink[:, 0]
