"""A regularizer that looks at some of the layers only: weights that φ is blind to need no price (section 6)."""

from dataclasses import dataclass, replace
from typing import final

from torch import Tensor

from ..factors import whole_numbers
from ..settings import instance
from .base import INSIDE, Regularizer
from .form import NormProduct, Shapes


@final
@dataclass(frozen=True)
class OnLayers(Regularizer):
    """θ = ``inside`` of the factors numbered in ``layers``, from 0: with batch normalization, of gain and last layer.

    The pair (φ, θ) stays nondegenerate only if φ is bounded in the factors left out. ``ValueError`` without layers, for
    a layer named twice or one that is not there, and for a constrained ``inside``.
    """

    inside: Regularizer
    layers: tuple[int, ...]

    def __post_init__(self) -> None:
        layers = whole_numbers("OnLayers: layers", self.layers)
        if not layers or min(layers) < 0 or len(set(layers)) < len(layers):
            raise ValueError(f"OnLayers: layers = {layers}: name at least one layer, each once, the first one as 0.")
        if instance("OnLayers: inside", self.inside, Regularizer, INSIDE).constrained:
            raise ValueError("OnLayers: put the constraint outside: NonNegative(OnLayers(...)).")
        object.__setattr__(self, "layers", layers)

    @property
    def degree(self) -> int | float:
        return self.inside.degree

    def product(self, shapes: Shapes) -> NormProduct | None:
        if max(self.layers) >= len(shapes):
            return None
        inside = self.inside.product(tuple(shapes[k] for k in self.layers))
        if inside is None:
            return None
        norms = dict(zip(self.layers, inside.norms, strict=True))
        return replace(inside, norms=tuple(norms.get(k) for k in range(len(shapes))))

    def theta(self, *W: Tensor) -> Tensor:
        if max(self.layers) >= len(W):
            raise ValueError(f"OnLayers: layers = {self.layers}, but there are {len(W)} factors, numbered from 0.")
        return self.inside.theta(*(W[k] for k in self.layers))
