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

    Others are multiplied by a power of two, which is exact, and their bounds divided by it. What counts is an entry of
    Q times the size of its sample: one of a sample that is zero counts nothing, and may be far larger than all others.
    """

    oracle: Oracle
    steps: tuple[int | None, ...] | None = None
    """Powers of two that the oracle lacks of each sample, None where it is zero; None: it has all samples as given."""
    limits: Effort = field(default_factory=Effort)
    """Those set so far, as two of them are in units of Ω°."""
    clock: Clock | None = None

    def __call__(self, Q: Tensor) -> PolarBound:
        clock = self.limits.started("upper bound of the polar") if self.clock is None else self.clock
        with clock.running():
            return self._bounded(self.oracle.within(clock), Q)

    def _bounded(self, polar: Oracle, Q: Tensor) -> PolarBound:
        units = torch.tensor([self._unit(q) for q in Q], device=Q.device)
        if self.steps is None and not bool(units.any()):
            return polar(Q)
        rows = [row for row in ((units == 0).nonzero()[:, 0], *units.nonzero()) if len(row)]
        parts = [self._in_unit(polar, Q[row], int(units[row[0]])) for row in rows]
        order = torch.cat(rows).argsort()
        atom = tuple(torch.cat(w)[order] for w in zip(*(p.atom for p in parts), strict=True))
        return PolarBound(torch.cat([p.lower for p in parts])[order], torch.cat([p.upper for p in parts])[order], atom)

    def atoms(self, Q: Tensor, count: int, above: float) -> Factors:
        e = self._unit(Q[0])
        return self._in(self.oracle, e).atoms(self._counted(Q, -e), count, _number(above, -e))

    def ascend(self, Q: Tensor, W: Factors, count: int, above: float) -> Factors:
        e = self._unit(Q[0])
        return self._in(self.oracle, e).ascend(self._counted(Q, -e), W, count, _number(above, -e))

    def spending(self, effort: Effort) -> "InRange":
        return replace(self, oracle=self.oracle.spending(effort), limits=effort.otherwise(self.limits))

    def within(self, clock: Clock) -> "InRange":
        return replace(self, oracle=self.oracle.within(clock), clock=clock)

    def resuming(self, unfinished: Unfinished) -> "InRange":
        return replace(self, oracle=self.oracle.resuming(unfinished))

    def _in(self, polar: Oracle, e: int) -> Oracle:
        return polar.spending(_limits_in(self.limits, e)) if e else polar

    def _in_unit(self, polar: Oracle, Q: Tensor, e: int) -> PolarBound:
        bound = self._in(polar, e)(self._counted(Q, -e))
        return _restored(bound, e) if e else bound

    def _unit(self, q: Tensor) -> int:
        """The binary exponent of the largest entry times its sample, 0 within SAFE."""
        if self.steps is None:
            return _unit_of(q)
        sizes = torch.frexp(q.abs().flatten(1).amax(1).double())
        found = zip(self.steps, sizes.mantissa.tolist(), sizes.exponent.tolist(), strict=True)
        e = max((step + k - 1 for step, part, k in found if step is not None and part > 0), default=0)
        return e if abs(e) > SAFE else 0

    def _counted(self, Q: Tensor, e: int) -> Tensor:
        """2^e Q, and its rows times 2^steps, for samples divided by that; what counts nothing is zero."""
        if self.steps is None:
            return _times(Q, e)
        found = [_halves(None if step is None else step + e) for step in self.steps]
        first, second = torch.tensor(found, dtype=Q.dtype, device=Q.device).mT.view(2, len(found), *[1] * (Q.dim() - 2))
        return Q * first * second


def _restored(bound: PolarBound, e: int) -> PolarBound:
    """The bound of 2^e Ω° from that of Ω°."""
    kind = torch.finfo(bound.upper.dtype)
    least = 2 * kind.smallest_normal * kind.eps  # two products, each off by half of it where they are not normal
    lower, upper = _times(bound.lower, e), _times(bound.upper, e)
    return PolarBound((lower - least).clamp(min=0), torch.where(upper > 0, upper + least, upper), bound.atom)


def _limits_in(limits: Effort, e: int) -> Effort:
    """Only those limits that are in units of Ω°, in units of 2^e."""
    target, enough = (None if x is None else _number(x, -e) for x in (limits.target, limits.enough))
    return Effort(target=target, enough=enough)


def _unit_of(x: Tensor) -> int:
    """The binary exponent of the largest entry, 0 within SAFE."""
    e = exponent(x)
    return e if abs(e) > SAFE else 0


def _times(x: Tensor, e: int) -> Tensor:
    """2^e x, in two products, as 2^e itself may lie outside float64."""
    first, second = _halves(e)
    return x * first * second if e else x


def sample_units(data: Tensor) -> tuple[Tensor, tuple[int | None, ...] | None]:
    """Samples ``(N, …)`` brought within SAFE, and the ``steps`` taken out; the data as they are where all are."""
    sizes = torch.frexp(data.abs().flatten(1).amax(1).double())
    found = zip(sizes.mantissa.tolist(), sizes.exponent.tolist(), strict=True)
    steps = tuple((k if abs(k) > SAFE else 0) if part > 0 else None for part, k in found)
    if any(steps):
        factors = torch.tensor([_halves(-(step or 0)) for step in steps], dtype=data.dtype, device=data.device)
        first, second = factors.mT.view(2, len(data), *[1] * (data.dim() - 1))
        data = data * first * second
    return data, None if all(step == 0 for step in steps) else steps


def _halves(e: int | None) -> tuple[float, float]:
    """Two factors of 2^e, of 0 for None; a power that is outside float64 is the nearest one inside."""
    half = 0 if e is None else max(-1000, min(e // 2, 1000))
    return (0.0, 0.0) if e is None else (2.0**half, 2.0 ** max(-1000, min(e - half, 1000)))


def _number(x: float, e: int) -> float:
    try:
        return math.ldexp(x, e)
    except OverflowError:
        return math.copysign(math.inf, x)
