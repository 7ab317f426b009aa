"""The local step: Newton on faces until no unit can move, leave its face, vanish or merge without raising f."""

import math
from collections.abc import Callable

import numpy as np

from .line import ray, search
from .merge import drop, merge
from .newton import newton_direction
from .objective import Objective
from .units import Units

ROUNDING = 1e-15
STEPS = 2000

EARLY = 1e-4
"""Once Newton promises less than this share of what f fell by since the last release, the next release is tried."""

FLAT = 1e-12
"""A gradient of this share of λ is rounding: λ is what a unit's cost contributes to it."""

IDLE = 20
"""So many steps in a row, and one a unit, may leave f as it is (units meet kinks) before the slide ends."""

Stop = Callable[[], bool]


def slide(f: Objective, units: Units, stop: Stop, steps: int = STEPS) -> Units:
    """At most ``steps`` steps down to a local minimiser of f in all weights, or until ``stop``; f never rises."""
    units = drop(f, units)
    value = f(units.X, units.Theta)
    best_gradient, idle, since = math.inf, 0, math.inf
    for _ in range(steps):
        if not len(units) or stop() or idle > IDLE + len(units):
            break
        direction = newton_direction(f, units)
        promise = -direction.slope
        if promise <= EARLY * (since - value) < math.inf:
            released, since = release(f, units), math.inf
            if released is not None:
                units, since = released, value
                continue
        settled = promise <= ROUNDING * abs(value)
        if settled and not FLAT * f.lam < direction.gradient_norm < 0.5 * best_gradient:
            released = release(f, merge(f, units, ROUNDING))
            if released is None:
                break
            units, best_gradient, since = released, math.inf, value
            continue
        if settled:
            best_gradient = direction.gradient_norm
        moved = search(ray(f, units, direction, value))
        moved = merge(f, drop(f, moved), 0.0)
        new = f(moved.X, moved.Theta)
        if new > value + ROUNDING * abs(value):
            break
        idle = idle + 1 if new >= value - ROUNDING * abs(value) else 0
        units, value = moved, new
    return units


def release(f: Objective, units: Units) -> Units | None:
    """Every held unit that falls off its face moves to the steepest edge beside it; None if none does.

    Off the face, f changes by ⟨∇ℓ, ·⟩ of the rows open there: linear on each cell, so the edges decide.
    """
    G, S, length = f.gradient(units.X), units.rows.S, units.rows.length
    changed = False
    for i, face in enumerate(units.faces):
        if not len(face.rays):
            continue
        weight = G @ units.Z[i]
        heights = face.rays @ S.T
        heights[np.abs(heights) <= 1e-11 * length] = 0.0
        falls = heights @ (weight * units.open[i]) + np.maximum(heights, 0) @ (weight * face.pinned)
        best = int(falls.argmin())
        if falls[best] >= -1e-9 * f.lam:
            continue
        kept = face.pinned & (heights[best] == 0)
        units = units.with_face(i, kept, np.where(face.pinned, heights[best] > 0, units.open[i]))
        changed = True
    return units if changed else None
