"""The function u ↦ ‖Qᵀ(S u)₊‖ as a difference of convex positively homogeneous functions, on a cone."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor

from ...symmetric import eigh


class Output(ABC):
    """A list of functions F_j(u), j < len(run), that belong to runs; F_j + Σ_i w_i (s_iᵀu)₊ is convex on a cone.

    The maximum over ‖u‖ = 1 of ‖Q_rᵀ(S u)₊‖ is the largest maximum of the F_j with run[j] = r (or 0).
    """

    run: Tensor

    @abstractmethod
    def value(self, j: Tensor, Z: Tensor) -> Tensor:
        """F_j at the points with samples Z = S u: j (B,), Z (B, m, N) -> (B, m)."""

    @abstractmethod
    def weights(self, j: Tensor, Z: Tensor) -> Tensor:
        """w (B, N) ≥ 0 that make F_j + Σ w_i (s_iᵀu)₊ convex on the cone of the vertices with samples Z (B, d, N)."""


@dataclass(frozen=True)
class ScalarOutput(Output):
    """c = 1: F = ± Σ_i q_i (s_iᵀu)₊, two functions a run. q (J, N); w = q₋ on every cone."""

    run: Tensor
    q: Tensor

    def value(self, j: Tensor, Z: Tensor) -> Tensor:
        return (Z.clamp(min=0) @ self.q[j][:, :, None])[:, :, 0]

    def weights(self, j: Tensor, Z: Tensor) -> Tensor:
        return (-self.q[j]).clamp(min=0)


LEAST = 1e-3
"""Directions are compared only where outputs are at least this share of the sizes that are summed in them."""


@dataclass(frozen=True)
class VectorOutput(Output):
    """c > 1: F = ‖x(u)‖, x(u) = Qᵀ(S u)₊ = max over unit v of Σ_i (Q_i v)(s_iᵀu)₊. Q (n, N, c).

    w_i = ‖Q_i‖ always works. If all x(u), u in the cone, lie within an angle φ of some v0, only those v matter and
    w_i = max of (−Q_i v)₊ over them. With u = Σ α_j v_j: x(u) = Σ_j α_j x(v_j) − Σ_i e_i Q_i, where 0 ≤ e_i ≤
    Σ_j α_j E_ji, E the positive or the negative part of the samples at the vertices (0 if all have one sign).
    """

    run: Tensor
    Q: Tensor

    def value(self, j: Tensor, Z: Tensor) -> Tensor:
        return (Z.clamp(min=0) @ self.Q[j]).norm(dim=2)

    def weights(self, j: Tensor, Z: Tensor) -> Tensor:
        Q = self.Q[j]
        size = Q.norm(dim=2)
        eps = torch.finfo(Q.dtype).eps
        slack = 8 * (Q.shape[1] + Q.shape[2] + Z.shape[1]) * eps
        X = Z.clamp(min=0) @ Q
        v0 = X.sum(1)
        v0 = v0 / v0.norm(dim=1, keepdim=True).clamp(min=torch.finfo(Q.dtype).tiny)
        along = (Q @ v0[:, :, None])[:, :, 0]
        across = (Q - along[:, :, None] * v0[:, None, :]).norm(dim=2) + slack * size
        positive, negative = Z.clamp(min=0), (-Z).clamp(min=0)
        smaller = positive.amax(1, keepdim=True) <= negative.amax(1, keepdim=True)
        E = torch.where(smaller, positive, negative)
        X_along = (X @ v0[:, :, None])[:, :, 0]
        X_across = (X - X_along[:, :, None] * v0[:, None, :]).norm(dim=2)
        adjacent = X_along - (E @ along.clamp(min=0)[:, :, None])[:, :, 0]
        opposite = X_across + (E @ across[:, :, None])[:, :, 0]
        scale = (Z.abs() @ size[:, :, None])[:, :, 0]
        # both are exact to slack · scale, so the tangent to slack · scale (1 + tangent) / adjacent; twice that is added
        known = (adjacent > LEAST * scale).all(1)
        tangent = (opposite / adjacent.clamp(min=torch.finfo(Q.dtype).tiny)).amax(1)
        tangent = tangent + 2 / LEAST * slack * (1 + tangent)
        tangent = torch.where(known, tangent, torch.ones_like(tangent))[:, None]
        cos, sin = 1 / (1 + tangent**2).sqrt(), tangent / (1 + tangent**2).sqrt()
        cap = (across * sin - along * cos).clamp(min=0) + slack * size
        inside = -along >= (cos - slack) * size
        return torch.where(known[:, None] & ~inside, torch.minimum(cap, size), size)


def output_of(Q: Tensor) -> Output:
    """Q (n, N, c) -> its functions F_j."""
    run = torch.arange(len(Q), device=Q.device)
    if Q.shape[2] == 1:
        q = Q[:, :, 0]
        return ScalarOutput(torch.cat([run, run]), torch.cat([q, -q]))
    return VectorOutput(run, Q)


def coordinates(Q: Tensor, length: Tensor) -> tuple[Tensor, Tensor]:
    """Q (n, N, c), rows times ``length`` (N,), in an orthonormal basis of its row spaces, and what is left out.

    -> (n, N, k), k ≤ c the largest rank of all runs, and ε (n,): ‖Qᵀz‖ ≤ ‖Q'ᵀz‖ + ε for |z_i| ≤ length_i.
    """
    Q = Q * length[None, :, None]
    c = Q.shape[2]
    if c == 1 or not Q.shape[1]:
        return Q[:, :, :1], Q.new_zeros(len(Q))
    size, basis = eigh(Q.mT @ Q)
    k = max(1, int((size > 1e-14 * size[:, -1:]).sum(1).max()))  # what is dropped is measured below
    basis = basis[:, :, c - k :]
    inner = Q @ basis
    eps = torch.finfo(Q.dtype).eps
    defect = (basis.mT @ basis - torch.eye(k, dtype=Q.dtype, device=Q.device)).norm(dim=(1, 2)) + (c + 2) * eps
    missed = (Q - inner @ basis.mT).norm(dim=2).sum(1) + (c + k + 4) * eps * Q.norm(dim=2).sum(1)
    return inner, missed + defect * inner.norm(dim=2).sum(1)


def covering(V: Tensor) -> Tensor:
    """ℓ (B, k) with ‖x‖ ≤ ℓᵀx on the cone of the unit vertices V (B, k, k): ‖Σ α_j v_j‖ ≤ Σ α_j ≤ Σ α_j ℓᵀv_j."""
    k, eps = V.shape[1], torch.finfo(V.dtype).eps
    ell = torch.linalg.solve_ex(V, V.new_ones(len(V), k, 1)).result[:, :, 0]
    least = ((V @ ell[:, :, None])[:, :, 0] / V.norm(dim=2)).amin(1)
    slack = 4 * (k + 4) * eps * ell.abs().sum(1)
    return ell / (least - slack)[:, None] * (1 + 4 * eps)
