"""Proofs for the exact checkers are looked for in units of their data: squares of tiny numbers vanish in float64."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class ProofUnits:
    """S = 2^rows S' and q = 2^weights q', with largest entries about 1; λ = 2^(rows + weights) λ'. All exact."""

    rows: int
    weights: int

    @classmethod
    def of(cls, S: Array, q: Array) -> "ProofUnits":
        return cls(*(int(np.frexp(np.abs(x).max())[1]) for x in (S, q)))

    def inside(self, S: Array, q: Array, lam: float) -> tuple[Array, Array, float]:
        """S', q' and λ'."""
        return np.ldexp(S, -self.rows), np.ldexp(q, -self.weights), math.ldexp(lam, -self.rows - self.weights)

    def outside(self, nodes: list[dict[str, Any]], units: dict[str, int]) -> list[dict[str, Any]]:
        """The nodes of a tree with the multipliers named in ``units`` times such a power of two."""
        return [
            {name: x if (e := units.get(name, 0)) == 0 else np.ldexp(x, e).tolist() for name, x in node.items()}
            for node in nodes
        ]
