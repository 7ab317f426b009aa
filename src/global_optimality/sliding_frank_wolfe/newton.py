"""Newton's direction of all units at once, gates and faces frozen: there f is smooth, and convex for scalar outputs."""

from dataclasses import dataclass

import torch
from torch import Tensor

from ..losses import Loss
from .units import Units

RIDGES = 40


@dataclass(frozen=True, eq=False)
class Direction:
    """Changes dP ``(r, d)`` and dZ ``(r, c)`` ⟂ Z; the slope of f along them, and the norm of the gradient."""

    dP: Tensor
    dZ: Tensor
    slope: float
    gradient_norm: float


def objective(loss: Loss, lam: float, units: Units) -> float:
    """f of the units, with balanced weights."""
    return float(loss(units.output())[0] + lam * units.theta())


def newton_direction(loss: Loss, lam: float, units: Units) -> Direction:
    """−H⁻¹∇f in the coordinates p = Bc (B the face's basis) and z = (z + τ)/‖z + τ‖, τ ⟂ z.

    A ridge makes H positive definite: it is singular when units are linearly dependent (then Newton slides along the
    null vector of Theorem 2, step 3), and indefinite only for vector outputs.
    """
    r, d = units.P.shape
    c = units.Z.shape[1]
    size = units.P.norm(dim=1)
    bases = units.P.new_zeros(r, d, d)
    for i, face in enumerate(units.faces):
        bases[i, :, : face.basis.shape[1]] = face.basis
    tangents = _tangents(units.Z)
    gated = torch.einsum("rn,nd,rde->rne", units.open.to(units.P.dtype), units.rows.S, bases)
    hidden = units.hidden()
    X = units.output()
    G = loss.gradient(X)[0]
    columns = torch.cat(
        [
            (gated[:, :, :, None] * units.Z[:, None, None, :]).permute(0, 2, 1, 3),
            hidden[:, None, :, None] * tangents.mT[:, :, None, :],
        ],
        1,
    )  # (r, d + c − 1, N, c): derivatives of Φ
    own = columns.new_zeros(r, d + c - 1, d + c - 1)
    along = (bases.mT @ (units.P / size[:, None])[:, :, None])[:, :, 0]
    present = (bases.square().sum(1) > 0.5).to(bases.dtype)
    own[:, :d, :d] = (torch.diag_embed(present) - along[:, :, None] * along[:, None]) * (lam / size)[:, None, None]
    pull = torch.einsum("rne,nc->rec", gated, G)
    cross = pull @ tangents
    own[:, :d, d:], own[:, d:, :d] = cross, cross.mT
    own[:, d:, d:] -= torch.einsum("rn,nc,rc->r", hidden, G, units.Z)[:, None, None] * torch.eye(c - 1).to(own)
    g = torch.einsum("rknc,nc->rk", columns, G)
    g[:, :d] += lam * along
    kept = torch.cat([present > 0, torch.ones(r, c - 1, dtype=torch.bool, device=g.device)], 1).flatten()
    J = columns.flatten(0, 1)[kept]
    H = J.flatten(1) @ loss.hessian_product(X, J).flatten(1).T
    H = (H + H.T) / 2 + torch.block_diag(*own)[kept][:, kept]
    g = g.flatten()
    step = torch.zeros_like(g)
    step[kept] = _solve(H, -g[kept])
    step = step.reshape(r, d + c - 1)
    dP = (bases @ step[:, :d, None])[:, :, 0]
    dZ = (tangents @ step[:, d:, None])[:, :, 0]
    return Direction(dP, dZ, float(g @ step.flatten()), float(g.norm()))


def _tangents(Z: Tensor) -> Tensor:
    """Orthonormal bases ``(r, c, c − 1)`` of the complements of unit vectors (Householder reflections)."""
    r, c = Z.shape
    e = torch.zeros_like(Z)
    e[:, 0] = torch.where(Z[:, 0] < 0, 1.0, -1.0)
    w = Z - e
    w = w / w.norm(dim=1, keepdim=True)
    full = torch.eye(c, dtype=Z.dtype, device=Z.device) - 2 * w[:, :, None] * w[:, None, :]
    return full[:, :, 1:]


def _solve(H: Tensor, b: Tensor) -> Tensor:
    """(H + ridge)⁻¹ b after scaling the diagonal to 1, the ridge the least of 1e-14 · 10^k that factorises."""
    scale = H.diagonal().abs().clamp(min=1e-300).rsqrt()
    H = H * scale[:, None] * scale[None, :]
    ridge = 1e-14
    for _ in range(RIDGES):
        factor, failed = torch.linalg.cholesky_ex(H + ridge * torch.eye(len(H), dtype=H.dtype, device=H.device))
        if not failed:
            return scale * torch.cholesky_solve((scale * b)[:, None], factor)[:, 0]
        ridge *= 10
    return scale * scale * b
