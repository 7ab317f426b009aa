"""Units with a free bias: their best thresholds, and atoms as the polars return them."""

import torch
from torch import Tensor

from ...arrangement.circles import CHUNK
from ...effort import numbers, over
from ...factors import Factors
from ...mappings import BiasedReluUnit
from ..bound import PolarBound
from ..directions import directions
from ..great_circles import TINY, ascents, unit

ANCHORS = 8
"""Ascents go around at most so many samples."""

HEIGHTS = 8
"""Numbers a direction, sample and output that are held while thresholds are looked for."""

ALIKE = 1 - 1e-6
"""Subnetworks whose outputs have a larger cosine are one."""


def centred(Q: Tensor) -> Tensor:
    """Q ``(n, N, c)`` with 1ᵀQ = 0: φ has no constants over the samples."""
    return Q - Q.mean(1, keepdim=True)


def best_thresholds(S: Tensor, q: Tensor, U: Tensor) -> tuple[Tensor, Tensor]:
    """max over i of ‖qᵀ((S − s_i)u)₊‖ for rows u of U, and that i; each (m,). Sums over the samples above each.

    Only for the first rows where the time is up before.
    """
    values, anchors, done = U.new_empty(len(U)), torch.empty(len(U), dtype=torch.int64, device=U.device), 0
    for part in U.split(max(1, numbers(CHUNK, HEIGHTS) // (len(S) * q.shape[1]))):
        if done and over():
            break
        rows = slice(done, done + len(part))
        heights, order = (part @ S.mT).sort(dim=1, descending=True)
        sorted_q = q[order]
        above = sorted_q.cumsum(1)
        X = (sorted_q * heights[..., None]).cumsum(1) - heights[..., None] * above
        values[rows], k = X.norm(dim=2).max(1)
        anchors[rows] = order.gather(1, k[:, None])[:, 0]
        done += len(part)
    return values[:done], anchors[:done]


def completed(mapping: BiasedReluUnit, q: Tensor, u: Tensor, anchor: Tensor) -> tuple[Tensor, Factors]:
    """Units u ``(m, d)`` pinned to samples ``anchor``: values ``(m,)``; u, b ``(m, 1)`` and unit v ``(m, c)``."""
    S, reach = mapping.centred.double(), mapping.reach.double()
    heights = u @ S.mT
    at = heights.gather(1, anchor[:, None])
    pull = (heights - at).clamp(min=0) @ (q / reach)
    v = unit(pull)
    v[:, 0] += (v == 0).all(1)
    return torch.linalg.vector_norm(pull, dim=1) * reach, (u, -at / reach, v)


def climbed(mapping: BiasedReluUnit, q: Tensor, U: Tensor, count: int) -> Factors:
    """Units (m, ·), the best first: directions with their best thresholds, and ascents around a few samples."""
    S = mapping.centred.double()
    U = torch.cat([unit(U[U.norm(dim=1) > 0]), directions(S.shape[1]).to(S)])
    value, anchor = best_thresholds(S, q, U)
    U = U[: len(value)]
    order = value.argsort(descending=True)[:count]
    found = [completed(mapping, q, U[order], anchor[order])]
    for i in list(dict.fromkeys(anchor[order].tolist()))[:ANCHORS]:
        if over():
            break
        u = ascents(S - S[i], q, U[anchor == i], max(1, count // 2))[1]
        found.append(completed(mapping, q, u, torch.full((len(u),), i, device=S.device)))
    order = torch.cat([value for value, _ in found]).argsort(descending=True)
    return tuple(torch.cat(w)[order] for w in zip(*(W for _, W in found), strict=True))


def bounded(mapping: BiasedReluUnit, Q: Tensor, found: list[tuple[Tensor, Factors]]) -> PolarBound:
    """The enclosure from an upper bound and an atom a run; its lower end is what the atom attains in the mapping."""
    upper = torch.stack([bound for bound, _ in found])
    W = tuple(torch.stack(w).to(Q) for w in zip(*(atom for _, atom in found), strict=True))
    lower = mapping.inner(Q, *W)[:, 0].clamp(min=0)
    return PolarBound(lower, torch.maximum(upper.to(Q), lower), W)


def apart(mapping: BiasedReluUnit, W: Factors, count: int) -> Factors:
    """At most ``count`` subnetworks of W ``(1, m, ·)``, in order, without those whose outputs an earlier one has."""
    X = mapping.phi(*W)[0].flatten(1)
    X = unit(X / X.abs().amax(1, keepdim=True).clamp(min=TINY))
    chosen: list[int] = []
    left = torch.arange(len(X), device=X.device)
    while len(left) and len(chosen) < count:
        chosen.append(int(left[0]))
        left = left[X[left] @ X[left[0]] < ALIKE]
    return tuple(w[:, chosen] for w in W)
