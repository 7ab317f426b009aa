"""Steps that remove units without raising f: drop what is not worth its cost, merge what one unit can do."""

from dataclasses import replace

import numpy as np

from .objective import Array, Objective
from .units import Units

PARALLEL = 1e-7
"""Directions whose sine is below this count as one; the merged network is kept only if f does not rise."""

NOTHING = 1e-14
"""A unit of this share of Θ is rounding."""


def drop(f: Objective, units: Units) -> Units:
    """Units removed one after the other while f falls without them (f is convex along each unit's scaling)."""
    units = units.take(units.size > NOTHING * units.Theta)
    while len(units):
        X = units.X
        each = units.hidden[:, :, None] * units.Z[:, None]
        values = f.losses(np.concatenate([X[None] - each, X[None]]))
        without = values[:-1] - f.lam * units.size
        best = int(without.argmin())
        if not without[best] <= values[-1]:
            break
        units = units.without(best)
    return units


def merge(f: Objective, units: Units, tolerance: float) -> Units:
    """Pairs become one unit: of one output direction in a common closed cell, or of one input direction.

    The first is exact for scalar outputs: (S p)₊ is additive on a closed cell, ‖p + p'‖ ≤ ‖p‖ + ‖p'‖.
    """
    while len(units) > 1 and len(pairs := _candidates(units)):
        value = f(units.X, units.Theta)
        for i, k in pairs.tolist():
            merged = _merged(units, i, k)
            if f(merged.X, merged.Theta) <= value + tolerance * abs(value):
                units = merged
                break
        else:
            break
    return units


def _candidates(units: Units) -> Array:
    above, below = units.open.astype(np.float64), (~(units.open | units.pinned)).astype(np.float64)
    conflict = above @ below.T
    one_cell = (conflict + conflict.T) == 0
    U = units.P / units.size[:, None]
    same_output, same_input = units.Z @ units.Z.T > 1 - PARALLEL, U @ U.T > 1 - PARALLEL**2
    return np.argwhere(np.triu((one_cell & same_output) | same_input, 1))


def _merged(units: Units, i: int, k: int) -> Units:
    """Unit k joined to unit i; f is to be compared by the caller."""
    P, Z, gates = units.P.copy(), units.Z.copy(), units.open.copy()
    if Z[i] @ Z[k] > 1 - PARALLEL:
        P[i] = P[i] + P[k]
    else:
        V = units.size[i] * Z[i] + units.size[k] * Z[k]
        length = np.linalg.norm(V)
        P[i] = (P[i] + P[k]) / np.linalg.norm(P[i] + P[k]) * length
        Z[i] = V / max(length, 1e-300)
    first, second = units.faces[i], units.faces[k]
    face = units.rows.face(first.pinned & second.pinned)
    P[i] = face.project(P[i])
    gates[i] = np.where(first.pinned, gates[k], gates[i]) & ~face.pinned
    agree = (units.open[i] == units.open[k]) | first.pinned | second.pinned
    if units.rows.kinked and not agree.all():
        gates[i] = (units.rows.S @ P[i] > 0) & ~face.pinned
    faces = (*units.faces[:i], face, *units.faces[i + 1 :])
    return replace(units, P=P, Z=Z, open=gates, faces=faces).without(k)
