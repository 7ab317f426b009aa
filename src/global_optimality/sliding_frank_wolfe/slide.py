"""The local step: Newton on faces until no unit can move, leave its face, vanish or merge without raising f."""

from collections.abc import Callable

import torch

from ..losses import Loss
from .line import ray, search
from .merge import drop, merge
from .newton import newton_direction, objective
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


def slide(loss: Loss, lam: float, units: Units, stop: Stop, steps: int = STEPS) -> Units:
    """At most ``steps`` steps down to a local minimiser of f in all weights, or until ``stop``; f never rises."""
    units = drop(loss, lam, units)
    value = objective(loss, lam, units)
    best_gradient, idle, since = torch.inf, 0, torch.inf
    for _ in range(steps):
        if not len(units) or stop() or idle > IDLE + len(units):
            break
        direction = newton_direction(loss, lam, units)
        promise = -direction.slope
        if promise <= EARLY * (since - value) < torch.inf:
            released, since = release(loss, lam, units), torch.inf
            if released is not None:
                units, since = released, value
                continue
        settled = promise <= ROUNDING * abs(value)
        if settled and not FLAT * lam < direction.gradient_norm < 0.5 * best_gradient:
            released = release(loss, lam, merge(loss, lam, units, ROUNDING))
            if released is None:
                break
            units, best_gradient, since = released, torch.inf, value
            continue
        if settled:
            best_gradient = direction.gradient_norm
        moved = search(ray(loss, lam, units, direction, value))
        moved = merge(loss, lam, drop(loss, lam, moved), 0.0)
        new = objective(loss, lam, moved)
        if new > value + ROUNDING * abs(value):
            break
        idle = idle + 1 if new >= value - ROUNDING * abs(value) else 0
        units, value = moved, new
    return units


def release(loss: Loss, lam: float, units: Units) -> Units | None:
    """Every held unit that falls off its face moves to the steepest edge beside it; None if none does.

    Off the face, f changes by ⟨∇ℓ, ·⟩ of the rows open there: linear on each cell, so the edges decide.
    """
    G = loss.gradient(units.output())[0]
    changed = False
    for i, face in enumerate(units.faces):
        if not len(face.rays):
            continue
        weight = G @ units.Z[i]
        heights = face.rays @ units.rows.S.T
        heights = torch.where(heights.abs() <= 1e-11 * units.rows.length, 0.0, heights)
        falls = (heights * (weight * units.open[i])).sum(1) + (heights.clamp(min=0) * (weight * face.pinned)).sum(1)
        best = int(falls.argmin())
        if float(falls[best]) >= -1e-9 * lam:
            continue
        kept = face.pinned & (heights[best] == 0)
        opened = torch.where(face.pinned, heights[best] > 0, units.open[i])
        units = units.with_face(i, kept, opened)
        changed = True
    return units if changed else None
