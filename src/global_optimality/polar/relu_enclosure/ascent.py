"""Lower bounds of max ‖Qᵀ(S u)₊‖ over ‖u‖ = 1: ends of ``great_circles``, finished on the face they lie on."""

from __future__ import annotations

import torch
from torch import Tensor

from ...effort import numbers, over
from ...symmetric import eigh
from ..great_circles import ascents
from . import min_norm

ARRAYS = 20
"""One number a sample and point each, that an ascent holds at a time."""


def value(S: Tensor, Q: Tensor, u: Tensor) -> tuple[Tensor, Tensor]:
    """‖Q_rᵀ(S u)₊‖ and its unit direction v: Q (n, N, c), u (n, m, d) -> (n, m), (n, m, c)."""
    x = (u @ S.T).clamp(min=0) @ Q
    size = x.norm(dim=2)
    first = torch.zeros_like(x)
    first[:, :, 0] = 1
    v = torch.where(size[:, :, None] > 0, x / size[:, :, None].clamp(min=torch.finfo(x.dtype).tiny), first)
    return size, v


def unit(u: Tensor, fallback: Tensor) -> Tensor:
    """u / ‖u‖ along the last axis, and the fallback where u is 0."""
    size = u.norm(dim=-1, keepdim=True)
    return torch.where(size > 0, u / size.clamp(min=torch.finfo(u.dtype).tiny), fallback)


def convex_concave_step(S: Tensor, q: Tensor, D: Tensor, a: Tensor, steps: int) -> tuple[Tensor, Tensor]:
    """Maximise over ‖u‖ ≤ 1 the minorant Σ q₊ D (s_iᵀu) − Σ q₋ (s_iᵀu)₊ of Σ q_i (s_iᵀu)₊; kinks are exact.

    q, D (pattern), a (dual start) are (B, N). With D the pattern of u the value does not fall. -> r (B, d), a.
    """
    g = (D * q.clamp(min=0)) @ S
    high = (-q).clamp(min=0)
    problem = min_norm.MinNorm(S, g, torch.zeros_like(high), high, g.new_zeros(*g.shape, 0))
    x = min_norm.iterate(problem, problem.scales(), min_norm.start(problem, a), steps)
    return problem.residual(x.a, x.mu), x.a


def ascend(S: Tensor, Q: Tensor, u: Tensor, v: Tensor, *, rounds: int, steps: int) -> tuple[Tensor, Tensor]:
    """Best point on each path from u (n, m, d), first with output direction v (n, m, c). -> values (n, m), u."""
    n, m, d = u.shape
    best, best_u = value(S, Q, u)[0], u
    a = torch.zeros(n * m, len(S), dtype=S.dtype, device=S.device)
    for _ in range(rounds):
        if over():
            break
        q = (v @ Q.mT).flatten(0, 1)
        D = (u @ S.T > 0).to(S.dtype).flatten(0, 1)
        r, a = convex_concave_step(S, q, D, a, steps)
        u = unit(r.view(n, m, d), u)
        f, v = value(S, Q, u)
        better = f > best
        best = torch.where(better, f, best)
        best_u = torch.where(better[:, :, None], u, best_u)
    return best, best_u


def onto_face(S: Tensor, Q: Tensor, u: Tensor, tolerance: float) -> Tensor:
    """Maximise exactly on the stratum that u (n, m, d) lies on within the tolerance: the projection of the gradient
    onto the intersection of the hyperplanes |s_iᵀu| ≤ tolerance ‖s_i‖."""
    Z = u @ S.T
    on = Z.abs() <= tolerance * S.norm(dim=1)
    v = value(S, Q, u)[1]
    g = ((v @ Q.mT) * ((Z > 0) & ~on)) @ S
    gram = min_norm.gram(S, on.to(S.dtype).flatten(0, 1)).unflatten(0, on.shape[:2])
    size, basis = eigh(gram)
    normal = (size <= 1e-10 * size[..., -1:]) | (size == 0)
    return unit((basis @ (normal[..., None] * (basis.mT @ g[..., None])))[..., 0], u)


def polish(S: Tensor, Q: Tensor, u: Tensor) -> tuple[Tensor, Tensor]:
    """Long convex–concave steps, then exact steps onto faces; kept only where the value rises. -> (n, m), u.

    As many points at a time as memory allows; those that no time is left for stay.
    """
    most = numbers(torch.inf, ARRAYS) // (len(Q) * len(S))
    if u.shape[1] > max(1, most):
        parts = [_polish(S, Q, part) for part in u.split(max(1, most), 1)]
        return torch.cat([f for f, _ in parts], 1), torch.cat([w for _, w in parts], 1)
    return _polish(S, Q, u)


def _polish(S: Tensor, Q: Tensor, u: Tensor) -> tuple[Tensor, Tensor]:
    f, u = ascend(S, Q, u, value(S, Q, u)[1], rounds=2, steps=200)
    for tolerance in (1e-3, 1e-5, 1e-7):
        for _ in range(3 if Q.shape[2] > 1 else 1):
            if over():
                return f, u
            w = onto_face(S, Q, u, tolerance)
            f_w = value(S, Q, w)[0]
            better = f_w > f
            f = torch.where(better, f_w, f)
            u = torch.where(better[:, :, None], w, u)
    return f, u


def summits(S: Tensor, Q: Tensor, U: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The best of ``ascents`` for one Q (N, c), from fixed directions and the rows of U (r, d), polished: (m,), (m, d).

    The best first, m ≤ count. Once the time is up they are returned as they are.
    """
    found = ascents(S, Q, U, count)[1][:count]
    f, u = polish(S, Q[None], found[None])
    order = f[0].argsort(descending=True)
    return f[0, order], u[0, order]
