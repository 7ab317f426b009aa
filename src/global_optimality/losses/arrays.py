"""A loss for numpy arrays of one run: steps so small that PyTorch's calls would be their time are taken there."""

from dataclasses import dataclass
from functools import cached_property
from typing import final

import numpy as np
import numpy.typing as npt
import torch

from ..effort import look, numbers
from .base import Loss
from .squared import SquaredLoss

Array = npt.NDArray[np.float64]

CHUNK, COPIES = 1 << 22, 8
"""Numbers a temporary array holds at most, and how many such arrays a loss and its derivatives make of one."""

IN_CACHE = 1 << 17
"""Outputs of subnetworks that are at work at a time on a processor: 1 MiB of float64 stay in a core's cache."""


def chunk(most: int = CHUNK) -> int:
    """Numbers, at most so many, that a temporary array of outputs may hold."""
    return numbers(most, COPIES)


@dataclass(frozen=True, eq=False)
class ArrayLoss:
    """ℓ(Y, ·) on one output X, shaped as Y; the loss is on the CPU. ``ArrayLoss.of`` takes the shortest way."""

    loss: Loss

    @staticmethod
    def of(loss: Loss) -> "ArrayLoss":
        plain = isinstance(loss, SquaredLoss) and loss.weights is None and not loss.has_bias
        return Squares(loss) if plain else ArrayLoss(loss)

    def __call__(self, X: Array) -> float:
        return float(self.loss(_run(X)))

    def each(self, X: Array) -> Array:
        """ℓ of several outputs ``(n, *D)``."""
        return self.loss(torch.from_numpy(X)).numpy()

    def gradient(self, X: Array) -> Array:
        return self.loss.gradient(_run(X))[0].numpy()

    def value_and_gradient(self, X: Array) -> tuple[float, Array]:
        value, G = self.loss.value_and_gradient(_run(X))
        return float(value), G[0].numpy()

    def hessian_product(self, X: Array, T: Array) -> Array:
        """∇²ℓ(X) T for several T ``(m, *D)``, some at a time; ``OutOfTimeError`` where the time ends before."""
        step, parts = max(1, chunk() // X.size), []
        for k in range(0, len(T), step):
            look()
            parts.append(self.loss.hessian_product(_run(X), torch.from_numpy(T[k : k + step])).numpy())
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def gram(self, X: Array, A: Array, Z: Array) -> Array:
        """⟨a_i z_iᵀ, ∇²ℓ(X) a_k z_kᵀ⟩ ``(m, m)`` for A ``(m, N)``, Z ``(m, c)``, about ``chunk`` numbers at a time;
        ``OutOfTimeError`` where the time ends before.
        """
        m, (N, c) = len(A), X.shape
        if c == 1:
            J = A * Z
            return J @ self.hessian_product(X, J[:, :, None])[:, :, 0].T
        H = np.empty((m, m))
        step = max(1, chunk() // (c * max(N, m)))
        for k in range(0, m, step):
            rows = slice(k, k + step)
            J = self.hessian_product(X, A[rows, :, None] * Z[rows, None])
            H[rows] = ((A @ J.transpose(1, 0, 2).reshape(N, -1)).reshape(m, -1, c) * Z[:, None]).sum(2).T
        return H

    def line_minimum(self, X: Array, D: Array, slope: float) -> float:
        """argmin over α ≥ 0 of ℓ(X + αD) + slope·α; +∞ where it falls for ever."""
        alpha = float(self.loss.line_minimum(_run(X), _run(D), slope))
        return alpha if alpha == alpha else float("inf")


@final
@dataclass(frozen=True, eq=False)
class Squares(ArrayLoss):
    """½‖Y − X‖² without weights or bias, in numpy throughout: nothing there is longer than a call."""

    @cached_property
    def Y(self) -> Array:
        return self.loss.Y.numpy()

    def __call__(self, X: Array) -> float:
        R = X - self.Y
        return 0.5 * float(np.vdot(R, R))

    def each(self, X: Array) -> Array:
        R = (X - self.Y).reshape(len(X), -1)
        return 0.5 * np.vecdot(R, R)

    def gradient(self, X: Array) -> Array:
        return X - self.Y

    def value_and_gradient(self, X: Array) -> tuple[float, Array]:
        R = X - self.Y
        return 0.5 * float(np.vdot(R, R)), R

    def hessian_product(self, X: Array, T: Array) -> Array:
        return T

    def gram(self, X: Array, A: Array, Z: Array) -> Array:
        return (A @ A.T) * (Z @ Z.T)

    def line_minimum(self, X: Array, D: Array, slope: float) -> float:
        square = float(np.vdot(D, D))
        return max(-(float(np.vdot(D, X - self.Y)) + slope) / square, 0.0) if square > 0 else 0.0


def _run(X: Array) -> torch.Tensor:
    return torch.from_numpy(X)[None]
