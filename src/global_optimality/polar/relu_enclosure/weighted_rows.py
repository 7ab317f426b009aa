"""The rows of S that count, as unit vectors with weights: what searches over signs of rows share."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from torch import Tensor

from ..best_first import Best, Bound, Cells
from .outputs import coordinates
from .polar_problem import PolarProblem, improved


@dataclass(frozen=True, eq=False)
class WeightedRows(Bound):
    """A polar and points ``u`` (n, d) to start from."""

    polar: PolarProblem
    u: Tensor

    @cached_property
    def kept(self) -> Tensor:
        """The rows that count in any run."""
        return (self.polar.S.abs().amax(1) > 0) & (self.polar.Q.abs().amax((0, 2)) > 0)

    @cached_property
    def S(self) -> Tensor:
        """Those rows as unit vectors, (N, d)."""
        S = self.polar.S[self.kept]
        return S / S.norm(dim=1)[:, None]

    @cached_property
    def coordinates(self) -> tuple[Tensor, Tensor]:
        """The weights (n, N, k) of the unit rows, and what they miss, (n,)."""
        return coordinates(self.polar.Q[:, self.kept], self.polar.S[self.kept].norm(dim=1))

    @property
    def Q(self) -> Tensor:
        return self.coordinates[0]

    @property
    def slack(self) -> Tensor:
        return self.polar.slack()

    def improve(self, best: Best, lower: Tensor, points: Cells, run: Tensor) -> Best:
        return improved(self.polar, best, lower, points[0], run)
