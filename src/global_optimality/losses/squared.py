"""The squared loss of eq. (6), on all entries or on the seen ones."""

from dataclasses import dataclass, replace
from typing import final

import torch
from torch import Tensor

from ..factors import check_alike, check_finite
from .base import Loss, inner
from .samples import SampleLoss
from .units import exponent

ROOM = 2.0**10
"""Targets stay this factor within the square roots of the ends of their dtype: sums of squares then do too."""


@final
@dataclass(frozen=True, eq=False)
class SquaredLoss(SampleLoss):
    """½‖Y − X‖_F² (eq. 6); conjugate ½‖G‖² + ⟨G, Y⟩. ``ValueError`` on NaN, infinite or integer data.

    Sample ``weights`` and ``output_bias`` as ``SampleLoss`` says; the first axis of Y is the sample. Y is refused where
    its squares leave the range of its dtype.
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_squares(self.Y)

    def __call__(self, X: Tensor) -> Tensor:
        if self.weights is None and not self.has_bias:
            return 0.5 * (X - self.Y).flatten(1).square().sum(1)  # one sum: faster
        return super().__call__(X)

    def value_and_gradient(self, X: Tensor) -> tuple[Tensor, Tensor]:
        if self.weights is None and not self.has_bias:
            R = X - self.Y
            return 0.5 * R.flatten(1).square().sum(1), R
        return super().value_and_gradient(X)

    @property
    def quadratic(self) -> bool:
        return True

    def sample_value(self, X: Tensor) -> Tensor:
        return 0.5 * _over_outputs((X - self.Y).square())

    def sample_gradient(self, X: Tensor) -> Tensor:
        return X - self.Y

    def sample_product(self, X: Tensor, T: Tensor) -> Tensor:
        return T

    def sample_conjugate(self, G: Tensor) -> tuple[Tensor, Tensor]:
        return G * (0.5 * G + self.Y), G.abs() * (0.5 * G.abs() + self.Y.abs())

    def dual_scale(self, G: Tensor, cap: Tensor) -> Tensor:
        square = inner(G, self._unweighted(G))
        if self.decay:
            square = square + G.sum(1).flatten(1).square().sum(1) / self.decay
        return _vertex(square, -inner(G, self.Y), cap)

    def line_minimum(self, X: Tensor, D: Tensor, slope: float) -> Tensor:
        top = -_product(D, self.gradient(X)) - slope
        return _vertex(_product(D, self.hessian_product(X, D)), top, torch.full_like(top, torch.inf))

    def in_units(self, step: int) -> tuple[Loss, int, int]:
        """Y as well, less a shift that a free output bias takes up where the difference is exact."""
        Y, (loss, _, w) = self._shifted_targets(), super().in_units(step)
        b = exponent(Y, step)
        return (loss, 0, w) if b == 0 and Y is self.Y else (replace(loss, Y=Y / 2.0**b), b, 2 * b + w)

    def _shifted_targets(self) -> Tensor:
        """Y less an entry of each column that is more than twice its distance to all others: no difference rounds."""
        if self.output_bias != 0.0:
            return self.Y
        middle = self.Y.median(0).values
        R = self.Y - middle
        exact = R.abs().amax(0) <= 0.5 * middle.abs()
        return torch.where(exact, R, self.Y) if bool((exact & (middle != 0)).any()) else self.Y

    def _bias(self, X: Tensor) -> Tensor:
        count = self.Y.shape[0] if self.weights is None else self.weights.sum()
        return self._weighted(self.Y - X).sum(1) / (count + self.decay)


@final
@dataclass(frozen=True, eq=False)
class MaskedSquaredLoss(Loss):
    """½ Σ over the mask of (Y − X)²: matrix completion; mask is boolean, shaped as Y, true where Y was seen.

    The conjugate is that of ``SquaredLoss`` for G supported on the mask, else +∞. Y may hold anything off the mask.
    ``ValueError`` on an empty mask, a mask of another shape, and NaN or infinity on the mask.
    """

    mask: Tensor

    def __post_init__(self) -> None:
        check_alike(Y=self.Y)
        if not isinstance(self.mask, Tensor):
            raise TypeError(f"mask is a {type(self.mask).__name__}: pass torch.as_tensor(mask, dtype=torch.bool).")
        if self.mask.dtype != torch.bool or self.mask.shape != self.Y.shape:
            raise ValueError(
                f"mask is {self.mask.dtype} of shape {tuple(self.mask.shape)}, expected torch.bool of the shape of Y, "
                f"{tuple(self.Y.shape)}: build it as in Y > 0, or with mask.bool()."
            )
        if self.mask.device != self.Y.device:
            raise ValueError(f"mask is on {self.mask.device} but Y is on {self.Y.device}: move one with .to(device).")
        if self.mask.layout != torch.strided or self.mask.is_meta:
            raise ValueError("mask is sparse, or on the device meta: pass mask.to_dense() with its entries.")
        if not self.mask.any():
            raise ValueError("mask hides every entry of Y: at least one must be seen.")
        check_finite("Y on the mask", self.Y[self.mask])
        object.__setattr__(self, "Y", torch.where(self.mask, self.Y, torch.zeros_like(self.Y)))
        _check_squares(self.Y)

    @property
    def quadratic(self) -> bool:
        return True

    def __call__(self, X: Tensor) -> Tensor:
        return 0.5 * self.gradient(X).flatten(1).square().sum(1)

    def gradient(self, X: Tensor) -> Tensor:
        return (X - self.Y).mul_(self.mask)

    def hessian_product(self, X: Tensor, T: Tensor) -> Tensor:
        return T * self.mask

    def conjugate(self, G: Tensor) -> Tensor:
        inside = ((G == 0) | self.mask).flatten(1).all(1)
        return torch.where(inside, inner(G, 0.5 * G + self.Y), torch.inf)

    def conjugate_magnitude(self, G: Tensor) -> Tensor:
        return inner(G.abs(), 0.5 * G.abs() + self.Y.abs())

    def dual_scale(self, G: Tensor, cap: Tensor) -> Tensor:
        return _vertex(inner(G, G), -inner(G, self.Y), cap)

    def line_minimum(self, X: Tensor, D: Tensor, slope: float) -> Tensor:
        D = self.project(D)
        top = -_product(D, self.gradient(X)) - slope
        return _vertex(_product(D, D), top, torch.full_like(top, torch.inf))

    def project(self, G: Tensor) -> Tensor:
        return G * self.mask

    def in_units(self, step: int) -> tuple[Loss, int, int]:
        b = exponent(self.Y, step)
        return (self, 0, 0) if b == 0 else (replace(self, Y=self.Y / 2.0**b), b, 2 * b)


def _check_squares(Y: Tensor) -> None:
    """``ValueError`` where squares of Y leave the range of its dtype: an objective of 0 or ∞ certifies nothing."""
    largest, kind = float(Y.abs().max()), torch.finfo(Y.dtype)
    least, most = ROOM * kind.smallest_normal**0.5, kind.max**0.5 / ROOM
    if largest and not least <= largest <= most:
        raise ValueError(
            f"the largest target is {largest:.3g}, and squares of targets beyond {least:.0e} to {most:.0e} leave the "
            f"range of {Y.dtype}: multiply the targets and λ by one constant k; the objective grows by k²."
        )


def _product(A: Tensor, B: Tensor) -> Tensor:
    """⟨A, B⟩ of every run, where no certificate rests on its rounding."""
    return (A * B).flatten(1).sum(1)


def _over_outputs(x: Tensor) -> Tensor:
    return x.flatten(2).sum(2) if x.dim() > 2 else x


def _vertex(square: Tensor, top: Tensor, cap: Tensor) -> Tensor:
    """argmin over 0 ≤ s ≤ cap of ½s²·square − s·top; 0 where square vanishes (then top ≤ 0 as well)."""
    s = torch.where(square > 0, top / square, torch.zeros_like(square))
    return torch.minimum(s.clamp(min=0), cap)
