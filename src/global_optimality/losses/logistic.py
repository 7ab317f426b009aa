"""The logistic loss for two classes, ±1."""

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from .base import BISECTIONS
from .samples import SampleLoss, drawn_inside

HAIR = 8.0
"""A dual variable outside its interval by at most HAIR · eps is rounding, and counts as on the end."""


FAR = 800.0
"""exp(−FAR) is below every positive float64."""


@final
@dataclass(frozen=True, eq=False)
class LogisticLoss(SampleLoss):
    """Σ log(1 + e^{−yx}) for Y ``(N, c)`` of entries ±1, c labels a sample; weights and output bias as ``SampleLoss``.

    Conjugate, with a = −gy ∈ [0, 1]: Σ a log a + (1 − a) log(1 − a), else +∞. ``ValueError`` on other labels, and for a
    free output bias when a column of Y holds one class only (the bias then runs to infinity).
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.Y.dim() != 2:
            raise ValueError(
                f"Y has shape {tuple(self.Y.shape)}, expected (N, c): a single label a sample is y[:, None]."
            )
        if not bool((self.Y.abs() == 1).all()):
            raise ValueError("LogisticLoss needs labels −1 and +1: from 0 and 1 they are 2 * Y - 1.")
        if self.output_bias == 0.0 and bool((self.Y[:1] == self.Y).all(0).any()):
            raise ValueError("a free output bias needs both classes in every column: pass output_bias=μ > 0 instead.")

    def sample_value(self, X: Tensor) -> Tensor:
        return torch.logaddexp(torch.zeros_like(X), -self.Y * X).sum(2)

    def sample_gradient(self, X: Tensor) -> Tensor:
        return -self.Y * torch.sigmoid(-self.Y * X)

    def sample_product(self, X: Tensor, T: Tensor) -> Tensor:
        return torch.sigmoid(X) * torch.sigmoid(-X) * T

    def _best_bias(self, X: Tensor) -> Tensor:
        """Each output has a bias of its own, the zero of an increasing function: Newton in a bracket, to rounding.

        At x + b beyond FAR all samples on one side are 0 to rounding, whatever their weights.
        """
        eps = torch.finfo(X.dtype).eps
        size = X.abs().amax(1)
        low, high = -size - FAR, size + FAR
        b = torch.zeros_like(size)
        for _ in range(2 * BISECTIONS):
            shifted = X + b[:, None]
            G = self._weighted(self.sample_gradient(shifted))
            curvature = self._weighted(torch.sigmoid(shifted) * torch.sigmoid(-shifted)).sum(1) + self.decay
            g = G.sum(1) + self.decay * b
            low, high = torch.where(g < 0, b, low), torch.where(g > 0, b, high)
            small = 4 * eps * (G.abs().sum(1) + curvature * size + self.decay * b.abs())
            new = b - g / curvature.clamp(min=1e-300)
            inside = (new > low) & (new < high)
            new = torch.where(inside, new, (low + high) / 2)
            end = (g.abs() <= small) | (new == b)
            if bool(end.all()):
                break
            b = torch.where(end, b, new)
        return b

    def _curvature(self, X: Tensor) -> Tensor:
        total = self._weighted(torch.sigmoid(X) * torch.sigmoid(-X)).sum(1)
        return torch.diag_embed(total + self.decay)

    def sample_conjugate(self, G: Tensor) -> tuple[Tensor, Tensor]:
        hair = HAIR * torch.finfo(G.dtype).eps
        a = (-G * self.Y).clamp(0, 1)
        size = (
            1
            - torch.special.xlogy(a, a)
            - torch.special.xlog1py(1 - a, -a)
            - torch.special.xlogy(1 - a, a.clamp(min=1e-300))
            - torch.special.xlog1py(a, -a.clamp(max=1 - hair))
        )
        return self.sample_conjugates(G), size

    def sample_conjugates(self, G: Tensor) -> Tensor:
        a = -G * self.Y
        hair = HAIR * torch.finfo(G.dtype).eps
        outside = (a < -hair) | (a > 1 + hair)
        a = a.clamp(0, 1)
        return (torch.special.xlogy(a, a) + torch.special.xlog1py(1 - a, -a)).masked_fill(outside, torch.inf)

    def project(self, G: Tensor) -> Tensor:
        if not self.has_bias or self.decay:
            return G
        G = super().project(G)
        center = self.gradient(torch.zeros_like(G[:1]))
        return drawn_inside(G, self._margin(G), center, self._margin(center))

    def _margin(self, G: Tensor) -> Tensor:
        a = self._unweighted(-G * self.Y)
        return torch.minimum(a, 1 - a).flatten(1).amin(1)
