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
    size = units.P.norm(dim=1, keepdim=True)
    bases, tangents = units.bases, _tangents(units.Z)
    gated = (units.open[:, :, None] * units.rows.S) @ bases
    hidden = units.hidden()
    X = (hidden.T @ units.Z)[None]
    G = loss.gradient(X)[0]
    along = (units.P[:, None] @ bases)[:, 0] / size
    present = bases.any(1)
    # every derivative of Φ is a number for each sample times one output direction
    samples = torch.cat([gated.mT, hidden[:, None].expand(-1, c - 1, -1)], 1)
    outputs = torch.cat([units.Z[:, None].expand(-1, d, -1), tangents.mT], 1)
    pull = samples @ G
    g = (pull * outputs).sum(2)
    g[:, :d] += lam * along
    own = G.new_zeros(r, d + c - 1, d + c - 1)
    own[:, :d, :d] = (torch.diag_embed(present.to(G)) - along[:, :, None] * along[:, None]) * (lam / size)[:, None]
    if c > 1:
        cross = pull[:, :d] @ tangents
        own[:, :d, d:], own[:, d:, :d] = cross, cross.mT
        own[:, d:, d:] -= (pull[:, d] * units.Z).sum(1)[:, None, None] * torch.eye(c - 1).to(own)
    kept = torch.nn.functional.pad(present, (0, c - 1), value=True).flatten().nonzero()[:, 0]
    J = samples.flatten(0, 1)[kept][:, :, None] * outputs.flatten(0, 1)[kept][:, None, :]
    H = J.flatten(1) @ loss.hessian_product(X, J).flatten(1).T
    H = (H + H.T) / 2 + torch.block_diag(*own)[kept][:, kept]
    g = g.flatten()[kept]
    move, convex = _solve(H, -g)
    step = G.new_zeros(r * (d + c - 1)).index_copy(0, kept, move).reshape(r, d + c - 1)
    step_p = (bases @ step[:, :d, None])[:, :, 0]
    step_z = (tangents @ step[:, d:, None])[:, :, 0]
    return Direction(step_p, step_z, float(g @ move), float(g.norm()), 1.0 if convex else FAR)


def _tangents(Z: Tensor) -> Tensor:
    """Orthonormal bases ``(r, c, c − 1)`` of the complements of unit vectors (Householder reflections)."""
    c = Z.shape[1]
    if c == 1:
        return Z.new_zeros(len(Z), 1, 0)
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
