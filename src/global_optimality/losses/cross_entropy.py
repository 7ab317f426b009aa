"""Softmax cross-entropy for many classes."""

from dataclasses import dataclass, field
from typing import final

import torch
from torch import Tensor

from ..settings import fits, whole
from .logistic import HAIR
from .output_bias import best_bias
from .samples import SampleLoss, drawn_inside

FEW = 1000
"""Labels of this size and more, and larger than the samples are many, are taken for names, not numbers of classes."""


@final
@dataclass(frozen=True, eq=False)
class CrossEntropyLoss(SampleLoss):
    """Σ_i log Σ_k e^{x_ik} − x_{i, label_i}; labels ``(N,)`` integers 0 … classes − 1, X ``(n, N, classes)``.

    ``classes`` defaults to the largest label + 1; Y becomes the one-hot matrix (float64), which is accepted as well.
    Conjugate, with q = g + y on the simplex: Σ q log q, else +∞. ``ValueError`` on other labels, and for a free output
    bias when a class has no sample (its bias then runs to −∞).
    """

    classes: int | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        if self.classes is not None:
            whole("classes", self.classes, 1)
        if isinstance(self.Y, torch.Tensor) and not self.Y.dtype.is_floating_point:
            object.__setattr__(self, "Y", _one_hot(self.Y, self.classes))
        super().__post_init__()
        Y = self.Y
        if Y.dim() != 2 or not bool(((Y == 0) | (Y == 1)).all() & (Y.sum(1) == 1).all()):
            raise ValueError(
                "CrossEntropyLoss needs integer labels (N,), or a one-hot matrix (N, classes): labels.long()."
            )
        if Y.shape[1] < 2 or self.classes not in (None, Y.shape[1]):
            raise ValueError(
                f"{Y.shape[1]} classes with classes = {self.classes}: pass the number of classes, at least 2."
            )
        if self.output_bias == 0.0 and not bool(Y.any(0).all()):
            raise ValueError("a free output bias needs a sample of every class: pass output_bias=μ > 0 instead.")

    def sample_value(self, X: Tensor) -> Tensor:
        return torch.logsumexp(X, 2) - (X * self.Y).sum(2)

    def _terms(self, X: Tensor, b: Tensor) -> Tensor:
        return self(X) + self._weighted((X + b).abs().amax(2)).sum(1)  # of log Σ exp x − ⟨x, y⟩

    def sample_gradient(self, X: Tensor) -> Tensor:
        p = torch.softmax(X, 2)  # p − 1 at the label is minus the others: no cancellation where the label is certain
        return torch.where(self.Y == 1, -(p * (1 - self.Y)).sum(2, keepdim=True), p)

    def sample_product(self, X: Tensor, T: Tensor) -> Tensor:
        p = torch.softmax(X, 2)
        return p * (T - (p * T).sum(2, keepdim=True))

    def _curvature(self, X: Tensor) -> Tensor:
        """p_c (1 − p_c) as the sum of p_c times the others: no cancellation where a class is certain."""
        p = torch.softmax(X, 2)
        H = -(self._weighted(p).mT @ p)
        H.diagonal(dim1=1, dim2=2).zero_()
        return H - torch.diag_embed(H.sum(2) - self.decay)

    def _best_bias(self, X: Tensor) -> Tensor:
        """Without decay constants over the classes change nothing: all is seen from the last class."""
        if self.decay:
            return super()._best_bias(X)

        def whole(Z: Tensor) -> Tensor:
            return torch.cat([Z, torch.zeros_like(Z[..., :1])], -1)

        b = best_bias(
            lambda Z: self._weighted(self.sample_gradient(whole(Z)))[..., :-1],
            lambda Z: self._curvature(whole(Z))[:, :-1, :-1],
            0.0,
            X[..., :-1] - X[..., -1:],
        )
        b = whole(b)
        return b - b.mean(1, keepdim=True)

    def sample_conjugate(self, G: Tensor) -> tuple[Tensor, Tensor]:
        q = (G + self.Y).clamp(min=0)
        size = q - torch.special.xlogy(q, q) - self.Y * q.clamp(min=1e-300).log()
        return self.sample_conjugates(G), size

    def sample_conjugates(self, G: Tensor) -> Tensor:
        q = G + self.Y
        hair = HAIR * torch.finfo(G.dtype).eps
        outside = (q < -hair) | (G.sum(2, keepdim=True).abs() > hair * (1 + G.abs().sum(2, keepdim=True)))
        q = q.clamp(min=0)
        return torch.special.xlogy(q, q).masked_fill(outside, torch.inf)

    def project(self, G: Tensor) -> Tensor:
        G = super().project(G - G.mean(2, keepdim=True))
        center = self.gradient(torch.zeros_like(G[:1]))
        center = super().project(center - center.mean(2, keepdim=True))
        return drawn_inside(G, self._margin(G), center, self._margin(center))

    def _margin(self, G: Tensor) -> Tensor:
        return (self._unweighted(G) + self.Y).flatten(1).amin(1)


def _one_hot(labels: Tensor, classes: int | None) -> Tensor:
    kinds = (torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64)
    if labels.dim() != 1 or len(labels) == 0 or labels.dtype not in kinds:
        raise ValueError(f"labels are {labels.dtype} of shape {tuple(labels.shape)}, expected integers (N,).")
    if labels.layout != torch.strided or labels.is_meta:
        raise ValueError("labels are sparse, or on the device meta: pass labels.to_dense() with its numbers.")
    least, most = int(labels.min()), int(labels.max())
    if classes is None and most >= max(FEW, len(labels)):
        raise ValueError(
            f"the largest of {len(labels)} labels is {most}: number the classes from 0, or pass classes=... if so many "
            "are meant."
        )
    classes = most + 1 if classes is None else classes
    if least < 0 or most >= classes:
        raise ValueError(
            f"labels lie between {least} and {most}, expected 0 to {classes - 1}: number the classes from 0."
        )
    fits(f"{len(labels)} labels of {classes} classes", 2 * len(labels) * classes, "number the classes from 0.")
    return torch.nn.functional.one_hot(labels.long(), classes).double()
