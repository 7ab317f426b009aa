"""A first network from a fixed dictionary of directions: they come near to every other one on a small sphere."""

import math
from contextlib import suppress

import numpy as np

from ..arrangement.circles import CHUNK
from ..descent import Stop, never
from ..descent.scales import best_scales
from ..effort import OutOfTimeError, look, numbers
from ..polar.directions import apart, directions
from .objective import OutputObjective
from .slide import slide
from .units import Rows, Units, no_units

DENSE = 5
"""The directions are dense enough in at most so many dimensions; in more, the polar finds all units."""

GROUP = 8
"""At most so many directions enter at once."""

COARSE, FINE = 1.0, 1e-3
"""A direction enters if it lowers f by more than this share of λ: while only scales are fitted, and between slides."""

ROUNDS = 40
SHORT = 12
"""Steps of a slide between two groups: what they leave is better done with the next group."""


def first_units(f: OutputObjective, rows: Rows, outputs: int, stop: Stop, most: float = math.inf) -> Units:
    """A network to start from: a coarse Lasso over the dictionary, then short slides with more of it; maybe none.

    It ends with ``most`` units or less.
    """
    units = no_units(rows, outputs)
    if rows.free or not rows.kinked or units.P.shape[1] > DENSE:
        return units
    for share, steps in (COARSE, 0), (FINE, SHORT):
        for _ in range(ROUNDS):
            units, larger = slide(f, units, stop, steps), None
            with suppress(OutOfTimeError):
                larger = enlarged(f, units, share, stop) if len(units) + GROUP <= most else None
            if larger is None or stop():
                break
            units = larger
    return units


def enlarged(f: OutputObjective, units: Units, share: float, stop: Stop = never) -> Units | None:
    """The units and a group of the steepest directions, all with their best scales; None if no direction is worth it.

    Only directions whose pull ‖−∇ℓᵀ(S u)₊‖ exceeds λ(1 + share) count. None too if ``stop`` leaves f higher;
    ``OutOfTimeError`` where the time ends before.
    """
    S = units.rows.S
    U = directions(S.shape[1]).numpy()
    descent = -f.loss.gradient(units.X)
    rows, pull = max(1, numbers(CHUNK, 2) // len(S)), np.empty((len(U), descent.shape[1]))
    for k in range(0, len(U), rows):
        look()
        pull[k : k + rows] = np.maximum(U[k : k + rows] @ S.T, 0) @ descent
    chosen = apart(U, pull, GROUP, above=f.lam * (1 + share))
    if not chosen:
        return None
    U, pull = U[chosen], pull[chosen]
    value = np.sqrt(np.vecdot(pull, pull))
    hidden = np.maximum(U @ S.T, 0)
    Z = np.concatenate([units.Z, pull / value[:, None]])
    D = np.concatenate([units.hidden, hidden])[:, :, None] * Z[:, None]
    # where to begin: each alone, were the loss squared, in equal parts
    guess = (value - f.lam) / (np.vecdot(hidden, hidden) * len(chosen))
    costs = f.lam * np.concatenate([units.size, np.ones(len(chosen))])
    s = best_scales(f.loss, D, costs, np.concatenate([np.ones(len(units)), guess]), stop=stop)
    P = s[:, None] * np.concatenate([units.P, U])
    opened, faces = np.concatenate([units.open, hidden > 0]), units.faces + (units.rows.whole,) * len(chosen)
    larger = Units(units.rows, P, Z, opened, faces).take(s > 0)
    rose = stop() and f(larger.X, larger.Theta) > f(units.X, units.Theta)
    return None if rose else larger
