"""A training problem and samples that it does not see: what a network says of those."""

from dataclasses import dataclass

from torch import Tensor

from global_optimality.factors import Factors
from global_optimality.problem import Problem


@dataclass(frozen=True, eq=False)
class HeldOut:
    """A training problem; inputs ``(M, …)`` held out, with their labels: classes ``(M,)``, or signs ±1 ``(M, 1)``."""

    problem: Problem
    inputs: Tensor
    labels: Tensor

    def accuracy(self, W: Factors) -> Tensor:
        """Share of the held-out samples told right, ``(n,)``: by the sign of one output or the largest of several."""
        outputs = self.problem.predict(W, self.inputs)
        if outputs.shape[2] == 1:
            return ((outputs > 0) == (self.labels > 0)).double().mean((1, 2))
        return (outputs.argmax(2) == self.labels).double().mean(1)
