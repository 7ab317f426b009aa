"""Dropout of whole subnetworks: its expected squared loss is a problem of this package, of degree 2p (section 6)."""

from dataclasses import dataclass
from typing import final

from torch import Tensor

from ..mappings.base import Mapping
from ..settings import instance, number
from .base import Regularizer


@final
@dataclass(frozen=True)
class DropoutPenalty(Regularizer):
    """θ(w) = ½‖φ(w)‖², of twice the degree of the given mapping φ.

    Keep each subnetwork with probability q, independently, and divide what is kept by q. The expected squared loss is
    then ½‖Y − Φ_r(W)‖² + λΘ_r(W) exactly, with λ = (1 − q)/q = ``dropout_lam(q)``, whether the masks are drawn once or
    for every sample. For units of one hidden layer this is dropout as usual.
    """

    mapping: Mapping

    def __post_init__(self) -> None:
        instance("DropoutPenalty: mapping", self.mapping, Mapping, "pass a mapping such as ReluUnit(S).")

    @property
    def degree(self) -> int:
        return 2 * self.mapping.degree

    def theta(self, *W: Tensor) -> Tensor:
        return 0.5 * self.mapping.phi(*W).flatten(2).square().sum(2)


def dropout_lam(keep: float) -> float:
    """λ = (1 − q)/q for the probability q of keeping a subnetwork. ``ValueError`` unless 0 < q < 1."""
    inside = ", as the probability of keeping a subnetwork strictly between 0 and 1"
    if number("keep", keep, cure=inside) >= 1:
        raise ValueError(f"keep = {keep}: it must be less than 1{inside}.")
    return (1 - keep) / keep
