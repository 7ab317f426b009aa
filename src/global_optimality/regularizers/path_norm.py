"""Path-SGD's regularizer: the ℓ_q norm of the products of weights along all paths (section 6; Neyshabur 2015)."""

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from ..settings import number
from .base import Regularizer
from .form import Norm, NormProduct, Shapes
from .powers import check_count, check_layers, power


@final
@dataclass(frozen=True)
class PathNorm(Regularizer):
    """θ = (Σ over paths Π |w|^q)^{1/q} of a chain of K = ``layers`` matrices, degree K, q ≥ 1.

    A vector as first factor is a layer of one unit, as last factor a single unit's outputs. Filters
    ``(n, r, channels, C, k, k)`` may come first; the paths through a pooled feature then count once, not p² times. By a
    chain of products of |w|^q, not by listing paths. ``ValueError`` for q < 1 and for factors that are no chain.
    """

    layers: int
    q: float = 2.0

    def __post_init__(self) -> None:
        check_layers("PathNorm", self.layers)
        if number("PathNorm: q", self.q, finite=True) < 1:
            raise ValueError(f"PathNorm: q = {self.q} must be at least 1 and finite.")

    @property
    def degree(self) -> int:
        return self.layers

    def product(self, shapes: Shapes) -> NormProduct | None:
        """Two vectors have one path for each pair of entries: ‖u‖_q ‖v‖_q."""
        vectors = self.layers == len(shapes) == 2 and all(len(shape) == 1 for shape in shapes)
        return NormProduct((Norm(self.q),) * 2) if vectors and self.q in (Norm.ONE.value, Norm.TWO.value) else None

    def theta(self, *W: Tensor) -> Tensor:
        check_count(self.layers, W)
        scale = torch.stack([w.flatten(2).abs().amax(2) for w in W]).detach()
        scale = torch.where(scale > 0, scale, torch.ones_like(scale))  # |w|^q neither over- nor underflows
        total = None
        for k, w in enumerate(W):
            chain = _matrix(w, k, self.layers) / scale[k, :, :, None, None]
            chain = power(chain.square(), self.q / 2)
            if k == 1 and W[0].dim() == 6 and chain.shape[-2] % W[0].shape[2] == 0:
                chain = chain.unflatten(-2, (W[0].shape[2], -1)).sum(-2)  # a channel's paths through all its features
            if total is not None and total.shape[-1] != chain.shape[-2]:
                raise ValueError(
                    f"factor {k} has {total.shape[-1]} outputs but factor {k + 1} {chain.shape[-2]} inputs: "
                    "PathNorm is for chains of layers."
                )
            total = chain.sum(-2, keepdim=True) if total is None else total @ chain
        assert total is not None
        return power(total.flatten(2).sum(2), 1 / self.q) * scale.prod(0)


def _matrix(w: Tensor, k: int, layers: int) -> Tensor:
    if w.dim() == 4:
        return w
    if w.dim() == 6 and k == 0:
        return w.flatten(3).mT
    if w.dim() == 3 and k in (0, layers - 1):
        return w[..., None] if k == 0 else w[..., None, :]
    raise ValueError(f"factor {k + 1} has shape {tuple(w.shape)}: PathNorm is for fully connected chains of matrices.")
