"""f of one network, for numpy arrays."""

from dataclasses import dataclass
from typing import final

import numpy as np
import numpy.typing as npt

from ..losses.arrays import Array, ArrayLoss
from ..problem import Problem

__all__ = ["Array", "Mask", "OutputObjective"]

Mask = npt.NDArray[np.bool_]


@final
@dataclass(frozen=True, eq=False)
class OutputObjective:
    """ℓ(Y, X) + λΘ on outputs X ``(N, c)``, on the CPU whatever device the problem is on.

    Θ = Σ‖u‖‖v‖ of balanced units; a constant before it, as in 2‖u‖‖v‖, is part of λ here.
    """

    loss: ArrayLoss
    lam: float

    @classmethod
    def of(cls, problem: Problem) -> "OutputObjective":
        form = problem.regularizer.product(problem.mapping.factor_shapes)
        return cls(problem.array_loss, problem.lam * (1.0 if form is None else form.constant))

    def __call__(self, X: Array, Theta: float) -> float:
        return self.loss(X) + self.lam * Theta
