"""A hidden ReLU unit whose bias no decay holds, as most networks are trained (section 4)."""

from dataclasses import dataclass, field, replace
from typing import final

import torch
from torch import Tensor

from ..factors import Factors, check_alike, check_finite
from ..settings import whole
from .base import Gates, Mapping
from .inputs import HiddenUnit


@final
@dataclass(frozen=True, eq=False)
class BiasedReluUnit(HiddenUnit):
    """φ(u, b, v) = P ((S − 1s̄ᵀ)u + ρb1)₊ vᵀ of degree 2; s̄ the mean row of S ``(N, d)``, P = I − 11ᵀ/N.

    The price of a unit is that of u and v, ``OnLayers(SumOfSquares(), (0, 2))``. Constants over the samples then cost
    nothing (u = 0, v → 0, b → ∞), whether the network has an output bias or not: P leaves them to a free output bias
    of the loss, and without P the pair is degenerate. As b grows a unit becomes affine, and P keeps it bounded.
    Factors ``(n, r, d)``, ``(n, r, 1)``, ``(n, r, outputs)``; the unit's height at the mean sample is ρb, ρ = ``reach``
    the largest entry of S − 1s̄ᵀ: b has the unit of u. ``ValueError`` as for ``ReluUnit``, and for equal samples.
    """

    S: Tensor
    outputs: int = 1
    centre: Tensor = field(init=False, repr=False)
    centred: Tensor = field(init=False, repr=False)
    reach: Tensor = field(init=False, repr=False)

    def __post_init__(self) -> None:
        check_alike(S=self.S)
        if self.S.dim() != 2 or self.S.shape[0] < 2 or self.S.shape[1] < 1:
            raise ValueError(
                f"S has shape {tuple(self.S.shape)}, expected (N, d), N ≥ 2, d ≥ 1: a row is a sample; for "
                "one sample a constant is best."
            )
        whole("outputs", self.outputs, 1)
        check_finite("S", self.S)
        centre = self.S.mean(0)
        object.__setattr__(self, "centre", centre)
        object.__setattr__(self, "centred", self.S - centre)
        reach = self.centred.abs().max()
        if float(reach) <= 4 * torch.finfo(self.S.dtype).eps * float(self.S.abs().max()):
            raise ValueError(
                "all rows of S are equal to rounding: no unit can tell the samples apart, constants are the best "
                "outputs. Decay the hidden bias, or give inputs that differ."
            )
        object.__setattr__(self, "reach", reach)

    @property
    def factor_shapes(self) -> tuple[tuple[int, ...], ...]:
        return ((self.S.shape[1],), (1,), (self.outputs,))

    @property
    def gates(self) -> Gates:
        """Up to constants over the samples: the bias weighs a last column."""
        S = torch.cat([self.centred, self.reach.expand(len(self.S), 1)], 1)
        return Gates(S, kinked=True, priced=self.S.shape[1])

    def gated(self, W: Factors) -> Factors:
        return torch.cat(W[:2], -1), W[2]

    def ungated(self, W: Factors) -> Factors:
        return W[0][..., :-1], W[0][..., -1:], W[1]

    def in_units(self, unit: float) -> Mapping:
        return replace(self, S=self.S / unit)

    def on(self, inputs: Tensor) -> Mapping:
        """What P takes away stays the mean over S."""
        return _Elsewhere(self, inputs)

    def folded(self, *W: Tensor) -> tuple[Tensor, Tensor]:
        """Of the plain network of weights U, V: hidden biases ``(n, r)``, and the constants ``(n, outputs)`` of P."""
        U, b, V = W
        biases = self.reach * b[..., 0] - U @ self.centre
        return biases, -(self._hidden(U, b).mean(-1)[:, None] @ V)[:, 0]

    def phi(self, *W: Tensor) -> Tensor:
        H = self._hidden(*W[:2])
        return (H - H.mean(-1, keepdim=True))[..., :, None] * W[2][..., None, :]

    def Phi(self, *W: Tensor) -> Tensor:
        X = self._hidden(*W[:2]).mT @ W[2]
        return X - X.mean(1, keepdim=True)

    def magnitude(self, *W: Tensor) -> Tensor:
        U, b, V = (w.abs() for w in W)
        X = (U @ self.centred.abs().mT + self.reach * b).mT @ V
        return X + X.mean(1, keepdim=True)

    def inner(self, Q: Tensor, *W: Tensor) -> Tensor:
        return torch.linalg.vecdot(self._hidden(*W[:2]) @ (Q - Q.mean(1, keepdim=True)), W[2])

    def _hidden(self, U: Tensor, b: Tensor) -> Tensor:
        """Before P, ``(n, r, N)``."""
        return torch.relu(U @ self.centred.mT + self.reach * b)


@final
@dataclass(frozen=True, eq=False)
class _Elsewhere(Mapping):
    """The units of ``trained`` at other inputs ``(M, d)``, less their means over its own samples."""

    trained: BiasedReluUnit
    inputs: Tensor

    def __post_init__(self) -> None:
        check_alike(S=self.trained.S, inputs=self.inputs)
        d = self.trained.S.shape[1]
        if self.inputs.dim() != 2 or self.inputs.shape[1] != d:
            raise ValueError(f"the inputs have shape {tuple(self.inputs.shape)}, expected (M, {d}): a row is a sample.")
        check_finite("inputs", self.inputs)

    @property
    def degree(self) -> int:
        return 2

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self.inputs), self.trained.outputs)

    @property
    def factor_shapes(self) -> tuple[tuple[int, ...], ...]:
        return self.trained.factor_shapes

    @property
    def data(self) -> Tensor:
        return self.inputs

    def on(self, inputs: Tensor) -> Mapping:
        return replace(self, inputs=inputs)

    def phi(self, *W: Tensor) -> Tensor:
        U, b, V = W
        mean = self.trained._hidden(U, b).mean(-1, keepdim=True)  # of this very class
        height = U @ (self.inputs - self.trained.centre).mT + self.trained.reach * b
        return (torch.relu(height) - mean)[..., :, None] * V[..., None, :]

    def magnitude(self, *W: Tensor) -> Tensor:
        U, b, V = (w.abs() for w in W)
        trained = self.trained
        reach = trained.reach * b
        height = U @ (self.inputs.abs() + trained.centre.abs()).mT + reach
        mean = (U @ trained.centred.abs().mT + reach).mean(-1, keepdim=True)
        return ((height + mean)[..., :, None] * V[..., None, :]).sum(1)
