"""φ(w¹, …, wᴷ) = (…((S w¹)₊ w²)₊ …)₊ wᴷ: one fully connected subnetwork of Figure 3, right (section 5)."""

from dataclasses import dataclass
from typing import final

from torch import Tensor

from ..factors import whole_numbers
from .base import Mapping
from .chains import add_columns, chain_shapes, check_inputs, check_slope, hidden_columns, in_blocks, inner_columns, relu


@final
@dataclass(frozen=True, eq=False)
class DeepRelu(Mapping):
    """K weight layers, a (leaky) ReLU after each but the last; degree K. S ``(N, d)``, output ``(n, N, c)``.

    ``widths = (m₁, …, m_{K−1}, c)``; factors ``(n, r, d, m₁)``, ``(n, r, m₁, m₂)``, …. No biases: append a column of
    ones to S for one in the first layer. ``ValueError`` for K = 1, widths below 1, a slope outside [0, 1), bad S.
    """

    S: Tensor
    widths: tuple[int, ...]
    slope: float = 0.0

    def __post_init__(self) -> None:
        check_inputs(self.S)
        object.__setattr__(self, "widths", whole_numbers("DeepRelu: widths", self.widths))
        chain_shapes(self.S.shape[1], self.widths, "DeepRelu")
        check_slope(self.slope)

    @property
    def degree(self) -> int:
        return len(self.widths)

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self.S), self.widths[-1])

    @property
    def factor_shapes(self) -> tuple[tuple[int, ...], ...]:
        return chain_shapes(self.S.shape[1], self.widths, "DeepRelu")

    @property
    def data(self) -> Tensor:
        return self.S

    def phi(self, *W: Tensor) -> Tensor:
        X = self.S
        for w in W[:-1]:
            X = relu(X @ w, self.slope)
        return X @ W[-1]

    def Phi(self, *W: Tensor) -> Tensor:
        numbers = max(self.widths[:-1]) * len(self.S)
        return in_blocks(lambda *V: add_columns(hidden_columns(self.S, V[:-1], self.slope), V[-1]), W, numbers)

    def inner(self, Q: Tensor, *W: Tensor) -> Tensor:
        return inner_columns(Q, hidden_columns(self.S, W[:-1], self.slope), W[-1])
