"""Pairs (φ, θ) with finitely many rays, and the one of them that shows the bound of Theorem 2 to be sharp."""

from dataclasses import dataclass
from typing import ClassVar, final

import torch
from torch import Tensor

from global_optimality.factors import Factors
from global_optimality.losses import SquaredLoss
from global_optimality.mappings.base import Mapping
from global_optimality.polar import PolarBound
from global_optimality.problem import Problem
from global_optimality.regularizers.base import Regularizer


@final
@dataclass(frozen=True, eq=False)
class Rays(Mapping):
    """φ(w) = Σ_j w_j a_j, degree 1; A ``(card, m)`` holds the rays a_j as columns, factors ``(n, r, m)``."""

    degree: ClassVar[int] = 1

    A: Tensor

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.A.shape[0],)

    @property
    def factor_shapes(self) -> tuple[tuple[int, ...], ...]:
        return ((self.A.shape[1],),)

    @property
    def data(self) -> Tensor:
        return self.A

    def phi(self, *W: Tensor) -> Tensor:
        return W[0] @ self.A.mT


@final
@dataclass(frozen=True)
class OneRay(Regularizer):
    """θ(w) = Σ_j w_j on the cone {w ≥ 0, at most one w_j ≠ 0}, +∞ outside: a unit is a length on one ray."""

    degree: ClassVar[int] = 1

    @property
    def constrained(self) -> bool:
        return True

    def theta(self, *W: Tensor) -> Tensor:
        (w,) = W
        outside = (w < 0).any(2) | ((w != 0).sum(2) > 1)
        return w.sum(2).masked_fill(outside, torch.inf)

    def project(self, *W: Tensor) -> Factors:
        (w,) = W
        best = w.argmax(2, keepdim=True)
        return (torch.zeros_like(w).scatter(2, best, w.gather(2, best).clamp(min=0)),)


@final
@dataclass(frozen=True, eq=False)
class RaysPolar:
    """Ω°(Q) = max(0, max_j ⟨Q, a_j⟩), attained at unit length on the best ray; its upper end has room for rounding."""

    A: Tensor

    def __call__(self, Q: Tensor) -> PolarBound:
        value, best = (Q @ self.A).max(1)
        lower = value.clamp(min=0)
        rounding = (len(self.A) + 2) * torch.finfo(Q.dtype).eps * (Q.abs() @ self.A.abs()).amax(1)
        atom = torch.nn.functional.one_hot(best, self.A.shape[1]).to(Q) * (value > 0).to(Q)[:, None]
        return PolarBound(lower, lower + rounding, (atom[:, None],))


def problem(A: Tensor, Y: Tensor, lam: float) -> Problem:
    """½‖Y − Σ_i φ(w_i)‖² + λ Σ_i θ(w_i) for the rays A ``(card, m)`` and the target Y ``(card,)``."""
    return Problem(SquaredLoss(Y), Rays(A), OneRay(), lam)


def network(A: Tensor, lengths: list[tuple[int, float]]) -> Factors:
    """One run whose i-th unit has the given (ray, length)."""
    w = A.new_zeros(1, len(lengths), A.shape[1])
    for i, (ray, length) in enumerate(lengths):
        w[0, i, ray] = length
    return (w,)


@dataclass(frozen=True, eq=False)
class Sharp:
    """The example that makes r > card(X) sharp: the axes and one diagonal ray, Y = (2, …, 2), λ = 1.

    ``trap`` has card(X) units, one on every axis; ``split`` gives the same output with the first of them halved.
    ``levels`` are, by the proof on the theory page, f at the trap, F*, and the least rise on any path out of the trap.
    """

    card: int = 2
    diagonal: float = 0.8

    def __post_init__(self) -> None:
        if self.card < 1 or self.card * self.diagonal <= 1:
            raise ValueError(f"card = {self.card}, diagonal = {self.diagonal}: their product must exceed 1.")

    @property
    def A(self) -> Tensor:
        axes = torch.eye(self.card, dtype=torch.float64)
        return torch.cat([axes, self.diagonal * torch.ones(self.card, 1, dtype=torch.float64)], dim=1)

    @property
    def Y(self) -> Tensor:
        return torch.full((self.card,), 2.0, dtype=torch.float64)

    @property
    def problem(self) -> Problem:
        return problem(self.A, self.Y, 1.0)

    @property
    def trap(self) -> Factors:
        return network(self.A, [(j, 1.0) for j in range(self.card)])

    @property
    def split(self) -> Factors:
        return network(self.A, [(0, 0.5), (0, 0.5), *((j, 1.0) for j in range(1, self.card))])

    @property
    def optimum(self) -> Factors:
        s, D = self.diagonal, self.card
        return network(self.A, [(D, (2 - 1 / (s * D)) / s)])

    @property
    def levels(self) -> tuple[float, float, float]:
        s, D = self.diagonal, self.card
        return 1.5 * D, 2 / s - 1 / (2 * D * s**2), 0.5
