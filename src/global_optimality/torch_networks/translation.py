"""A torch network's parameters as factors of a problem of this package, and back."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..factors import Factors
from ..mappings import BiasedReluUnit, ReluUnit
from ..problem import Problem
from ..regularizers import OnLayers, SumOfSquares
from ..sliding_frank_wolfe import Solution
from .losses import Scaled
from .modules import Decay

NEGLIGIBLE = 1e-13
"""Of the objective: what a constant costs that a hidden unit without incoming weights makes in place of a free bias."""


@dataclass(frozen=True)
class Translation:
    """The change of scale that makes all priced parameters of a hidden unit cost the same.

    With decays a of the incoming and c of the outgoing weights, λ = √(ac) prices the incoming ones times (a/c)^¼ and
    the outgoing ones divided by it. A hidden bias of decay m weighs a column √(a/m) of the data; without decay it is
    the free one of ``BiasedReluUnit``, whose constants are left to a free output bias of the loss.
    """

    decay: Decay

    @property
    def free(self) -> bool:
        """Whether there is a hidden bias without decay."""
        return self.decay.hidden_bias == 0

    @property
    def ratio(self) -> float:
        return (self.decay.hidden / self.decay.outer) ** 0.25

    @property
    def column(self) -> float:
        """What a decayed hidden bias weighs."""
        assert self.decay.hidden_bias
        return (self.decay.hidden / self.decay.hidden_bias) ** 0.5

    def problem(self, scaled: Scaled, data: Tensor, outputs: int) -> Problem:
        """J / scale as f_r for data ``(N, d)``."""
        lam = (self.decay.hidden * self.decay.outer) ** 0.5 / scaled.scale
        if not 0 < lam < math.inf:
            raise ValueError(
                f"weight_decay {self.decay.hidden:g} is too small or large for float64: take one nearer to the loss."
            )
        if self.free:
            return Problem(scaled.loss, BiasedReluUnit(data, outputs), OnLayers(SumOfSquares(), (0, 2)), lam)
        if self.decay.hidden_bias is not None:
            data = torch.cat([data, torch.full_like(data[:, :1], self.column)], 1)
        return Problem(scaled.loss, ReluUnit(data, outputs), SumOfSquares(), lam)

    def factors(self, problem: Problem, hidden: nn.Linear, outer: nn.Linear) -> Factors:
        """One run of factors of the problem."""
        U, V = hidden.weight.detach() * self.ratio, outer.weight.detach().mT / self.ratio
        if hidden.bias is None:
            return U[None], V[None].contiguous()
        b = hidden.bias.detach()[:, None] * self.ratio
        mapping = problem.mapping
        if isinstance(mapping, BiasedReluUnit):
            return U[None], ((b + U @ mapping.centre[:, None]) / mapping.reach)[None], V[None].contiguous()
        return torch.cat([U, b / self.column], 1)[None], V[None].contiguous()

    def module(self, solution: Solution) -> nn.Sequential:
        """The network of the solution as a float64 module of the user's form.

        Where an output bias is missing or has a price beside a free hidden bias, a hidden unit without incoming weights
        makes its constant, at a price of at most NEGLIGIBLE.
        """
        mapping, decay = solution.problem.mapping, self.decay
        U, *_, V = (w[0] for w in solution.weights)
        U, V, bias, constant = U / self.ratio, V * self.ratio, None, solution.output_bias()
        if isinstance(mapping, BiasedReluUnit):
            biases, constants = mapping.folded(*solution.weights)
            bias, constant = biases[0] / self.ratio, constant + constants[0]
            if decay.output_bias != 0:
                size = float(constant.norm())
                height = max(1.0, size) * (0.5 * decay.outer / (NEGLIGIBLE * max(solution.objective, 1e-300))) ** 0.5
                U, V = torch.cat([U, 0 * U[:1]]), torch.cat([V, constant[None] / height])
                bias, constant = torch.cat([bias, constant.new_tensor([height])]), 0 * constant
        elif decay.hidden_bias is not None:
            U, bias = U[:, :-1], U[:, -1] * self.column
        return _sequential(U, bias, V, None if decay.output_bias is None else constant)


def _sequential(U: Tensor, bias: Tensor | None, V: Tensor, constant: Tensor | None) -> nn.Sequential:
    r, d = U.shape
    hidden = nn.Linear(d, r, bias=bias is not None, dtype=U.dtype, device=U.device)
    outer = nn.Linear(r, V.shape[1], bias=constant is not None, dtype=U.dtype, device=U.device)
    with torch.no_grad():
        hidden.weight.copy_(U)
        outer.weight.copy_(V.T)
        if bias is not None:
            hidden.bias.copy_(bias)
        if constant is not None:
            outer.bias.copy_(constant)
    return nn.Sequential(hidden, nn.ReLU(), outer)
