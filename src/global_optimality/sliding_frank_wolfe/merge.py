"""Steps that remove units without raising f: drop what is not worth its cost, merge what fewer units can do."""

import numpy as np
import numpy.typing as npt
import torch

from ..descent import Stop, never
from ..effort import look
from ..factors import Factors
from ..losses.arrays import IN_CACHE, chunk
from .objective import Array, OutputObjective
from .units import Units

PARALLEL = 1e-7
"""Directions whose sine is below this count as one; the merged network is kept only if f does not rise."""

NOTHING = 1e-14
"""A unit of this share of Θ is rounding."""


def drop(f: OutputObjective, units: Units, stop: Stop = never) -> tuple[Units, float]:
    """Units removed one after the other while f falls without them (f is convex along each unit's scaling); and f."""
    units = units.take(units.size > NOTHING * units.Theta)
    while len(units):
        value, without = f.loss(units.X), _without(f, units) - f.lam * units.size
        best = int(without.argmin())
        if stop() or not without[best] <= value:
            return units, value + f.lam * units.Theta
        units = units.without(best)
    return units, f(units.X, 0.0)


def _without(f: OutputObjective, units: Units) -> Array:
    """The loss without each of the units ``(r,)``."""
    step, losses = max(1, chunk(IN_CACHE) // units.X.size), []  # more at a time are no faster, and end no sooner
    for k in range(0, len(units), step):
        look()
        p = slice(k, k + step)
        losses.append(f.loss.each(units.X - units.hidden[p, :, None] * units.Z[p, None]))
    return np.concatenate(losses)


def merge(f: OutputObjective, units: Units, value: float, stop: Stop = never) -> tuple[Units, float]:
    """Pairs become one unit: of one output direction in a common closed cell, or of one input direction; and f.

    The first is exact for scalar outputs: (S p)₊ is additive on a closed cell, ‖p + p'‖ ≤ ‖p‖ + ‖p'‖. f ends at most at
    ``value``.
    """
    while len(units) > 1 and not stop() and len(pairs := _candidates(units)):
        for i, k in pairs.tolist():
            look()
            merged = _merged(units, i, k)
            new = f(merged.X, merged.Theta)
            if new <= value:
                units, value = merged, new
                break
        else:
            break
    return units, value


def _candidates(units: Units) -> npt.NDArray[np.intp]:
    above, below = units.open.astype(np.float64), (~(units.open | units.faces.pinned)).astype(np.float64)
    apart = above @ below.T
    U = units.P / units.size[:, None]
    one_cell, same_output = (apart + apart.T) == 0, units.Z @ units.Z.T > 1 - PARALLEL
    alike = (one_cell & same_output) | (_distances(U) < 2 * PARALLEL**2)
    first, second = alike.nonzero()
    return np.stack([first, second], 1)[first < second]


def _distances(U: Array) -> Array:
    """‖u_i − u_k‖² of all rows, to rounding of the squares."""
    squares = np.vecdot(U, U)
    return squares[:, None] + squares - 2 * U @ U.T


def _merged(units: Units, i: int, k: int) -> Units:
    """Unit k joined to unit i; f is to be compared by the caller."""
    P, Z, gates = units.P.copy(), units.Z.copy(), units.open.copy()
    V = units.size[i] * Z[i] + units.size[k] * Z[k]
    length = np.linalg.norm(V)
    P[i] = P[i] + P[k]
    if not Z[i] @ Z[k] > 1 - PARALLEL:
        P[i] = P[i] / np.linalg.norm(P[i, : units.rows.priced]) * length
    Z[i] = V / max(length, 1e-300)
    first, second = units.faces.each[i], units.faces.each[k]
    face = units.rows.face(first.pinned & second.pinned)
    P[i] = face.project(P[i])
    gates[i] = np.where(first.pinned, gates[k], gates[i]) & ~face.pinned
    agree = (units.open[i] == units.open[k]) | first.pinned | second.pinned
    if units.rows.kinked and not agree.all():
        gates[i] = (units.rows.S @ P[i] > 0) & ~face.pinned
    return Units(units.rows, P, Z, gates, units.faces.replaced(i, face)).without(k)


def singular_pairs(W: Factors) -> Factors:
    """The same UᵀV in as few subnetworks as its rank to rounding, orthogonal and balanced: Θ is least (section 3)."""
    (U, V), eps = (w[0].T for w in W), torch.finfo(W[0].dtype).eps
    (first, R), (second, T) = torch.linalg.qr(U), torch.linalg.qr(V)
    left, s, right = torch.linalg.svd(R @ T.T, full_matrices=False)
    kept = s > eps * s[0]
    if not bool(kept.any()):
        return tuple(torch.zeros_like(w[:, :1]) for w in W)
    root = s[kept].sqrt()
    return ((first @ left[:, kept]) * root).T[None], ((second @ right.T[:, kept]) * root).T[None]
