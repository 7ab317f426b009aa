"""Enclosure of Ω°(Q) = max over ‖u‖ = 1 of ‖Qᵀ(S u)₊‖ for d > 3: ascent below, branch and bound above."""

from __future__ import annotations

import enum
import time
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from . import ascent, min_norm, simplices
from .outputs import Output, output_of
from .polar_problem import PolarProblem, attained, prepare

LARGEST_D = 14  # the cover starts from 2^d orthants
LARGEST_ARRAY = 2**23  # entries; larger batches are cut up


class Status(enum.Enum):
    CLOSED = "The lower and the upper bound agree to the tolerance."
    BELOW_TARGET = "The upper bound is at most the target: Ω° ≤ target is proved."
    ABOVE_TARGET = "The lower bound exceeds the target: Ω° ≤ target is refuted by the atom."
    EFFORT_SPENT = "The effort is spent; both bounds are valid. More nodes or seconds would tighten them."


@dataclass(frozen=True)
class Frontier:
    """Open cones: vertices V (B, d, d), function j (B,), bound (B,), the edge to cut next (B, 2), depth (B,).

    depth is −1 until the cone itself has been bounded; its bound is then the root bound.
    """

    V: Tensor
    j: Tensor
    bound: Tensor
    edge: Tensor
    depth: Tensor

    def __getitem__(self, rows: Tensor) -> Frontier:
        return Frontier(self.V[rows], self.j[rows], self.bound[rows], self.edge[rows], self.depth[rows])

    def __len__(self) -> int:
        return len(self.j)

    def __add__(self, other: Frontier) -> Frontier:
        pairs = zip(vars(self).values(), vars(other).values(), strict=True)
        return Frontier(*(torch.cat(pair) for pair in pairs))


@dataclass(frozen=True)
class Enclosure:
    """lower ≤ Ω°(Q) ≤ upper (n,), the atom u (n, d), v (n, c) that attains lower, a status a run; `nodes` counts
    bounded cones of all runs, `seconds` the time so far, `widest` the most cones ever open. Pass it to `refine` again
    to go on: `frontier` holds the open cones and `settled` (n,) the largest bound of the others."""

    lower: Tensor
    upper: Tensor
    u: Tensor
    v: Tensor
    status: tuple[Status, ...]
    nodes: int
    seconds: float
    widest: int
    frontier: Frontier
    settled: Tensor


def enclose(
    S: Tensor,
    Q: Tensor,
    *,
    generator: torch.Generator,
    target: Tensor | float | None = None,
    tolerance: float = 1e-6,
    starts: int = 256,
    nodes: int = 1_000_000,
    seconds: float = float("inf"),
) -> Enclosure:
    """Enclose Ω°(Q_r) = max over ‖u‖ = 1 of ‖Q_rᵀ(S u)₊‖ for every run: S (N, d), Q (n, N, c), float64.

    Stops where upper ≤ lower (1 + tolerance), where upper ≤ target or lower > target ((n,) or a number, optional),
    or when `nodes` cones (all runs together) or `seconds` are spent; the bounds hold wherever it stops. For c > 1
    the bound of a cone is looser than for c = 1 (see VectorOutput). For d > 14 the upper bound is the root bound.
    Errors: ValueError for wrong shapes, non-finite data, mixed dtypes or devices, or a dtype other than float64.
    """
    began = time.monotonic()
    polar = prepare(S, Q, target, tolerance)
    u = ascent.largest(polar.S, polar.Q, starts=starts, generator=generator)[1]
    lower, v = attained(polar, u)
    d, n = S.shape[1], len(Q)
    run = output_of(Q).run
    cones = simplices.orthants(torch.eye(d if d <= LARGEST_D else 0, dtype=S.dtype, device=S.device))
    root = polar.root_bound()
    bound = root[run].repeat_interleave(len(cones))
    j = torch.arange(len(run), device=S.device).repeat_interleave(len(cones))
    edge, depth = torch.zeros(len(j), 2, dtype=torch.long, device=S.device), torch.full_like(j, -1)
    if d <= LARGEST_D:
        frontier, settled = Frontier(cones.repeat(len(run), 1, 1), j, bound, edge, depth), torch.zeros_like(root)
    else:
        frontier, settled = Frontier(S.new_zeros(0, d, d), j[:0], bound[:0], edge[:0], depth[:0]), root
    status = (Status.EFFORT_SPENT,) * n
    upper, spent = torch.maximum(root, lower), time.monotonic() - began
    first = Enclosure(lower, upper, u, v, status, 0, spent, 0, frontier, settled)
    return _refine(polar, first, nodes, seconds - spent)


def refine(
    S: Tensor,
    Q: Tensor,
    enclosure: Enclosure,
    *,
    target: Tensor | float | None = None,
    tolerance: float = 1e-6,
    nodes: int = 1_000_000,
    seconds: float = float("inf"),
) -> Enclosure:
    """Go on from an enclosure of the same S and Q with `nodes` more cones or `seconds` more seconds."""
    return _refine(prepare(S, Q, target, tolerance), enclosure, nodes, seconds)


def _refine(polar: PolarProblem, x: Enclosure, nodes: int, seconds: float) -> Enclosure:
    began, output = time.monotonic(), output_of(polar.Q)
    lower, u, settled, frontier = x.lower, x.u, x.settled, x.frontier
    widest, spent = x.widest, 0
    N, d = polar.S.shape
    batch = max(1, min(2048, LARGEST_ARRAY // (N * d * polar.Q.shape[2])))
    while True:
        cut = polar.cut(lower)
        run = output.run[frontier.j]
        done = (frontier.bound <= cut[run]) | (lower > polar.target)[run] & (polar.target > -torch.inf)[run]
        settled = settled.scatter_reduce(0, run[done], frontier.bound[done], "amax")
        frontier = frontier[~done]
        widest = max(widest, len(frontier))
        if len(frontier) == 0 or spent >= nodes or time.monotonic() - began >= seconds:
            break
        run = output.run[frontier.j]
        top = (frontier.bound / cut[run]).topk(min(batch, len(frontier))).indices
        cost = torch.where(frontier.depth[top] < 0, 1, 2).cumsum(0)
        top = top[cost <= max(nodes - spent, int(cost[0]))]
        rest = torch.ones(len(frontier), dtype=torch.bool, device=top.device)
        rest[top] = False
        children, points = _bound(polar, output, _children(frontier[top]), cut)
        spent += len(children)
        frontier = frontier[rest] + children
        lower, u = _improve(polar, lower, u, output.run[children.j], points)
    upper = settled.scatter_reduce(0, output.run[frontier.j], frontier.bound, "amax")
    upper = torch.maximum(torch.minimum(upper, x.upper), lower)
    status = _status(polar, lower, upper)
    return replace(
        x,
        lower=lower,
        upper=upper,
        u=u,
        v=attained(polar, u)[1],
        status=status,
        nodes=x.nodes + spent,
        seconds=x.seconds + time.monotonic() - began,
        widest=widest,
        frontier=frontier,
        settled=settled,
    )


def _children(cones: Frontier) -> Frontier:
    """The halves of the cones; a cone not bounded yet stays whole."""
    whole = cones[cones.depth < 0]
    cones = cones[cones.depth >= 0]
    halves = replace(cones + cones, V=simplices.bisect(cones.V, cones.edge))
    both = halves + whole
    return replace(both, depth=both.depth + 1)


def _bound(polar: PolarProblem, output: Output, cones: Frontier, cut: Tensor) -> tuple[Frontier, Tensor]:
    """Bound each cone and choose the edge to cut next; also the maximisers (B, d) of the relaxations.

    C = F + Σ w_i (s_iᵀu)₊ is convex, so on u = Σ α_j v_j, α ≥ 0: C(u) ≤ Σ α_j C(v_j), and for 0 ≤ a ≤ w:
    F(u) ≤ Σ α_j (C(v_j) − aᵀS v_j) ≤ rᵀu + δ Σ α_j ≤ ‖r‖ + √d δ for any r with rᵀv_j ≥ C(v_j) − aᵀS v_j − δ.
    Any (a, r) will do; min_norm finds a good one, and δ is what its vertices really leave.
    """
    S, V, j = polar.S, cones.V, cones.j
    d, run = S.shape[1], output.run[j]
    Z = V @ S.T
    w = output.weights(j, Z)
    C = output.value(j, Z) + (Z.clamp(min=0) @ w[:, :, None])[:, :, 0]
    inverse = torch.linalg.inv_ex(V).inverse
    low = torch.where(Z.amin(1) >= 0, w, torch.zeros_like(w))
    high = torch.where(Z.amax(1) <= 0, torch.zeros_like(w), w)
    problem = min_norm.MinNorm(
        S, (inverse @ C[:, :, None])[:, :, 0], low, high, inverse / inverse.norm(dim=1, keepdim=True)
    )
    rounding = polar.rounding(cones.depth) * polar.size[run]
    a, r = min_norm.solve(problem, w * (Z.sum(1) > 0), cut[run] * (1 - 1e-9) - rounding)
    slack = (C - (Z @ a[:, :, None])[:, :, 0] - (V @ r[:, :, None])[:, :, 0]).amax(1).clamp(min=0)
    bound = r.norm(dim=1) * (1 + 1e-15 * (d + 4)) + d**0.5 * slack + rounding
    bound = torch.fmin(bound, cones.bound)  # a NaN (a flat cone) is no bound
    u = ascent.unit(r, V[:, 0])
    edge = _edge(output, j, V, Z, C, w, (u[:, None] @ inverse)[:, 0], polar.size[run])
    return replace(cones, bound=bound, edge=edge), u


def _edge(output: Output, j: Tensor, V: Tensor, Z: Tensor, C: Tensor, w: Tensor, alpha: Tensor, size: Tensor) -> Tensor:
    """The edge where interpolating C costs most, C(v) + C(v') − C(v + v'), weighted by the weights α of the relaxed
    maximiser on its ends; the longest edge where interpolation is exact. -> (B, 2)"""
    if V.shape[1] == 1:  # a ray has no edge; its bound is exact
        return torch.zeros(len(V), 2, dtype=torch.long, device=V.device)
    first, second = simplices.edges(V.shape[1], V.device)
    gaps = []
    for k, m in zip(first.tolist(), second.tolist(), strict=True):
        z = (Z[:, k] + Z[:, m])[:, None]
        middle = output.value(j, z)[:, 0] + (z[:, 0].clamp(min=0) * w).sum(1)
        gaps.append(C[:, k] + C[:, m] - middle)
    gap = torch.stack(gaps, 1)
    alpha = alpha.nan_to_num(0.0, 0.0, 0.0).clamp(min=0)
    alpha = alpha / alpha.sum(1, keepdim=True).clamp(min=1e-300)
    exact = gap.amax(1, keepdim=True) <= 1e-12 * size[:, None]
    length = -(V @ V.mT)[:, first, second]
    choice = torch.where(exact, length, gap * (alpha[:, first] * alpha[:, second] + 0.01)).argmax(1)
    return torch.stack([first[choice], second[choice]], 1)


def _improve(polar: PolarProblem, lower: Tensor, u: Tensor, run: Tensor, points: Tensor) -> tuple[Tensor, Tensor]:
    """Polish the best of the points (B, d) of each run where it beats the incumbent u (n, d)."""
    x = ((points @ polar.S.T).clamp(min=0)[:, None] @ polar.Q[run])[:, 0].norm(dim=1)
    best = torch.full_like(lower, -torch.inf).scatter_reduce(0, run, x, "amax")
    if not (best > lower * (1 + 1e-9) + polar.rounding(0) * polar.size).any():
        return lower, u
    hit = x == best[run]
    candidate = u.clone()
    candidate[run[hit]] = points[hit]
    candidate = ascent.polish(polar.S, polar.Q, candidate[:, None])[1][:, 0]
    value = attained(polar, candidate)[0]
    better = value > lower
    return torch.where(better, value, lower), torch.where(better[:, None], candidate, u)


def _status(polar: PolarProblem, lower: Tensor, upper: Tensor) -> tuple[Status, ...]:
    given = polar.target > -torch.inf
    below, above = given & (upper <= polar.target), given & (lower > polar.target)
    closed = upper <= polar.closing(lower)
    return tuple(
        Status.ABOVE_TARGET if a else Status.BELOW_TARGET if b else Status.CLOSED if c else Status.EFFORT_SPENT
        for a, b, c in zip(above.tolist(), below.tolist(), closed.tolist(), strict=True)
    )
