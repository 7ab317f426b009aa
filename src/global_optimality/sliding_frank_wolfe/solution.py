"""What ``solve`` returns: weights, their certificate, the rounds, and a torch module."""

from dataclasses import dataclass
from typing import NamedTuple

from torch import Tensor, nn

from ..certificate import Certificate
from ..export import to_torch
from ..factors import Factors
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

    @property
    def relative_gap(self) -> float:
        """(objective − lower bound) / |objective|; 0 where both vanish."""
        gap = self.objective - self.lower_bound
        return gap / abs(self.objective) if gap else 0.0


@dataclass(frozen=True, eq=False)
class Solution:
    """A network of one run, ``weights`` ``(1, r, *D_k)``, and the certificate recomputed from exactly these weights."""

    problem: Problem
    weights: Factors
    certificate: Certificate
    history: tuple[Round, ...]
    status: Status

    def __str__(self) -> str:
        units = f"{self.size} subnetwork{'s' if self.size > 1 else ''}"
        return (
            f"{self.status.name}: objective {self.objective:.10g} with {units}, no network of any size has less than "
            f"{float(self.certificate.lower_bound[0]):.10g} (relative gap {self.relative_gap:.1e}). {self.status.value}"
        )

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
        return self.problem.output_bias(*self.weights)[0]

    def predict(self, inputs: Tensor) -> Tensor:
        """Outputs ``(M, c)`` for other inputs, output bias included. ``TypeError`` for a mapping without inputs."""
        return self.problem.predict(self.weights, inputs)[0]

    def to_torch(self, *, hidden_bias: bool | None = None) -> nn.Sequential:
        """The network as a module of the usual layers, ``Sequential(Linear, ReLU, Linear)`` for a ``ReluUnit``.

        Options and errors are those of ``export.to_torch``.
        """
        return to_torch(self.problem, self.weights, hidden_bias=hidden_bias)
