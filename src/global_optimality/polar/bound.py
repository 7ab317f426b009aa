"""Ω°(Q) = sup ⟨Q, φ(w)⟩ over θ(w) ≤ 1, enclosed: the one oracle that certifies, and that shows the way down."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from ..factors import Factors
from ..mappings import Mapping
from ..problem import Problem
from ..regularizers import Regularizer


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


Builder = Callable[[Mapping, Regularizer], Polar]

_BUILDERS: dict[tuple[type, type], Builder] = {}


def register(mapping: type, regularizer: type) -> Callable[[Builder], Builder]:
    """Declare how to build the polar of a pair (φ, θ) of these types."""

    def enter(builder: Builder) -> Builder:
        _BUILDERS[mapping, regularizer] = builder
        return builder

    return enter


def polar_of(problem: Problem) -> Polar:
    """The polar of the problem's pair (φ, θ): Q ``(n, *D)`` → ``PolarBound`` (MATH.md, section 1).

    ``LookupError`` when no polar is known for the pair; ``ValueError`` for a mismatched problem or a Q with NaN.
    """
    problem.check_balanced()
    pair = type(problem.mapping), type(problem.regularizer)
    if pair not in _BUILDERS:
        raise LookupError(
            f"no polar is known for ({pair[0].__name__}, {pair[1].__name__}): pass certify(..., polar=...) a function "
            "Q -> PolarBound of your own."
        )
    oracle = _BUILDERS[pair](problem.mapping, problem.regularizer)
    return _Checked(problem.mapping.shape, oracle)


@final
@dataclass(frozen=True)
class _Checked(Oracle):
    """A registered polar behind a check of its argument."""

    shape: tuple[int, ...]
    oracle: Polar

    def __call__(self, Q: Tensor) -> PolarBound:
        self._check(Q)
        with torch.no_grad():
            return self.oracle(Q)

    def atoms(self, Q: Tensor, count: int, above: float) -> Factors:
        self._check(Q)
        with torch.no_grad():
            if isinstance(self.oracle, Oracle):
                return self.oracle.atoms(Q, count, above)
            return self.oracle(Q).atom

    def ascend(self, Q: Tensor, W: Factors, count: int, above: float) -> Factors:
        self._check(Q)
        with torch.no_grad():
            if isinstance(self.oracle, Oracle):
                return self.oracle.ascend(Q, W, count, above)
            return self.oracle(Q).atom

    def _check(self, Q: Tensor) -> None:
        if tuple(Q.shape[1:]) != self.shape:
            raise ValueError(f"Q has shape {tuple(Q.shape)}, expected (n, {', '.join(map(str, self.shape))}).")
        if not torch.isfinite(Q).all():
            raise ValueError("Q holds NaN or infinity: the weights have diverged, or the data are not finite.")


def lambda_max(problem: Problem) -> float:
    """Ω°(−∇ℓ(0)): at this λ and above, the zero network is optimal (upper end if the polar is an enclosure)."""
    zero = torch.zeros(1, *problem.mapping.shape, dtype=problem.loss.Y.dtype, device=problem.loss.Y.device)
    return float(polar_of(problem)(-problem.loss.project(problem.loss.gradient(zero))).upper[0])
