"""φ(w¹, …, wᴷ) = w¹ w² … wᴷ, or S w¹ … wᴷ: parallel deep linear networks, whose Ω is known (section 5)."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import final

from torch import Tensor

from ..factors import Factors, whole_numbers
from .base import Mapping
from .chains import add_columns, chain_pullback, chain_shapes, check_inputs, hidden_columns, inner_columns


@final
@dataclass(frozen=True, eq=False)
class DeepLinear(Mapping):
    """A product of K matrices, degree K; factors ``(n, r, rows, m₁)``, ``(n, r, m₁, m₂)``, …, ``widths = (m₁, …, c)``.

    Output ``(n, rows, c)``, or ``(n, N, c)`` with an input S ``(N, rows)``. With Euclidean norms and no S, Ω is the
    nuclear norm for every K ≥ 2. ``ValueError`` for K = 1, widths below 1, or an S that does not fit.
    """

    rows: int
    widths: tuple[int, ...]
    S: Tensor | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "widths", whole_numbers("DeepLinear: widths", self.widths))
        whole_numbers("DeepLinear: (rows,)", (self.rows,))
        chain_shapes(self.rows, self.widths, "DeepLinear")
        if self.S is not None:
            check_inputs(self.S)
            if self.S.shape[1] != self.rows:
                raise ValueError(
                    f"S has {self.S.shape[1]} columns but the first layer {self.rows} rows: make them equal."
                )

    @property
    def degree(self) -> int:
        return len(self.widths)

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.rows if self.S is None else len(self.S), self.widths[-1])

    @property
    def factor_shapes(self) -> tuple[tuple[int, ...], ...]:
        return chain_shapes(self.rows, self.widths, "DeepLinear")

    @property
    def data(self) -> Tensor | None:
        return self.S

    @property
    def by_sample(self) -> bool:
        return self.S is not None

    def in_units(self, unit: float) -> Mapping | None:
        return None if self.S is None else replace(self, S=self.S / unit)

    def on(self, inputs: Tensor) -> Mapping:
        return super().on(inputs) if self.S is None else replace(self, S=inputs)

    def phi(self, *W: Tensor) -> Tensor:
        X = W[0] if self.S is None else self.S @ W[0]
        for w in W[1:]:
            X = X @ w
        return X

    def Phi(self, *W: Tensor) -> Tensor:
        return add_columns(hidden_columns(self.S, W[:-1], None), W[-1])

    def pullback(self, *W: Tensor) -> tuple[Tensor, Callable[[Tensor], Factors]]:
        return chain_pullback(self.S, W, None)

    def inner(self, Q: Tensor, *W: Tensor) -> Tensor:
        return inner_columns(Q, hidden_columns(self.S, W[:-1], None), W[-1])
