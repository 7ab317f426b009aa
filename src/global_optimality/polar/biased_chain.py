"""The polar of three-layer chains with biases, φ = ((S u)₊ a + b)₊ v with numbers a, b, v and u on a circle, d ≤ 2.

For θ = ⅓(‖u‖³ + |a|³ + |v|³) + ⅔|b|^{3/2}, scalings that leave φ alone bring θ down to E^{2/3} |v| with
E = |z|^{3/2} + |b|^{3/2}, z = ‖u‖ a. So Ω°(q) = max over unit u and over (z, b) in the ball E ≤ 1 of
|Σ_i q_i (h_i z + b)₊|, h = (S u)₊. Given h the sum is piecewise linear in (z, b): on a sector between two lines
h_i z + b = 0 it is A z + B b, largest at the sector's edge or where (z, b) ∝ (A|A|, B|B|). All those are looked at.

For u on an arc each h_i lies in an interval. The sum grows with h_i if q_i z > 0 and falls if q_i z < 0. At the ends of
the intervals that make it largest, for z ≥ 0 and for z ≤ 0, it bounds all u of the arc. Arcs are halved until that is
close.
"""

import math
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from ..effort import Clock, Effort, numbers, over
from ..factors import Factors
from ..mappings import DeepBiasedRelu
from .bound import PolarBound, Searching

ARCS = 64
"""The circle is first cut into so many arcs."""

EFFORT = Effort(nodes=100_000, tolerance=1e-6)
"""Of one q, unless told otherwise: arcs bounded, and relative distance of the two bounds at which to stop."""

CHUNK, COPIES = 1 << 17, 8
"""Numbers of an array, two for each edge of a sector: more stay in no cache; and how many such arrays there are."""

TURN, HAIR = 2 * math.pi, 1e-12
"""A full turn, and how far beyond a sector a direction may lie that counts as inside: many eps of a turn."""

ROUNDING = 8.0
"""A sum of N terms q_i (h_i z + b)₊, |z|, |b| ≤ 1, errs by less than N eps · Σ|q_i|(|h_i| + 1), the sums A and B that
grow and fall along a turn by twice that: ROUNDING · (N + 8) · eps has room for the sum found best and the best one."""


@final
@dataclass(frozen=True, eq=False, kw_only=True)
class BiasedChainPolar(Searching):
    """Enclosure of Ω°(Q), Q ``(n, N, 1)``; ``ValueError`` for other widths than (1, 1, 1) and for d > 2."""

    mapping: DeepBiasedRelu

    def __post_init__(self) -> None:
        if self.mapping.widths != (1, 1, 1) or self.mapping.S.shape[1] > 2:
            raise ValueError(
                f"DeepBiasedRelu of widths {self.mapping.widths} on {self.mapping.S.shape[1]} columns: only the polar "
                "of widths (1, 1, 1) on at most 2 columns is known; pass certify(..., polar=...) one of your own."
            )

    def __call__(self, Q: Tensor) -> PolarBound:
        effort, clock = self.effort.otherwise(EFFORT), self.started()
        bounds = [_enclose(self.mapping, q[:, 0], effort, clock) for q in Q]
        atom = tuple(torch.cat(w) for w in zip(*(b.atom for b in bounds), strict=True))
        return PolarBound(torch.cat([b.lower for b in bounds]), torch.cat([b.upper for b in bounds]), atom)


def _enclose(mapping: DeepBiasedRelu, q: Tensor, effort: Effort, clock: Clock) -> PolarBound:
    S = torch.nn.functional.pad(mapping.S, (0, 2 - mapping.S.shape[1]))
    ends = torch.linspace(0, TURN, ARCS + 1, dtype=S.dtype, device=S.device)
    left, right = ends[:-1], ends[1:]
    upper = _crude(S, q).expand(ARCS)
    best, point, made, limit = 0.0, None, ARCS, math.inf if effort.nodes is None else effort.nodes
    settled, tolerance = 0.0, effort.tolerance or 0.0
    with clock.interruptible():
        upper = over_arcs(S, q, left, right)
        while True:
            value, found = at_angles(S, q, (left + right) / 2)
            if value > best:
                best, point = value, found
            enough = best * (1 + tolerance) if effort.target is None else max(best * (1 + tolerance), effort.target)
            settled = max([settled, *upper[upper <= enough].tolist()])
            left, right, upper = (x[upper > enough] for x in (left, right, upper))
            if not len(upper) or made + 2 * len(left) > limit or over():
                break
            middle = (left + right) / 2
            left, right = torch.cat([left, middle]), torch.cat([middle, right])
            upper = torch.minimum(over_arcs(S, q, left, right), upper.repeat(2))
            made += len(left)
    top = max([settled, best, *upper.tolist()])
    return PolarBound(q.new_tensor([best]), q.new_tensor([top]), _atom(mapping, point, q))


def over_arcs(S: Tensor, q: Tensor, left: Tensor, right: Tensor) -> Tensor:
    """An upper bound of the polar's sum over each arc of u, ``(arcs,)``; a crude one where the time was up before."""
    parts = zip(*(x.split(_rows(q)) for x in (left, right)), strict=True)
    return torch.cat([_crude(S, q).expand(len(a)) if over() else _over_few(S, q, a, b) for a, b in parts])


def _rows(q: Tensor) -> int:
    """Arcs, or angles, that are looked at at a time."""
    return max(1, numbers(CHUNK, COPIES) // (4 * (len(q) + 1)))


def _crude(S: Tensor, q: Tensor) -> Tensor:
    """Σ|q_i|(‖s_i‖ + 1): no sum is larger."""
    return ((S.norm(dim=1) + 1) @ q.abs()) * (1 + _slack(q))


def _slack(q: Tensor) -> float:
    """What a sum errs by, as a share of Σ|q_i|(|h_i| + 1)."""
    return ROUNDING * (len(q) + 8) * torch.finfo(q.dtype).eps


def _over_few(S: Tensor, q: Tensor, left: Tensor, right: Tensor) -> Tensor:
    """``over_arcs`` of arcs that memory has room for."""
    low, high = _hidden(S, left, right)
    best = torch.zeros_like(left)
    for p in (q, -q):
        for side in (1.0, -1.0):
            h = torch.where(p * side > 0, high, low)
            best = torch.maximum(best, largest(h, p, side)[0])
    total = (high + 1) @ q.abs()
    return torch.where(best.isnan(), total, best) + _slack(q) * total


def _hidden(S: Tensor, left: Tensor, right: Tensor) -> tuple[Tensor, Tensor]:
    """The least and the largest (s_iᵀu)₊ for u = (cos t, sin t), t from left to right; ``(arcs, N)`` each."""
    length, angle = S.norm(dim=1), torch.atan2(S[:, 1], S[:, 0])
    ends = torch.stack([length * torch.cos(t[:, None] - angle) for t in (left, right)])
    eps = 64 * torch.finfo(S.dtype).eps  # of differences of angles up to 2π, of remainders, cosines and lengths
    wide = (right - left)[:, None] + eps
    top = torch.remainder(left[:, None] - angle, TURN) + wide >= TURN
    bottom = torch.remainder(left[:, None] - angle - math.pi, TURN) + wide >= TURN
    high = torch.where(top, length, ends.amax(0)) + eps * length
    low = torch.where(bottom, -length, ends.amin(0)) - eps * length
    return low.clamp(min=0), high.clamp(min=0)


def at_angles(S: Tensor, q: Tensor, t: Tensor) -> tuple[float, Tensor]:
    """The largest value over u at the angles t, attained, and (angle, z, b, sign) there; −∞ where the time is up."""
    best, point = -math.inf, t.new_zeros(4)
    for part in t.split(_rows(q)):
        if over():
            break
        h = (torch.stack([torch.cos(part), torch.sin(part)], 1) @ S.mT).relu()
        for sign in (1.0, -1.0):
            value, z, b = largest(h, sign * q, None)
            i = int(value.argmax())
            if float(value[i]) > best:
                best, point = float(value[i]), torch.stack([part[i], z[i], b[i], t.new_tensor(sign)])
    return best, point


def largest(h: Tensor, q: Tensor, side: float | None) -> tuple[Tensor, Tensor, Tensor]:
    """max Σ_i q_i (h_i z + b)₊ over |z|^{3/2} + |b|^{3/2} ≤ 1, and z, b there; with z of the sign ``side`` if given.

    h is ``(m, N)``; results are ``(m,)``. At the angle of (z, b) where line i is met, the sums A and B gain q_i h_i and
    q_i; half a turn later they lose them.
    """
    meets = torch.remainder(torch.atan2(-h, torch.ones_like(h)), TURN)
    leaves = torch.remainder(torch.atan2(h, -torch.ones_like(h)), TURN)
    still = h.new_zeros(len(h), 2)
    upright = still + h.new_tensor([TURN / 4, 3 * TURN / 4])
    t, order = torch.cat([meets, leaves, upright], 1).sort(1)
    sums = []
    for gain in (q * h, q.expand_as(h)):
        first = torch.where(leaves < meets, gain, 0.0).sum(1, keepdim=True)
        sums.append(first + torch.cat([gain, -gain, still], 1).gather(1, order).cumsum(1))
    A, B = sums
    z, b = torch.cat([torch.cos(t), A * A.abs()], 1), torch.cat([torch.sin(t), B * B.abs()], 1)
    size = (z.abs() ** 1.5 + b.abs() ** 1.5) ** (2 / 3)
    size = torch.where(size > 0, size, 1.0)
    z, b = z / size, b / size
    value = A.repeat(1, 2) * z + B.repeat(1, 2) * b
    width = torch.cat([t[:, 1:], t[:, :1] + TURN], 1) - t
    beyond = torch.remainder(torch.atan2(b, z)[:, t.shape[1] :] - t + HAIR, TURN) > width + 2 * HAIR
    value[:, t.shape[1] :].masked_fill_(beyond, -torch.inf)  # best where the sums are others
    if side is not None:
        value.masked_fill_(z * side < -1e-15, -torch.inf)  # the rays z = 0 are of both sides, up to rounding
    best = value.argmax(1, keepdim=True)
    z, b = (torch.take_along_dim(x, best, 1) for x in (z, b))
    return (h * z + b).relu_() @ q, z[:, 0], b[:, 0]


def _atom(mapping: DeepBiasedRelu, point: Tensor | None, q: Tensor) -> Factors:
    """(u, a, b, v) of θ = 1 from (angle, z, b, sign): ‖u‖ = |a| = |z|^{1/2}, |v| = 1; zero if nothing was found."""
    factors = tuple(q.new_zeros(1, 1, *shape) for shape in mapping.factor_shapes)
    if point is None:
        return factors
    angle, z, b, sign = point
    root = z.abs().sqrt()
    u = torch.stack([torch.cos(angle), torch.sin(angle)])[: mapping.S.shape[1]]
    values = root * u[:, None], (root * torch.sign(z))[None, None], b[None], sign[None, None]
    return tuple(v[None, None].to(w) for v, w in zip(values, factors, strict=True))
