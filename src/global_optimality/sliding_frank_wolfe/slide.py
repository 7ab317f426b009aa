"""The local step: Newton on faces until no unit can move, leave its face, vanish or merge without raising f."""

import math
from collections.abc import Callable, Iterator
from contextlib import suppress

import numpy as np

from ..descent import Stop
from ..effort import OutOfTimeError
from .line import ray, search
from .merge import drop, merge
from .newton import newton_direction
from .objective import OutputObjective
from .units import Units

ROUNDING = 1e-15
"""Of f and of the outputs: a change of f below it cannot be told from none."""

STEPS = 2000

EARLY = 1e-4
"""Once Newton promises less than this share of what f fell by since the last release, the next release is tried."""

FLAT = 1e-12
"""A gradient of this share of λ is rounding: λ is what a unit's cost contributes to it."""

IDLE = 20
"""So many steps in a row, and one a unit, may leave f as it is (units meet kinks) before the slide ends, unless units
merge then."""


def slide(
    f: OutputObjective, units: Units, stop: Stop, steps: int = STEPS, observe: Callable[[Units], object] = len
) -> Units:
    """At most ``steps`` steps down to a local minimiser of f, or until ``stop``; f never rises beyond rounding.

    ``observe`` is called with the units after every step. A step that is too long for the time left is not made.
    """
    best = units
    with suppress(OutOfTimeError):
        for moved in _steps(f, units, stop, steps, observe):
            best = moved
    return best


def _steps(
    f: OutputObjective, units: Units, stop: Stop, steps: int, observe: Callable[[Units], object]
) -> Iterator[Units]:
    """The units whenever they have changed."""
    units, value = drop(f, _lasting(units), stop)
    yield units
    best_gradient, idle, since = math.inf, 0, math.inf
    for _ in range(steps):
        if not len(units) or stop():
            break
        direction = newton_direction(f, units)
        promise, rounding = -direction.slope, ROUNDING * (abs(value) + direction.doubt)
        if promise <= EARLY * (since - value) < math.inf:
            released, since = release(f, units), math.inf
            if released is not None:
                units, since = _lasting(released), value
                yield units
                continue
        settled, tired = promise <= rounding, idle > IDLE + len(units)
        if tired or (settled and not FLAT * f.lam < direction.gradient_norm < 0.5 * best_gradient):
            fewer, _ = merge(f, units, value + rounding, stop)
            released = None if tired else release(f, fewer)
            if released is None and fewer is units:
                break
            if fewer is not units:  # two units in one cell leave Newton no single minimum to go to
                value, idle = f(fewer.X, fewer.Theta), 0
            units, best_gradient, since = _lasting(fewer if released is None else released), math.inf, value
            yield units
            continue
        if settled:
            best_gradient = direction.gradient_norm
        moved = _lasting(search(ray(f, units, direction, value + rounding)))
        if _same_cells(moved, units):
            new = f(moved.X, moved.Theta)
        else:  # there Newton begins anew, and more can be dropped or merged; once settled, all pairs are tried again
            best_gradient = math.inf
            moved, new = merge(f, *drop(f, moved, stop), stop)
        if new > value + rounding:
            break
        idle = idle + 1 if new >= value - rounding else 0
        units, value = moved.lifted(), new
        yield units
        observe(units)


def _same_cells(units: Units, others: Units) -> bool:
    return units.faces is others.faces and np.array_equal(units.open, others.open)


def _lasting(units: Units) -> Units:
    """Without units whose length, or its square, has vanished: what they add is constant, and the output bias's."""
    return units.take(units.size > 0)


def release(f: OutputObjective, units: Units) -> Units | None:
    """Every held unit that falls off its face moves to the steepest edge beside it; None if none does.

    Off the face, f changes by ⟨∇ℓ, ·⟩ of the rows open there: linear on each cell, so the edges decide.
    """
    G, S, length = f.loss.gradient(units.X), units.rows.S, units.rows.length
    changed = False
    for i, face in enumerate(units.faces.each):
        if not len(face.rays):
            continue
        weight = G @ units.Z[i]
        heights = face.rays @ S.T
        heights[np.abs(heights) <= 1e-11 * length] = 0.0
        falls = heights @ (weight * units.open[i]) + np.maximum(heights, 0) @ (weight * face.pinned)
        if units.rows.free:  # rays are orthogonal to the face, but not in the priced coordinates alone
            k = units.rows.priced
            falls += f.lam * (face.rays[:, :k] @ units.P[i, :k]) / units.size[i]
        best = int(falls.argmin())
        if falls[best] >= -1e-9 * f.lam:
            continue
        kept = face.pinned & (heights[best] == 0)
        units = units.with_face(i, kept, np.where(face.pinned, heights[best] > 0, units.open[i]))
        changed = True
    return units if changed else None
