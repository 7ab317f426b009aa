"""What ``solve`` returns: weights, their certificate, the rounds, and a torch module."""

from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ..certificate import Certificate
from ..factors import Factors
from ..mappings import ReluUnit
from ..problem import Problem
from ..status import Status


class Round(NamedTuple):
    """One call of the polar: objective, the bound proved then, units, Ω°(−∇ℓ)/λ, seconds since the start.

    ``best_bound`` is the largest bound of all rounds so far: the bounds are not monotone, and each holds for every
    network.
    """

    objective: float
    lower_bound: float
    best_bound: float
    size: int
    polar: float
    seconds: float


@dataclass(frozen=True, eq=False)
class Solution:
    """A network of one run, ``weights`` ``(1, r, *D_k)``, and the certificate recomputed from exactly these weights."""

    problem: Problem
    weights: Factors
    certificate: Certificate
    history: tuple[Round, ...]
    status: Status

    @property
    def objective(self) -> float:
        return float(self.certificate.objective[0])

    @property
    def relative_gap(self) -> float:
        return float(self.certificate.relative_gap[0])

    @property
    def size(self) -> int:
        """r, the number of subnetworks; the zero network counts one zero subnetwork."""
        return self.weights[0].shape[1]

    def output_bias(self) -> Tensor:
        """The bias b ``(outputs,)`` minimised inside the loss; zeros where the loss has none."""
        with torch.no_grad():
            return self.problem.loss.bias(self.problem.mapping.Phi(*self.weights))[0]

    def predict(self, S: Tensor) -> Tensor:
        """Outputs ``(M, c)`` for rows S ``(M, d)``, output bias included. ``TypeError`` unless φ is a ``ReluUnit``."""
        mapping = self._mapping()
        with torch.no_grad():
            return replace(mapping, S=S).Phi(*self.weights)[0] + self.output_bias()

    def to_torch(self, *, hidden_bias: bool | None = None) -> nn.Sequential:
        """``Sequential(Linear, ReLU, Linear)`` in float64. A last column of ones in S becomes the hidden bias.

        The module then takes inputs without that column; ``hidden_bias`` overrules the guess that such a column is one.
        ``TypeError`` unless φ is a ``ReluUnit``, ``ValueError`` for a hidden bias without a column of ones.
        """
        S = self._mapping().S
        U, V = (w[0] for w in self.weights)
        ones = S.shape[1] > 1 and bool((S[:, -1] == 1).all())
        biased = ones if hidden_bias is None else hidden_bias
        if biased and not ones:
            raise ValueError("the last column of S is not all ones: it cannot become a hidden bias.")
        inputs = S.shape[1] - biased
        hidden = nn.Linear(inputs, len(U), bias=biased, dtype=U.dtype, device=U.device)
        outer = nn.Linear(len(U), V.shape[1], bias=self.problem.loss.has_bias, dtype=U.dtype, device=U.device)
        with torch.no_grad():
            hidden.weight.copy_(U[:, :inputs])
            if biased:
                hidden.bias.copy_(U[:, -1])
            outer.weight.copy_(V.T)
            if self.problem.loss.has_bias:
                outer.bias.copy_(self.output_bias())
        return nn.Sequential(hidden, nn.ReLU(), outer)

    def _mapping(self) -> ReluUnit:
        mapping = self.problem.mapping
        if not isinstance(mapping, ReluUnit):
            raise TypeError(f"{type(mapping).__name__} takes no inputs: predict and to_torch serve ReluUnit problems.")
        return mapping
