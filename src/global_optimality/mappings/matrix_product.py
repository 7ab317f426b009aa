"""φ(u, v) = u vᵀ: matrix factorization (section 3)."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar, final

import torch
from torch import Tensor

from ..factors import Factors
from ..settings import whole
from .base import Gates, Mapping

MOST_ROWS = 512


@final
@dataclass(frozen=True)
class MatrixProduct(Mapping):
    """φ(u, v) = u vᵀ of degree 2; factors ``(n, r, rows)`` and ``(n, r, columns)``, output ``(n, rows, columns)``."""

    degree: ClassVar[int] = 2

    rows: int
    columns: int

    def __post_init__(self) -> None:
        whole("MatrixProduct: rows", self.rows, 1)
        whole("MatrixProduct: columns", self.columns, 1)

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.rows, self.columns)

    @property
    def factor_shapes(self) -> tuple[tuple[int, ...], ...]:
        return ((self.rows,), (self.columns,))

    @property
    def gates(self) -> Gates | None:
        """As gated rows; None where the identity alone would be longer than what a solver gains by it."""
        if self.rows > MOST_ROWS:
            return None
        return _open_gates(self.rows)

    def phi(self, *W: Tensor) -> Tensor:
        U, V = W
        return U[..., :, None] * V[..., None, :]

    def Phi(self, *W: Tensor) -> Tensor:
        U, V = W
        return U.mT @ V

    def pullback(self, *W: Tensor) -> tuple[Tensor, Callable[[Tensor], Factors]]:
        U, V = W
        return U.mT @ V, lambda G: (V @ G.mT, U @ G)

    def inner(self, Q: Tensor, *W: Tensor) -> Tensor:
        U, V = W
        return torch.linalg.vecdot(U @ Q, V)


@lru_cache(maxsize=16)
def _open_gates(rows: int) -> Gates:
    return Gates(torch.eye(rows, dtype=torch.float64, device="cpu"), kinked=False)
