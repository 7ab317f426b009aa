"""Newton's direction of all units at once, gates and faces frozen: there f is smooth, and convex for scalar outputs."""

from dataclasses import dataclass

import torch
from torch import Tensor

from ..losses import Loss
from .units import Units

RIDGE = 1e-10

FAR = 100.0
"""Where f is not convex, the line search may go this many times further than Newton's step."""


@dataclass(frozen=True, eq=False)
class Direction:
    """Changes step_p ``(r, d)`` and step_z ``(r, c)`` ⟂ Z, f's slope along them, ‖∇f‖, the t worth searching up to."""

    step_p: Tensor
    step_z: Tensor
    slope: float
    gradient_norm: float
    reach: float


def objective(loss: Loss, lam: float, units: Units) -> float:
    """f of the units, with balanced weights."""
    return float(loss(units.output())[0] + lam * units.theta())


def newton_direction(loss: Loss, lam: float, units: Units) -> Direction:
    """−H⁻¹∇f in the coordinates p = Bc (B the face's basis) and z = (z + τ)/‖z + τ‖, τ ⟂ z.

    H is singular when units are linearly dependent (a ridge then slides along the null vector of Theorem 2, step 3),
    and indefinite only for vector outputs.
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
    own = G.new_zeros(r, d + c - 1, d + c - 1)
    along = (bases.mT @ (units.P / size[:, None])[:, :, None])[:, :, 0]
    present = (bases.square().sum(1) > 0.5).to(bases.dtype)
    own[:, :d, :d] = (torch.diag_embed(present) - along[:, :, None] * along[:, None]) * (lam / size)[:, None, None]
    pull = torch.einsum("rne,nc->rec", gated, G)
    cross = pull @ tangents
    own[:, :d, d:], own[:, d:, :d] = cross, cross.mT
    own[:, d:, d:] -= torch.einsum("rn,nc,rc->r", hidden, G, units.Z)[:, None, None] * torch.eye(c - 1).to(own)
    kept = torch.cat([present > 0, torch.ones(r, c - 1, dtype=torch.bool, device=G.device)], 1).flatten()
    # every derivative of Φ is a number for each sample times one output direction
    samples = torch.cat([gated.mT, hidden[:, None].expand(-1, c - 1, -1)], 1).flatten(0, 1)[kept]
    outputs = torch.cat([units.Z[:, None].expand(-1, d, -1), tangents.mT], 1).flatten(0, 1)[kept]
    g = G.new_zeros(r, d + c - 1)
    g[:, :d] = lam * along
    g = g.flatten()
    g[kept] += ((samples @ G) * outputs).sum(1)
    J = samples[:, :, None] * outputs[:, None, :]
    H = J.flatten(1) @ loss.hessian_product(X, J).flatten(1).T
    H = (H + H.T) / 2 + torch.block_diag(*own)[kept][:, kept]
    step = torch.zeros_like(g)
    step[kept], convex = _solve(H, -g[kept])
    step = step.reshape(r, d + c - 1)
    step_p = (bases @ step[:, :d, None])[:, :, 0]
    step_z = (tangents @ step[:, d:, None])[:, :, 0]
    return Direction(step_p, step_z, float(g @ step.flatten()), float(g.norm()), 1.0 if convex else FAR)


def _tangents(Z: Tensor) -> Tensor:
    """Orthonormal bases ``(r, c, c − 1)`` of the complements of unit vectors (Householder reflections)."""
    c = Z.shape[1]
    e = torch.zeros_like(Z)
    e[:, 0] = torch.where(Z[:, 0] < 0, 1.0, -1.0)
    w = Z - e
    w = w / w.norm(dim=1, keepdim=True)
    full = torch.eye(c, dtype=Z.dtype, device=Z.device) - 2 * w[:, :, None] * w[:, None, :]
    return full[:, :, 1:]


def _solve(H: Tensor, b: Tensor) -> tuple[Tensor, bool]:
    """H⁻¹ b, and whether H is positive semidefinite to rounding; else every eigenvalue counts by its size.

    The diagonal is scaled to 1 first; a ridge of at most RIDGE covers singular H.
    """
    scale = H.diagonal().abs().clamp(min=1e-300).rsqrt()
    H = H * scale[:, None] * scale[None, :]
    b = scale * b
    for ridge in (1e-14, 1e-12, RIDGE):
        factor, failed = torch.linalg.cholesky_ex(H + ridge * torch.eye(len(H), dtype=H.dtype, device=H.device))
        if not failed:
            return scale * torch.cholesky_solve(b[:, None], factor)[:, 0], True
    size, basis = torch.linalg.eigh(H)
    return scale * (basis @ ((basis.T @ b) / size.abs().clamp(min=1e-6))), False
