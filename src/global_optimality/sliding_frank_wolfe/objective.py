"""f of one network for numpy arrays: a slide is hundreds of small steps, where PyTorch's calls would be the time."""

from dataclasses import dataclass
from typing import final

import numpy as np
import numpy.typing as npt
import torch

from ..losses import Loss
from ..problem import Problem

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


@final
@dataclass(frozen=True, eq=False)
class Objective:
    """ℓ(Y, X) + λΘ on outputs X ``(N, c)``; the loss is moved to the CPU, whatever device the problem is on."""

    loss: Loss
    lam: float

    @classmethod
    def of(cls, problem: Problem) -> "Objective":
        return cls(problem.to(torch.device("cpu")).loss, problem.lam)

    def __call__(self, X: Array, Theta: float) -> float:
        return float(self.loss(torch.from_numpy(X)[None])) + self.lam * Theta

    def losses(self, X: Array) -> Array:
        """ℓ of several outputs ``(n, N, c)``."""
        return self.loss(torch.from_numpy(X)).numpy()

    def gradient(self, X: Array) -> Array:
        """∇ℓ(X), shaped as X."""
        return self.loss.gradient(torch.from_numpy(X)[None])[0].numpy()

    def loss_and_gradient(self, X: Array) -> tuple[float, Array]:
        value, G = self.loss.value_and_gradient(torch.from_numpy(X)[None])
        return float(value), G[0].numpy()

    def hessian_product(self, X: Array, T: Array) -> Array:
        """∇²ℓ(X) T for several T ``(m, N, c)``."""
        return self.loss.hessian_product(torch.from_numpy(X)[None], torch.from_numpy(T)).numpy()
