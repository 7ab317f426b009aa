"""Steps that remove units without raising f: drop what is not worth its cost, merge what one unit can do."""

from dataclasses import replace

import torch
from torch import Tensor

from ..losses import Loss
from .faces import face_through
from .newton import objective
from .units import Units

PARALLEL = 1e-7
"""Directions whose sine is below this count as one; the merged network is kept only if f does not rise."""

NOTHING = 1e-14
"""A unit of this share of Θ is rounding."""


def drop(loss: Loss, lam: float, units: Units) -> Units:
    """Units removed one after the other while f falls without them (f is convex along each unit's scaling)."""
    size = units.P.norm(dim=1)
    units = units.take(size > NOTHING * size.sum())
    while len(units):
        X = units.output()
        without = loss(X - units.outputs()) - lam * units.P.norm(dim=1)
        best = int(without.argmin())
        if not float(without[best]) <= float(loss(X)[0]):
            break
        keep = torch.ones(len(units), dtype=torch.bool, device=units.P.device)
        keep[best] = False
        units = units.take(keep)
    return units


def merge(loss: Loss, lam: float, units: Units, tolerance: float) -> Units:
    """Pairs become one unit: of one output direction in a common closed cell, or of one input direction.

    The first is exact for scalar outputs: (S p)₊ is additive on a closed cell, ‖p + p'‖ ≤ ‖p‖ + ‖p'‖.
    """
    while len(units) > 1 and len(pairs := _candidates(units)):
        value = objective(loss, lam, units)
        for i, k in pairs.tolist():
            merged = _merged(units, i, k)
            if objective(loss, lam, merged) <= value + tolerance * abs(value):
                units = merged
                break
        else:
            break
    return units


def _candidates(units: Units) -> Tensor:
    above, below = units.open.to(units.P.dtype), (~units.open & ~units.pinned).to(units.P.dtype)
    conflict = above @ below.T
    one_cell = (conflict + conflict.T) == 0
    U = units.P / units.P.norm(dim=1, keepdim=True)
    same_output, same_input = units.Z @ units.Z.T > 1 - PARALLEL, U @ U.T > 1 - PARALLEL**2
    pairs = (one_cell & same_output) | same_input
    return pairs.triu(1).nonzero()


def _merged(units: Units, i: int, k: int) -> Units:
    """Unit k joined to unit i; f is to be compared by the caller."""
    P, Z, gates = units.P.clone(), units.Z.clone(), units.open.clone()
    size = P.norm(dim=1)
    if float(Z[i] @ Z[k]) > 1 - PARALLEL:
        P[i] = P[i] + P[k]
    else:
        V = size[i] * Z[i] + size[k] * Z[k]
        P[i] = (P[i] + P[k]) / (P[i] + P[k]).norm() * V.norm()
        Z[i] = V / V.norm().clamp(min=1e-300)
    both = units.faces[i].pinned & units.faces[k].pinned
    face = face_through(units.rows.unit, both)
    P[i] = face.basis @ (face.basis.T @ P[i])
    gates[i] = torch.where(units.faces[i].pinned, gates[k], gates[i]) & ~face.pinned
    if units.rows.kinked and bool(~_agree(units, i, k)):
        gates[i] = (units.rows.S @ P[i] > 0) & ~face.pinned
    merged = replace(units, P=P, Z=Z, open=gates, faces=(*units.faces[:i], face, *units.faces[i + 1 :]))
    keep = torch.ones(len(units), dtype=torch.bool, device=P.device)
    keep[k] = False
    return merged.take(keep)


def _agree(units: Units, i: int, k: int) -> Tensor:
    return ((units.open[i] == units.open[k]) | units.faces[i].pinned | units.faces[k].pinned).all()
