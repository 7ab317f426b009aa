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
from contextlib import suppress
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from ..effort import Clock, Effort, OutOfTimeError, look, numbers
from ..factors import Factors
from ..mappings import DeepBiasedRelu
from .bound import PolarBound, Searching

ARCS = 64
"""The circle is first cut into so many arcs."""

EFFORT = Effort(nodes=100_000, tolerance=1e-6)
"""Of one q, unless told otherwise: arcs bounded, and relative distance of the two bounds at which to stop."""

COPIES = 6
"""Numbers an arc, breakpoint and sample that are held at a time."""

ROUNDING = 8.0
"""A sum of N terms q_i (h_i z + b)₊, |z|, |b| ≤ 1, errs by less than ROUNDING · (N + 8) · eps · Σ|q_i|(|h_i| + 1)."""


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
    ends = torch.linspace(0, 2 * math.pi, ARCS + 1, dtype=S.dtype, device=S.device)
    left, right = ends[:-1], ends[1:]
    upper = over_arcs(S, q, left, right)
    best, point, made, limit = 0.0, None, ARCS, math.inf if effort.nodes is None else effort.nodes
    settled, tolerance = 0.0, effort.tolerance or 0.0
    with clock.interruptible():
        while True:
            value, found = at_angles(S, q, (left + right) / 2)
            if value > best:
                best, point = value, found
            enough = best * (1 + tolerance) if effort.target is None else max(best * (1 + tolerance), effort.target)
            settled = max([settled, *upper[upper <= enough].tolist()])
            left, right, upper = (x[upper > enough] for x in (left, right, upper))
            if not len(upper) or made + 2 * len(left) > limit or clock.over:
                break
            middle = (left + right) / 2
            left, right = torch.cat([left, middle]), torch.cat([middle, right])
            upper = torch.minimum(over_arcs(S, q, left, right), upper.repeat(2))
            made += len(left)
    top = max([settled, best, *upper.tolist()])
    return PolarBound(q.new_tensor([best]), q.new_tensor([top]), _atom(mapping, point, q))


def over_arcs(S: Tensor, q: Tensor, left: Tensor, right: Tensor) -> Tensor:
    """An upper bound of the polar's sum over each arc of u, ``(arcs,)``."""
    low, high = _hidden(S, left, right)
    best = torch.zeros_like(left)
    for p in (q, -q):
        for side in (1.0, -1.0):
            h = torch.where(p * side > 0, high, low)
            best = torch.maximum(best, _largest(h, p, side)[0])
    total = (high + 1) @ q.abs()
    slack = ROUNDING * (len(q) + 8) * torch.finfo(q.dtype).eps * total
    return torch.where(best.isnan(), total, best) + slack


def _hidden(S: Tensor, left: Tensor, right: Tensor) -> tuple[Tensor, Tensor]:
    """The least and the largest (s_iᵀu)₊ for u = (cos t, sin t), t from left to right; ``(arcs, N)`` each."""
    length, angle = S.norm(dim=1), torch.atan2(S[:, 1], S[:, 0])
    ends = torch.stack([length * torch.cos(t[:, None] - angle) for t in (left, right)])
    eps = 64 * torch.finfo(S.dtype).eps  # of differences of angles up to 2π, of remainders, cosines and lengths
    wide = (right - left)[:, None] + eps
    top = torch.remainder(left[:, None] - angle, 2 * math.pi) + wide >= 2 * math.pi
    bottom = torch.remainder(left[:, None] - angle - math.pi, 2 * math.pi) + wide >= 2 * math.pi
    high = torch.where(top, length, ends.amax(0)) + eps * length
    low = torch.where(bottom, -length, ends.amin(0)) - eps * length
    return low.clamp(min=0), high.clamp(min=0)


def at_angles(S: Tensor, q: Tensor, t: Tensor) -> tuple[float, Tensor]:
    """The largest value over u at the angles t, attained, and (angle, z, b, sign) there."""
    h = (torch.stack([torch.cos(t), torch.sin(t)], 1) @ S.mT).relu()
    found = [(*_largest(h, sign * q, None), sign) for sign in (1.0, -1.0)]
    found = [(value.nan_to_num(-math.inf), z, b, sign) for value, z, b, sign in found]
    value, z, b, sign = max(found, key=lambda f: float(f[0].max()))
    i = int(value.argmax())
    return float(value[i]), torch.stack([t[i], z[i], b[i], t.new_tensor(sign)])


def _largest(h: Tensor, q: Tensor, side: float | None) -> tuple[Tensor, Tensor, Tensor]:
    """max Σ_i q_i (h_i z + b)₊ over |z|^{3/2} + |b|^{3/2} ≤ 1, and z, b there; with z of the sign ``side`` if given.

    h is ``(m, N)``; results are ``(m,)``, NaN where the time was up before.
    """
    rows = max(1, numbers(math.inf, COPIES) // (2 * (h.shape[1] + 1) ** 2))
    if len(h) > rows:
        parts = [_largest(part, q, side) for part in h.split(rows)]
        return tuple(torch.cat(x) for x in zip(*parts, strict=True))  # type: ignore[return-value]
    with suppress(OutOfTimeError):
        return _largest_of_few(h, q, side)
    return tuple(h.new_full((3, len(h)), torch.nan))  # type: ignore[return-value]


def _largest_of_few(h: Tensor, q: Tensor, side: float | None) -> tuple[Tensor, Tensor, Tensor]:
    """``_largest``, whose arrays memory has room for; ``OutOfTimeError`` where the time is up before."""
    columns = max(1, numbers(math.inf, COPIES) // (len(h) * h.shape[1]))
    lines = torch.atan2(-h, torch.ones_like(h))
    flat = torch.full_like(h[:, :1], math.pi / 2)
    t = torch.cat([lines, lines + math.pi, flat, -flat], 1)
    t = torch.remainder(t, 2 * math.pi).sort(1).values
    middle = (t + torch.cat([t[:, 1:], t[:, :1] + 2 * math.pi], 1)) / 2
    sums = []
    for m in middle.split(columns, 1):
        look()
        on = (h[:, None] * torch.cos(m)[..., None] + torch.sin(m)[..., None] > 0).to(h)
        sums.append(((on @ (q * h)[..., None])[..., 0], on @ q))
    A, B = (torch.cat(x, 1) for x in zip(*sums, strict=True))
    z = torch.cat([torch.cos(t), A * A.abs()], 1)
    b = torch.cat([torch.sin(t), B * B.abs()], 1)
    size = (z.abs() ** 1.5 + b.abs() ** 1.5) ** (2 / 3)
    size = torch.where(size > 0, size, 1.0)
    z, b = z / size, b / size
    values = []
    for x, y in zip(z.split(columns, 1), b.split(columns, 1), strict=True):
        look()
        values.append((h[:, None] * x[..., None] + y[..., None]).relu_() @ q)
    value = torch.cat(values, 1)
    if side is not None:
        value = torch.where(z * side >= -1e-15, value, -torch.inf)  # the rays z = 0 are of both sides, up to rounding
    best = value.argmax(1, keepdim=True)
    return tuple(torch.take_along_dim(x, best, 1)[:, 0] for x in (value, z, b))  # type: ignore[return-value]


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
