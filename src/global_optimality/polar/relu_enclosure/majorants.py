"""Quadratic majorants row by row, and the bound that they prove on the sphere, whatever they are."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ...symmetric import eigh

ROUNDING = 4.0
"""Room for the rounding of one bound: ROUNDING · (N + d + 8) · eps · magnitude, see ``Majorants.bound``."""

SECULAR_STEPS = 40
"""Of the search for the best multiplier of ‖u‖ = 1; each one is at least a bisection, any result gives a bound."""


FIELDS = ("alpha", "beta", "gamma", "Y", "size")


@dataclass(frozen=True)
class Majorants:
    """Row i's part of a function on the sphere is at most α_i z + β_i z² − z y_iᵀu + γ_i, z = s_iᵀu.

    One function a line: S (N, d) is shared, alpha, beta, gamma are (B, N), Y (B, N, d); size (B, N) bounds the
    coefficients that alpha was added up from.
    """

    S: Tensor
    alpha: Tensor
    beta: Tensor
    gamma: Tensor
    Y: Tensor
    size: Tensor

    def __getitem__(self, keep: Tensor) -> Majorants:
        return Majorants(self.S, *(getattr(self, name)[keep] for name in FIELDS))

    def updated(self, where: Tensor, other: Majorants) -> Majorants:
        """With those of ``other`` in the lines ``where``."""
        return Majorants(self.S, *(getattr(self, f).index_copy(0, where, getattr(other, f)) for f in FIELDS))

    def bound(self) -> Tensor:
        """An upper bound of the maximum over ‖u‖ = 1 of gᵀu + uᵀAu + Σγ, rounding included -> (B,).

        g = Sᵀα, A = Sᵀdiag(β)S − ½ Σ (s_i y_iᵀ + y_i s_iᵀ). Let V and Λ be any square matrices (from ``eigh``), h =
        Vᵀg: for ‖u‖ = 1 and x = Vᵀu, ‖x‖² ≤ 1 + ‖V Vᵀ − I‖, and for λ > max Λ_j
            gᵀu + uᵀAu ≤ Σ (h_j x_j + Λ_j x_j²) + ‖g − V h‖ + ‖A − V Λ Vᵀ‖,   h x + Λ x² ≤ λx² + h²/(4(λ − Λ)).
        Sums of N, then d products of computed numbers err by (N + d + 8) eps times the sum of moduli (Higham 2002,
        section 3.1), those that measure V, Λ and h by less: ROUNDING leaves room for all of them together.
        """
        S, eye = self.S, torch.eye(self.S.shape[1], dtype=self.S.dtype, device=self.S.device)
        g = self.alpha @ S
        half = (self.Y.mT @ S) / 2
        A = (S * self.beta[:, :, None]).mT @ S - half - half.mT
        values, V = eigh(torch.where(A.isfinite(), A, torch.zeros_like(A)))
        h = (g[:, None] @ V)[:, 0]
        lam = _multiplier(values, h)
        rest = (h.square() / (4 * (lam[:, None] - values))).sum(1)
        defect = (g - (V @ h[:, :, None])[:, :, 0]).norm(dim=1) + (A - (V * values[:, None]) @ V.mT).norm(dim=(1, 2))
        defect = defect + (V @ V.mT - eye).norm(dim=(1, 2)) * lam.abs()
        length = S.norm(dim=1)
        moduli = ((self.size + self.beta * length + self.Y.norm(dim=2)) * length + self.gamma).sum(1)
        slack = ROUNDING * (sum(S.shape) + 8) * torch.finfo(S.dtype).eps * (moduli + lam.abs() + rest)
        bound = lam + rest + self.gamma.sum(1) + 2 * defect + slack
        return torch.where(bound.isnan(), torch.inf, bound)


def _multiplier(values: Tensor, h: Tensor) -> Tensor:
    """Near the minimum over λ > max Λ_j of λ + Σ h_j²/(4(λ − Λ_j)): Newton's method on the secular equation -> (B,)."""
    top = values[:, -1]
    low, high = top, top + h.norm(dim=1) / 2
    least = 1e-13 * (values.abs().amax(1) + h.norm(dim=1)) + torch.finfo(h.dtype).tiny
    lam = high
    for _ in range(SECULAR_STEPS):
        gaps = torch.maximum(lam - top, least)[:, None] + (top[:, None] - values)
        share = h.square() / (4 * gaps.square())
        total = share.sum(1)
        low, high = torch.where(total > 1, lam, low), torch.where(total > 1, high, lam)
        newton = lam + (total.sqrt() - 1) * total / (share / gaps).sum(1)
        inside = (newton > low) & (newton < high)
        following = torch.where(inside, newton, (low + high) / 2)
        settled = (following - lam).abs() <= 1e-12 * (lam.abs() + least)
        lam = following
        if settled.all():
            break
    return torch.maximum(lam, top + least)
