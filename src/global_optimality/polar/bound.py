"""Ω°(Q) = sup ⟨Q, φ(w)⟩ over θ(w) ≤ 1, enclosed: the one oracle that certifies, and that shows the way down."""

from collections.abc import Callable
from dataclasses import dataclass

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
    if not problem.balanced:
        raise ValueError(
            f"φ has degree {problem.mapping.degree} and θ degree {problem.regularizer.degree}: Ω° is 0 or +∞, and no "
            "certificate exists. Take a regularizer of the mapping's degree."
        )
    pair = type(problem.mapping), type(problem.regularizer)
    if pair not in _BUILDERS:
        raise LookupError(
            f"no polar is known for ({pair[0].__name__}, {pair[1].__name__}): pass certify(..., polar=...) a function "
            "Q -> PolarBound of your own."
        )
    oracle = _BUILDERS[pair](problem.mapping, problem.regularizer)

    def polar(Q: Tensor) -> PolarBound:
        if tuple(Q.shape[1:]) != problem.mapping.shape:
            raise ValueError(
                f"Q has shape {tuple(Q.shape)}, expected (n, {', '.join(map(str, problem.mapping.shape))})."
            )
        if not torch.isfinite(Q).all():
            raise ValueError("Q holds NaN or infinity: the weights have diverged, or the data are not finite.")
        with torch.no_grad():
            return oracle(Q)

    return polar


def lambda_max(problem: Problem) -> float:
    """Ω°(−∇ℓ(0)): at this λ and above, the zero network is optimal (upper end if the polar is an enclosure)."""
    zero = torch.zeros(1, *problem.mapping.shape, dtype=problem.loss.Y.dtype, device=problem.loss.Y.device)
    return float(polar_of(problem)(-problem.loss.project(problem.loss.gradient(zero))).upper[0])
