"""φ(w¹, …, wᴷ) = (…((S w¹)₊ w²)₊ …)₊ wᴷ: one fully connected subnetwork of Figure 3, right (section 5)."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import final

from torch import Tensor

from ..factors import Factors, whole_numbers
from .base import Mapping, Reduction
from .chains import (
    add_columns,
    chain_pullback,
    chain_shapes,
    check_inputs,
    check_slope,
    hidden_columns,
    in_blocks,
    inner_columns,
    relu,
)
from .inputs import FullyConnected
from .relu_unit import ReluUnit


@final
@dataclass(frozen=True, eq=False)
class DeepRelu(FullyConnected):
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
    def factor_shapes(self) -> tuple[tuple[int, ...], ...]:
        return chain_shapes(self.S.shape[1], self.widths, "DeepRelu")

    @property
    def effective_widths(self) -> tuple[int, ...]:
        """Widths of hidden layers that suffice for unit Euclidean norms: (m₁, …, 1), to the first 1 if slope = 0.

        Last hidden layer: ‖Qᵀh‖² = Σ_j ‖Qᵀh_j‖², each term of degree 2 in unit j's weights, whose squares add up to 1:
        the best unit alone is as good. A layer of one ReLU unit z ≥ 0: relu(z wᵀ) = z (w)₊ᵀ, so all later layers
        together multiply z by a row of at most the product of their norms, which a chain of ones attains.
        """
        widths = (*self.widths[:-2], 1)
        return widths[: widths.index(1) + 1] if self.slope == 0 else widths

    @property
    def reduction(self) -> Reduction | None:
        """``ReluUnit`` where one hidden unit suffices and its slope is 0 (see ``effective_widths``)."""
        if self.slope > 0 or self.effective_widths != (1,):
            return None
        return Reduction(ReluUnit(self.S, self.widths[-1]), lambda W: self.embed((W[0][..., None],), W[1][:, :, None]))

    def embed(self, layers: tuple[Tensor, ...], last: Tensor) -> Factors:
        """Narrow layers ``(n, r, a, b)`` in the corners of full ones; then a chain of ones up to ``last``, a row."""
        n, r = last.shape[:2]
        factors = [last.new_zeros(n, r, *shape) for shape in self.factor_shapes]
        for k, w in enumerate(factors[:-1]):
            if k < len(layers):
                w[:, :, : layers[k].shape[2], : layers[k].shape[3]] = layers[k]
            else:
                w[:, :, 0, 0] = 1
        factors[-1][:, :, :1] = last
        return tuple(factors)

    @property
    def by_sample(self) -> bool:
        return True

    def in_units(self, unit: float) -> Mapping:
        return replace(self, S=self.S / unit)

    def on(self, inputs: Tensor) -> "DeepRelu":
        return replace(self, S=inputs)

    def phi(self, *W: Tensor) -> Tensor:
        X = self.S
        for w in W[:-1]:
            X = relu(X @ w, self.slope)
        return X @ W[-1]

    def Phi(self, *W: Tensor) -> Tensor:
        numbers = max(self.widths[:-1]) * len(self.S)
        return in_blocks(lambda *V: add_columns(hidden_columns(self.S, V[:-1], self.slope), V[-1]), W, numbers)

    def pullback(self, *W: Tensor) -> tuple[Tensor, Callable[[Tensor], Factors]]:
        return chain_pullback(self.S, W, self.slope)

    def inner(self, Q: Tensor, *W: Tensor) -> Tensor:
        return inner_columns(Q, hidden_columns(self.S, W[:-1], self.slope), W[-1])
