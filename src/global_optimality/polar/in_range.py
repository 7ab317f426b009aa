"""A polar of any Q, however small or large: Ω°(2^e Q) = 2^e Ω°(Q), but squares of tiny numbers vanish in float64."""

import math
from dataclasses import dataclass, field, replace
from typing import final

import torch
from torch import Tensor

from ..effort import Clock, Effort
from ..factors import Factors
from ..losses.units import exponent
from .bound import Oracle, PolarBound, Unfinished

SAFE = 100
"""Q whose largest entry lies within 2^±SAFE is left as it is: products of eight such numbers are inside float64."""


@final
@dataclass(frozen=True)
class InRange(Oracle):
    """A polar that sees no Q whose squares, or products with data, underflow or overflow.

    Others are multiplied by a power of two, which is exact, and their bounds divided by it.
    """

    oracle: Oracle
    limits: Effort = field(default_factory=Effort)
    """Those set so far, as two of them are in units of Ω°."""
    clock: Clock | None = None

    def __call__(self, Q: Tensor) -> PolarBound:
        clock = self.limits.started("upper bound of the polar") if self.clock is None else self.clock
        with clock.running():
            return self._bounded(self.oracle.within(clock), Q)

    def _bounded(self, polar: Oracle, Q: Tensor) -> PolarBound:
        units = torch.tensor([unit_of(q) for q in Q], device=Q.device)
        if not bool(units.any()):
            return polar(Q)
        rows = [row for row in ((units == 0).nonzero()[:, 0], *units.nonzero()) if len(row)]
        parts = [_bounded(self._in(polar, int(units[row[0]])), Q[row], int(units[row[0]])) for row in rows]
        order = torch.cat(rows).argsort()
        atom = tuple(torch.cat(w)[order] for w in zip(*(p.atom for p in parts), strict=True))
        return PolarBound(torch.cat([p.lower for p in parts])[order], torch.cat([p.upper for p in parts])[order], atom)

    def atoms(self, Q: Tensor, count: int, above: float) -> Factors:
        e = unit_of(Q)
        return self._in(self.oracle, e).atoms(times(Q, -e), count, _number(above, -e))

    def ascend(self, Q: Tensor, W: Factors, count: int, above: float) -> Factors:
        e = unit_of(Q)
        return self._in(self.oracle, e).ascend(times(Q, -e), W, count, _number(above, -e))

    def spending(self, effort: Effort) -> "InRange":
        return replace(self, oracle=self.oracle.spending(effort), limits=effort.otherwise(self.limits))

    def within(self, clock: Clock) -> "InRange":
        return replace(self, oracle=self.oracle.within(clock), clock=clock)

    def resuming(self, unfinished: Unfinished) -> "InRange":
        return replace(self, oracle=self.oracle.resuming(unfinished))

    def _in(self, polar: Oracle, e: int) -> Oracle:
        return polar.spending(limits_in(self.limits, e)) if e else polar


def _bounded(polar: Oracle, Q: Tensor, e: int) -> PolarBound:
    return restored(polar(times(Q, -e)), e) if e else polar(Q)


def restored(bound: PolarBound, e: int) -> PolarBound:
    """The bound of 2^e Ω° from that of Ω°."""
    kind = torch.finfo(bound.upper.dtype)
    least = 2 * kind.smallest_normal * kind.eps  # two products, each off by half of it where they are not normal
    lower, upper = times(bound.lower, e), times(bound.upper, e)
    return PolarBound((lower - least).clamp(min=0), torch.where(upper > 0, upper + least, upper), bound.atom)


def limits_in(limits: Effort, e: int) -> Effort:
    """Only those limits that are in units of Ω°, in units of 2^e."""
    target, enough = (None if x is None else _number(x, -e) for x in (limits.target, limits.enough))
    return Effort(target=target, enough=enough)


def unit_of(x: Tensor) -> int:
    """The binary exponent of the largest entry, 0 within SAFE."""
    e = exponent(x)
    return e if abs(e) > SAFE else 0


def times(x: Tensor, e: int) -> Tensor:
    """2^e x, in two products, as 2^e itself may lie outside float64."""
    half = e // 2
    return x * 2.0**half * 2.0 ** (e - half) if e else x


def _number(x: float, e: int) -> float:
    try:
        return math.ldexp(x, e)
    except OverflowError:
        return math.copysign(math.inf, x)
