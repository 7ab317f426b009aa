"""Lower bounds: batched ascent of ‖Qᵀ(S u)₊‖ over ‖u‖ = 1 by the convex–concave procedure."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from . import min_norm

LARGEST_ARRAY = 2**24  # entries

Stop = Callable[[], bool]


def never() -> bool:
    """There is no hurry."""
    return False


def value(S: Tensor, Q: Tensor, u: Tensor) -> tuple[Tensor, Tensor]:
    """‖Q_rᵀ(S u)₊‖ and its unit direction v: Q (n, N, c), u (n, m, d) -> (n, m), (n, m, c)."""
    x = (u @ S.T).clamp(min=0) @ Q
    size = x.norm(dim=2)
    first = torch.zeros_like(x)
    first[:, :, 0] = 1
    v = torch.where(size[:, :, None] > 0, x / size[:, :, None].clamp(min=torch.finfo(x.dtype).tiny), first)
    return size, v


def unit(u: Tensor, fallback: Tensor) -> Tensor:
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


def ascend(
    S: Tensor, Q: Tensor, u: Tensor, v: Tensor, *, rounds: int, steps: int, stop: Stop = never
) -> tuple[Tensor, Tensor]:
    """Best point on each path from u (n, m, d), first with output direction v (n, m, c). -> values (n, m), u."""
    n, m, d = u.shape
    best, best_u = value(S, Q, u)[0], u
    a = torch.zeros(n * m, len(S), dtype=S.dtype, device=S.device)
    for _ in range(rounds):
        if stop():
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
    rows = on.to(S.dtype)
    gram = torch.einsum("nmi,ij,ik->nmjk", rows, S, S)
    size, basis = torch.linalg.eigh(gram)
    normal = (size <= 1e-10 * size[..., -1:]) | (size == 0)
    return unit((basis @ (normal[..., None] * (basis.mT @ g[..., None])))[..., 0], u)


def polish(S: Tensor, Q: Tensor, u: Tensor) -> tuple[Tensor, Tensor]:
    """Long convex–concave steps, then exact steps onto faces; kept only where the value rises. -> (n, m), u."""
    f, u = ascend(S, Q, u, value(S, Q, u)[1], rounds=2, steps=200)
    for tolerance in (1e-3, 1e-5, 1e-7):
        for _ in range(3 if Q.shape[2] > 1 else 1):
            w = onto_face(S, Q, u, tolerance)
            f_w = value(S, Q, w)[0]
            better = f_w > f
            f = torch.where(better, f_w, f)
            u = torch.where(better[:, :, None], w, u)
    return f, u


def flip_neighbours(S: Tensor, Q: Tensor, u: Tensor, *, steps: int = 100) -> Tensor:
    """Convex–concave steps from the pattern of u (n, d) with one sample flipped, each in turn. -> (n, N, d)."""
    n, N = len(u), len(S)
    q = (value(S, Q, u[:, None])[1] @ Q.mT).expand(n, N, N).flatten(0, 1)
    D = (u @ S.T > 0)[:, None] ^ torch.eye(N, dtype=torch.bool, device=S.device)
    r, _ = convex_concave_step(S, q, D.to(S.dtype).flatten(0, 1), torch.zeros_like(q), steps)
    return unit(r.view(n, N, -1), u[:, None])


def largest(
    S: Tensor, Q: Tensor, *, starts: int, generator: torch.Generator, stop: Stop = never
) -> tuple[Tensor, Tensor]:
    """Best value found from `starts` random starts a run, and its u: S (N, d), Q (n, N, c) -> (n,), (n, d).

    All starts of all runs are one batch, cut up only where it would exceed LARGEST_ARRAY entries. Once ``stop()`` is
    true, what was found so far is returned.
    """
    n, d, c = len(Q), S.shape[1], Q.shape[2]
    u = torch.randn(n, starts, d, dtype=S.dtype, generator=generator, device=generator.device).to(S.device)
    v = torch.randn(n, starts, c, dtype=S.dtype, generator=generator, device=generator.device).to(S.device)
    u, v = u / u.norm(dim=2, keepdim=True), v / v.norm(dim=2, keepdim=True)
    group = max(1, LARGEST_ARRAY // (len(S) * max(starts, len(S))))
    parts = [_largest(S, *part, stop) for part in zip(Q.split(group), u.split(group), v.split(group), strict=True)]
    return torch.cat([f for f, _ in parts]), torch.cat([u for _, u in parts])


def _largest(S: Tensor, Q: Tensor, u: Tensor, v: Tensor, stop: Stop) -> tuple[Tensor, Tensor]:
    f, u = ascend(S, Q, u, v, rounds=15, steps=40, stop=stop)
    if not stop():
        f, u = polish(S, Q, best_of(f, u, 16))
    for _ in range(2):
        if stop():
            break
        near = flip_neighbours(S, Q, best_of(f, u, 1)[:, 0])
        near = best_of(value(S, Q, near)[0], near, 8)
        f, u = polish(S, Q, torch.cat([best_of(f, u, 1), near], 1))
    return f.amax(1), best_of(f, u, 1)[:, 0]


def best_of(f: Tensor, u: Tensor, count: int) -> Tensor:
    """The points u (n, m, d) with the largest values f (n, m) -> (n, at most count, d)."""
    top = f.topk(min(count, f.shape[1]), dim=1).indices
    return u.gather(1, top[:, :, None].expand(-1, -1, u.shape[2]))
