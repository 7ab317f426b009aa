"""Proofs for the exact checkers are looked for in units of their data: squares of tiny numbers vanish in float64."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .arrays import real
from .settings import number

Array = npt.NDArray[np.float64]

MOST = 4.0
"""Times N d: qᵀ(Su)₊ is at most N √d here, and what proves that it is at most this proves every larger λ."""

FAR = 900
"""Powers of two: in the caller's units multipliers must keep their digits, and float64 ends at 2^±1022."""

STUCK = (
    "no proof: where nothing is left to be cut the bound exceeds λ: pass a larger λ, or shrink the dual point a little."
)
"""Said where float64 ends before the proof: λ is below the maximum, or within rounding of it."""


@dataclass(frozen=True)
class ProofUnits:
    """S = 2^rows S' and q = 2^weights q', with largest entries about 1; λ = 2^(rows + weights) λ'. All exact."""

    rows: int
    weights: int

    @classmethod
    def taken_out(cls, S: object, q: object, lam: object) -> "tuple[ProofUnits, Array, Array, float]":
        """The units of S ``(N, d)`` and q ``(N,)``, then S', q' and λ', at most MOST; errors name what is odd."""
        S, lam = real("S", S, ("N", "d")), number("lam", lam, finite=True)
        q = np.where(S.any(1), real("q", q, (len(S),)), 0.0)  # at a row that is zero it may hide all that counts
        rows, weights = (int(np.frexp(np.abs(x).max())[1]) for x in (S, q))
        if abs(rows) + abs(weights) > FAR:
            raise ValueError(
                "S and q are too far from 1 for a proof in float64: multiply S, q or both by a constant, and λ."
            )
        with np.errstate(under="ignore"):  # what vanishes here vanishes beside the largest entry
            S, q = np.ldexp(S, -rows), np.ldexp(q, -weights)
        most = MOST * S.size
        near = -rows - weights + math.frexp(lam)[1] <= math.frexp(most)[1]
        return cls(rows, weights), S, q, min(math.ldexp(lam, -rows - weights), most) if near else most

    def outside(self, nodes: list[dict[str, Any]], units: dict[str, int]) -> list[dict[str, Any]]:
        """The nodes of a tree with the multipliers named in ``units`` times such a power of two."""
        return [
            {name: x if (e := units.get(name, 0)) == 0 else np.ldexp(x, e).tolist() for name, x in node.items()}
            for node in nodes
        ]
