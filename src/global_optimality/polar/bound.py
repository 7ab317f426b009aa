"""Ω°(Q) = sup ⟨Q, φ(w)⟩ over θ(w) ≤ 1, enclosed: the one oracle that certifies, and that shows the way down."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Self, final

import torch
from torch import Tensor

from ..effort import Clock, Effort
from ..factors import Factors, check_alike, check_values, scale
from ..mappings import Reduction
from ..settings import function, instance
from .best_first import Search


@dataclass(frozen=True, eq=False)
class PolarBound:
    """lower ≤ Ω°(Q) ≤ upper, each ``(n,)``; atom is one subnetwork a run, θ(atom) ≤ 1 and ⟨Q, φ(atom)⟩ = lower.

    An upper of +∞ means that only an ascent was made: nothing can be certified with it.
    """

    lower: Tensor
    upper: Tensor
    atom: Factors


Polar = Callable[[Tensor], PolarBound]
"""Q ``(n, *D)`` → enclosure of Ω°(Q)."""


@final
@dataclass(eq=False)
class Unfinished:
    """Where the search of a polar was left: a later call for the same Q goes on with its open cells."""

    search: Search | None = None


class Oracle(ABC):
    """A polar that can also name several good subnetworks at once: what a solver adds in one round."""

    @abstractmethod
    def __call__(self, Q: Tensor) -> PolarBound:
        """Enclosure of Ω°(Q), Q ``(n, *D)``."""

    def atoms(self, Q: Tensor, count: int, above: float) -> Factors:
        """At most about ``count`` atoms of one Q ``(1, *D)``, θ = 1, local maximisers of ⟨Q, φ⟩ if more than one.

        As factors ``(1, m, *D_k)``, m ≥ 1, the best first; others than the best have values > ``above``.
        """
        return self(Q).atom

    def ascend(self, Q: Tensor, W: Factors, count: int, above: float) -> Factors:
        """As ``atoms``, but cheap and without any promise, from the network W among other starts."""
        return self.atoms(Q, count, above)

    def spending(self, effort: Effort) -> "Oracle":
        """The same polar, whose calls have these limits (its own where there are none); itself if it never searches."""
        return self

    def within(self, clock: Clock) -> "Oracle":
        """The same polar, whose calls share the time of that clock; itself if it never searches."""
        return self

    def resuming(self, unfinished: Unfinished) -> "Oracle":
        """The same polar, whose calls go on with that search and leave theirs there; itself if none can be resumed."""
        return self


def oracle(polar: Polar) -> Oracle:
    """Any polar as an oracle."""
    if isinstance(polar, Oracle):
        return polar
    function("polar", polar, "pass a function Q -> PolarBound, or none.")
    return _Plain(polar)


@final
@dataclass(frozen=True)
class _Plain(Oracle):
    """A function Q → PolarBound: its only atom is that of its bound."""

    polar: Polar

    def __call__(self, Q: Tensor) -> PolarBound:
        return instance("what the polar returns", self.polar(Q), PolarBound, "return PolarBound(lower, upper, atom).")


@dataclass(frozen=True, eq=False, kw_only=True)
class Searching(Oracle):
    """An oracle that searches: each call has the limits of ``effort``, and the time of ``clock`` if there is one."""

    effort: Effort = field(default_factory=Effort)
    clock: Clock | None = None

    def spending(self, effort: Effort) -> Self:
        return replace(self, effort=effort.otherwise(self.effort))

    def within(self, clock: Clock) -> Self:
        return replace(self, clock=clock)

    def started(self) -> Clock:
        """The clock of one call."""
        return self.effort.started("upper bound of the polar") if self.clock is None else self.clock


@final
@dataclass(frozen=True)
class Checked(Oracle):
    """A polar behind a check of its argument, and without gradients."""

    shape: tuple[int, ...]
    oracle: Oracle

    def __call__(self, Q: Tensor) -> PolarBound:
        self._check(Q)
        with torch.no_grad():
            return self.oracle(Q)

    def atoms(self, Q: Tensor, count: int, above: float) -> Factors:
        self._check(Q)
        with torch.no_grad():
            return self.oracle.atoms(Q, count, above)

    def ascend(self, Q: Tensor, W: Factors, count: int, above: float) -> Factors:
        self._check(Q)
        with torch.no_grad():
            return self.oracle.ascend(Q, W, count, above)

    def spending(self, effort: Effort) -> "Checked":
        return Checked(self.shape, self.oracle.spending(effort))

    def within(self, clock: Clock) -> "Checked":
        return Checked(self.shape, self.oracle.within(clock))

    def resuming(self, unfinished: Unfinished) -> "Checked":
        return Checked(self.shape, self.oracle.resuming(unfinished))

    def _check(self, Q: Tensor) -> None:
        check_values()
        check_alike(Q=Q)
        if tuple(Q.shape[1:]) != self.shape:
            raise ValueError(f"Q has shape {tuple(Q.shape)}, expected (n, {', '.join(map(str, self.shape))}).")
        if not torch.isfinite(Q).all():
            raise ValueError("Q holds NaN or infinity: the weights have diverged, or the data are not finite.")


@final
@dataclass(frozen=True)
class Lifted(Oracle):
    """The polar of a mapping from that of its reduction."""

    reduction: Reduction
    oracle: Oracle

    def __call__(self, Q: Tensor) -> PolarBound:
        bound = self.oracle(Q)
        return PolarBound(bound.lower, bound.upper, self.reduction.lift(bound.atom))

    def atoms(self, Q: Tensor, count: int, above: float) -> Factors:
        return self.reduction.lift(self.oracle.atoms(Q, count, above))

    def ascend(self, Q: Tensor, W: Factors, count: int, above: float) -> Factors:
        none = tuple(Q.new_zeros(1, 0, *shape) for shape in self.reduction.mapping.factor_shapes)
        return self.reduction.lift(self.oracle.ascend(Q, none, count, above))

    def spending(self, effort: Effort) -> "Lifted":
        return Lifted(self.reduction, self.oracle.spending(effort))

    def within(self, clock: Clock) -> "Lifted":
        return Lifted(self.reduction, self.oracle.within(clock))

    def resuming(self, unfinished: Unfinished) -> "Lifted":
        return Lifted(self.reduction, self.oracle.resuming(unfinished))


@final
@dataclass(frozen=True)
class Divided(Oracle):
    """The polar of cθ, c = ``constant``, from that of θ: Ω°/c, with atoms scaled by c^{−1/p}, p the ``degree``."""

    constant: float
    degree: int
    oracle: Oracle

    def __call__(self, Q: Tensor) -> PolarBound:
        bound, eps = self.oracle(Q), torch.finfo(Q.dtype).eps
        upper = bound.upper / self.constant * (1 + 4 * eps)  # a division, a product, and c a rounded sum
        return PolarBound(bound.lower / self.constant, upper, self._scaled(bound.atom))

    def atoms(self, Q: Tensor, count: int, above: float) -> Factors:
        return self._scaled(self.oracle.atoms(Q, count, above * self.constant))

    def ascend(self, Q: Tensor, W: Factors, count: int, above: float) -> Factors:
        return self._scaled(self.oracle.ascend(Q, W, count, above * self.constant))

    def spending(self, effort: Effort) -> "Divided":
        return Divided(self.constant, self.degree, self.oracle.spending(effort.scaled(self.constant)))

    def within(self, clock: Clock) -> "Divided":
        return Divided(self.constant, self.degree, self.oracle.within(clock))

    def resuming(self, unfinished: Unfinished) -> "Divided":
        return Divided(self.constant, self.degree, self.oracle.resuming(unfinished))

    def _scaled(self, W: Factors) -> Factors:
        return scale(W, torch.full_like(W[0].flatten(2)[:, :, 0], self.constant ** (-1 / self.degree)))
