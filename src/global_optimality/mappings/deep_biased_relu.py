"""Fully connected subnetworks with a bias in every hidden layer, homogeneous if a bias of layer k scales by α^k."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import final

from torch import Tensor

from ..factors import Factors, whole_numbers
from .chains import chain_pullback, chain_shapes, check_inputs, hidden_columns, inner_columns
from .inputs import FullyConnected


@final
@dataclass(frozen=True, eq=False)
class DeepBiasedRelu(FullyConnected):
    """φ = ((…((S w¹)₊ w² + b²)₊ …)w^{K−1} + b^{K−1})₊ wᴷ, degree K where b^k counts k-fold (theory page, "Biases").

    S ``(N, d)``; a column of ones in it is the bias of layer 1. ``widths = (m₁, …, m_{K−1}, c)``; factors w¹ is
    ``(d, m₁)``, w^k ``(m_{k−1}, m_k)`` and b^k ``(m_k)`` for 1 < k < K, wᴷ ``(m_{K−1}, c)``. ``ValueError`` for K = 1.
    """

    S: Tensor
    widths: tuple[int, ...]

    def __post_init__(self) -> None:
        check_inputs(self.S)
        object.__setattr__(self, "widths", whole_numbers("DeepBiasedRelu: widths", self.widths))
        chain_shapes(self.S.shape[1], self.widths, "DeepBiasedRelu")

    @property
    def factor_shapes(self) -> tuple[tuple[int, ...], ...]:
        first, *inner, last = (*chain_shapes(self.S.shape[1], self.widths, "DeepBiasedRelu"),)
        return (first, *(shape for a, m in inner for shape in ((a, m), (m,))), last)

    @property
    def exponents(self) -> tuple[int, ...]:
        return (1, *(kappa for k in range(2, self.degree) for kappa in (1, k)), 1)

    def on(self, inputs: Tensor) -> "DeepBiasedRelu":
        return replace(self, S=inputs)

    def phi(self, *W: Tensor) -> Tensor:
        h = (self.S @ W[0]).relu()
        for w, b in zip(W[1:-1:2], W[2:-1:2], strict=True):
            h = (h @ w + b[..., None, :]).relu()
        return h @ W[-1]

    def pullback(self, *W: Tensor) -> tuple[Tensor, Callable[[Tensor], Factors]]:
        layers, biases = _apart(W)
        return chain_pullback(self.S, layers, 0.0, biases)

    def inner(self, Q: Tensor, *W: Tensor) -> Tensor:
        layers, biases = _apart(W)
        return inner_columns(Q, hidden_columns(self.S, layers[:-1], 0.0, biases), layers[-1])


def _apart(W: Factors) -> tuple[Factors, Factors]:
    """(w¹, …, wᴷ) and (b², …, b^{K−1})."""
    return (W[0], *W[1:-1:2], W[-1]), W[2:-1:2]
