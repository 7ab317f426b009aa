"""Newton's direction of all units at once, gates and faces frozen: there f is smooth, and convex for scalar outputs."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from scipy.linalg import lapack

from ..effort import beside
from .objective import Array, OutputObjective
from .units import Units

RIDGE = 1e-10

MATRICES, SAMPLES, OUTPUTS, RAYS = 4, 3, 2, 8
"""What a step holds: H, scaled, with a ridge, and what LAPACK copies; of each coordinate arrays of the samples and of
the outputs; and numbers a unit and sample of a line search."""

LARGEST = 1e150
"""A coordinate that would move further, as f is flat to rounding of the least numbers, stays: its square overflows."""

FAR = 100.0
"""Where f is not convex, the line search may go this many times further than Newton's step."""


@dataclass(frozen=True, eq=False)
class Direction:
    """Changes step_p ``(r, d)`` and step_z ``(r, c)`` ⟂ Z, f's slope along them, ‖∇f‖, the t worth searching up to.

    ``doubt`` is ⟨|∇ℓ|, Σ|φ|⟩: what rounding of the outputs changes f by, relative to the rounding.
    """

    step_p: Array
    step_z: Array
    slope: float
    gradient_norm: float
    reach: float
    doubt: float


def held(N: int, d: int, c: int) -> tuple[int, int]:
    """(a, b): a step on r units holds a r² + b r numbers, beside products with the Hessian of the loss."""
    m = d + c - 1
    return MATRICES * m**2, m * (SAMPLES * N + OUTPUTS * c) + RAYS * N


def newton_direction(f: OutputObjective, units: Units) -> Direction:
    """−H⁻¹∇f in the coordinates p = Bc (B the face's basis) and z = (z + τ)/‖z + τ‖, τ ⟂ z.

    H is singular when units are linearly dependent (a ridge then slides along the null vector of Theorem 2, step 3),
    and indefinite only for vector outputs.
    """
    r, d = units.P.shape
    N, c = units.X.shape
    m = d + c - 1
    bases = units.faces.bases
    G = f.loss.gradient(units.X)
    priced = bases[:, : units.rows.priced]
    along = (units.P[:, None, : units.rows.priced] @ priced)[:, 0] / units.size[:, None]
    # every derivative of Φ is a number for each sample times one output direction
    samples = (bases.transpose(0, 2, 1) @ units.rows.S.T) * units.open[:, None]
    outputs = units.Z[:, None]
    inner = priced.transpose(0, 2, 1) @ priced if units.rows.free else np.eye(d)
    own = (inner - along[:, :, None] * along[:, None]) * (f.lam / units.size)[:, None, None]
    if c == 1:
        tangents = np.zeros((r, c, 0))
        g = (samples @ G)[:, :, 0] * units.Z + f.lam * along
    else:
        tangents = _tangents(units.Z)
        samples = np.concatenate([samples, np.broadcast_to(units.hidden[:, None], (r, c - 1, N))], 1)
        outputs = np.concatenate([np.broadcast_to(outputs, (r, d, c)), tangents.transpose(0, 2, 1)], 1)
        pull = samples @ G
        g = (pull * outputs).sum(2)
        g[:, :d] += f.lam * along
        cross = pull[:, :d] @ tangents
        own = np.pad(own, ((0, 0), (0, c - 1), (0, c - 1)))
        own[:, :d, d:], own[:, d:, :d] = cross, cross.transpose(0, 2, 1)
        own[:, range(d, m), range(d, m)] -= (pull[:, d] * units.Z).sum(1)[:, None]
    kept = units.faces.free(m)
    samples, outputs = samples.reshape(r * m, N), np.broadcast_to(outputs, (r, m, c)).reshape(r * m, c)
    if len(kept) < r * m:
        samples, outputs = samples[kept], outputs[kept]
    square, linear = held(N, d, c)
    with beside(8 * r * (square * r + linear)):
        H = f.loss.gram(units.X, samples, outputs)
    _add_blocks(H, own, kept)
    g = g.ravel()[kept]
    with np.errstate(over="ignore"):
        move, convex = _solve(H, -g)
    move[~(np.abs(move) <= LARGEST)] = 0.0
    step = np.zeros(r * m)
    step[kept] = move
    step = step.reshape(r, m, 1)
    step_p = (bases @ step[:, :d])[:, :, 0]
    step_z = (tangents @ step[:, d:])[:, :, 0] if c > 1 else np.zeros((r, 1))
    doubt = float((np.abs(G) * (np.abs(units.hidden).T @ np.abs(units.Z))).sum())
    return Direction(step_p, step_z, float(g @ move), float(np.sqrt(g @ g)), 1.0 if convex else FAR, doubt)


def _add_blocks(H: Array, blocks: Array, kept: npt.NDArray[np.intp]) -> None:
    """Add the diagonal blocks ``(r, m, m)`` of a matrix to its rows and columns ``kept``, which H holds."""
    unit, inside = np.divmod(kept, blocks.shape[1])
    ends = np.searchsorted(unit, np.arange(len(blocks) + 1))
    for i, (k, end) in enumerate(pairwise(ends.tolist())):
        H[k:end, k:end] += blocks[i][inside[k:end, None], inside[k:end]]


def _tangents(Z: Array) -> Array:
    """Orthonormal bases ``(r, c, c − 1)`` of the complements of unit vectors (Householder reflections)."""
    w = Z.copy()
    w[:, 0] -= np.where(Z[:, 0] < 0, 1.0, -1.0)
    w /= np.linalg.norm(w, axis=1, keepdims=True)
    full = np.eye(Z.shape[1]) - 2 * w[:, :, None] * w[:, None, :]
    return full[:, :, 1:]


def _solve(H: Array, b: Array) -> tuple[Array, bool]:
    """H⁻¹ b (H symmetric), and whether H is positive semidefinite to rounding; else eigenvalues count by their size.

    The diagonal is scaled to 1 first; a ridge of at most RIDGE covers singular H.
    """
    scale = 1 / np.sqrt(np.maximum(np.abs(H.diagonal()), 1e-300))
    H = H * scale[:, None] * scale
    b = scale * b
    for ridge in (1e-14, 1e-12, RIDGE):
        shifted = H.copy()
        shifted.ravel()[:: len(H) + 1] += ridge
        _, x, failed = lapack.dposv(shifted, b)  # type: ignore[attr-defined]
        if not failed:
            return scale * x, True
    size, basis = np.linalg.eigh(H)
    return scale * (basis @ ((b @ basis) / np.maximum(np.abs(size), 1e-6))), False
