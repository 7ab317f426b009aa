"""The polar of a problem, in the units of its twin."""

from dataclasses import dataclass
from typing import final

from torch import Tensor

from ..effort import Clock, Effort, check_effort
from ..factors import Factors
from ..twin import Twin
from .bound import Oracle, Polar, PolarBound, Unfinished, oracle
from .lookup import polar_of


@final
@dataclass(frozen=True, eq=False)
class InUnits(Oracle):
    """Ω°' of the twin from Ω° of the problem: Ω°(dual · Q') = λ-unit · Ω°'(Q'); exact, and the atoms are the same."""

    twin: Twin
    oracle: Oracle

    def __call__(self, Q: Tensor) -> PolarBound:
        bound = self.oracle(Q * self.twin.dual)
        return PolarBound(bound.lower / self.twin.lam, bound.upper / self.twin.lam, bound.atom)

    def atoms(self, Q: Tensor, count: int, above: float) -> Factors:
        return self.oracle.atoms(Q * self.twin.dual, count, above * self.twin.lam)

    def ascend(self, Q: Tensor, W: Factors, count: int, above: float) -> Factors:
        return self.oracle.ascend(Q * self.twin.dual, self.twin.outside(W), count, above * self.twin.lam)

    def spending(self, effort: Effort) -> "InUnits":
        return InUnits(self.twin, self.oracle.spending(effort.scaled(self.twin.lam)))

    def within(self, clock: Clock) -> "InUnits":
        return InUnits(self.twin, self.oracle.within(clock))

    def resuming(self, unfinished: Unfinished) -> "InUnits":
        return InUnits(self.twin, self.oracle.resuming(unfinished))


def twin_oracle(twin: Twin, polar: Polar | None, effort: Effort | None = None) -> Oracle:
    """The polar of the twin's problem: its own, or that of the given one; ``effort`` is in units of the problem."""
    check_effort(effort)
    if effort is not None:
        effort = effort.scaled(1 / twin.lam)
    found = polar_of(twin.problem) if polar is None else oracle(polar)
    if polar is not None and (twin.dual, twin.lam, twin.weight) != (1.0, 1.0, 1.0):
        found = InUnits(twin, found)
    return found if effort is None else found.spending(effort)
