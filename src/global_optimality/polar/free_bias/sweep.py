"""Samples in the plane or on a line: a sweep of the circle of weights around every sample, exactly."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import pi
from typing import final

import torch
from torch import Tensor

from ...arrangement.circles import CHUNK
from ...effort import numbers, over
from ...factors import Factors
from ...mappings import BiasedReluUnit
from ..bound import PolarBound, Searching
from ..relu_exact.arcs import Moments
from .units import apart, bounded, centred, climbed, completed

EPS = torch.finfo(torch.float64).eps

ROUNDING = 8
"""A value of the sweep errs by at most ROUNDING · (N + 8) eps Σ_j ‖q_j‖ ‖s_j − s_i‖: its gradients are sums of 2N terms
of twice that total, angles are off by a few eps, and the differences s_j − s_i were rounded once."""

FEW = 1000
"""Up to so many samples a sweep is as fast as ascents, and finds all units."""

COPIES = 20
"""Numbers an arc and output that a sweep holds at a time."""

TINY = 1e-300


@final
@dataclass(frozen=True, eq=False)
class Swept(Searching):
    """For samples ``scale`` · ``points`` ``(N, 2)`` in the plane of the orthonormal ``basis`` ``(d, 2)``.

    Exact, or a crude bound where the time is too short. On a line the second column of both is 0. ``missed`` is the
    longest part of a sample outside, over ``scale``.
    """

    mapping: BiasedReluUnit
    points: Tensor
    basis: Tensor
    scale: float
    missed: float

    def __call__(self, Q: Tensor) -> PolarBound:
        return bounded(self.mapping, Q, [self._best(q) for q in centred(Q.double())])

    def atoms(self, Q: Tensor, count: int, above: float) -> Factors:
        q, size = in_units(centred(Q.double())[0])
        least, found = above / (size * self.scale or 1.0), torch.zeros(3, 0, dtype=q.dtype, device=q.device)
        for part in self._arcs(q):
            found = torch.cat([found, part[:, part[0] > least]], 1)
            found = found[:, found[0].argsort(descending=True)[: 32 * count]]
            if over():
                break
        if not found.shape[1]:
            return self(Q).atom
        W = self._units(q, found[1].long(), found[2])
        return apart(self.mapping, tuple(w.to(Q)[None] for w in W), count)

    def ascend(self, Q: Tensor, W: Factors, count: int, above: float) -> Factors:
        if len(self.points) <= FEW:
            return self.atoms(Q, count, above)
        found = climbed(self.mapping, centred(Q.double())[0], W[0][0].double(), count)
        return apart(self.mapping, tuple(w.to(Q)[None] for w in found), count)

    def _best(self, q: Tensor) -> tuple[Tensor, Factors]:
        q, size = in_units(q)
        clock, best = self.started(), q.new_full((3,), -1.0)
        upper, weight, reach = best[0], float(q.norm(dim=1).sum()), float(self.points.norm(dim=1).max())
        for part in self._arcs(q):
            if clock.over and upper >= 0:
                upper = upper.new_tensor(2 * weight * reach)  # of any unit around any sample
                break
            k = part[0].argmax()
            best = part[:, k] if part[0, k] > best[0] else best
            upper = best[0]
        slack = (ROUNDING * (len(q) + 8) * EPS * reach + self.missed) * 2 * weight
        return (upper + slack) * size * self.scale, self._units(q, best[1:2].long(), best[2:])

    def _units(self, q: Tensor, anchor: Tensor, t: Tensor) -> Factors:
        """u ``(m, d)``, b ``(m, 1)`` and unit v ``(m, c)`` at angles t of the circles of these samples."""
        plane = torch.stack([t.cos(), t.sin()], 1)
        u = plane @ self.basis.mT
        u = u / u.norm(dim=1, keepdim=True).clamp(min=TINY)
        return completed(self.mapping, q, u, anchor)[1]

    def _arcs(self, q: Tensor) -> Iterator[Tensor]:
        """Largest value on every arc of some samples' circles, which sample, and the angle where: parts of (3, 2N²)."""
        N, c = q.shape
        rows = max(1, numbers(CHUNK, COPIES) // (4 * N * c))
        for anchors in torch.arange(N, device=q.device).split(rows):
            yield torch.stack([x.flatten().to(q) for x in self._circles(q, anchors)])

    def _circles(self, q: Tensor, anchors: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        D = self.points - self.points[anchors, None]
        along = torch.atan2(D[..., 1], D[..., 0])
        opens, closes = torch.remainder(along - pi / 2, 2 * pi), torch.remainder(along + pi / 2, 2 * pi)
        start, order = torch.cat([opens, closes], 1).sort(dim=1)
        width = torch.cat([start[:, 1:], start[:, :1] + 2 * pi], 1) - start
        slopes = D[..., None] * q[:, None]  # (m, N, 2, c)
        at_zero = (slopes * (opens > closes)[..., None, None]).sum(1, keepdim=True)
        index = order[..., None, None].expand(-1, -1, 2, q.shape[1])
        B = at_zero + torch.cat([slopes, -slopes], 1).gather(1, index).cumsum(1)
        first, second = B.unbind(2)
        p, r = first.square().sum(2), second.square().sum(2)
        moments = Moments((p + r) / 2, (p - r) / 2, (first * second).sum(2))
        offset = moments.peak(start, width)
        here = (first * start.cos()[..., None] + second * start.sin()[..., None]).norm(dim=2)
        value = torch.where(offset > 0, moments.top().sqrt(), here)
        return value, anchors[:, None].expand_as(value), start + offset


def in_units(q: Tensor) -> tuple[Tensor, float]:
    """q over its largest entry, and that; 1 for zeros."""
    size = float(q.abs().max()) or 1.0
    return q / size, size
