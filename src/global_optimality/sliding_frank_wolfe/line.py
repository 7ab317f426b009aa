"""An exact line search on f along a direction: f is smooth between the kinks that units meet on the way."""

from dataclasses import dataclass, replace

import numpy as np

from .newton import Direction
from .objective import Array, Mask, Objective
from .units import Units

FLAT_SLOPE = 0.1
SHRINK = 0.99
SECANTS = 30
HALVINGS = 40
ROUNDING = 1e-15


@dataclass(frozen=True, eq=False)
class Ray:
    """f on P + t·step_p, Z + t·step_z (normalised), t ≥ 0; ``crossing`` ``(r, N)`` holds the t at which gates turn.

    ``value`` is f at t = 0, ``first`` its slope there, before any gate turns.
    """

    f: Objective
    units: Units
    step_p: Array
    step_z: Array
    rises: Array
    crossing: Array
    reach: float
    value: float
    first: float

    def gates(self, t: float, after: bool) -> Mask:
        return self.units.open ^ (self.crossing <= t if after else self.crossing < t)

    def slope(self, t: float, after: bool) -> tuple[float, float]:
        """The derivative of f just before or just after t, and f at t."""
        gates = self.gates(t, after)
        change = self.rises * gates
        hidden = self.units.heights * gates + t * change
        P = self.units.P + t * self.step_p
        size = np.sqrt(np.einsum("rd,rd->r", P, P))
        grows = float((np.einsum("rd,rd->r", P, self.step_p) / np.maximum(size, 1e-300)).sum())
        Z = self.units.Z
        if Z.shape[1] > 1:
            Z = Z + t * self.step_z
            length = np.sqrt(np.einsum("rc,rc->r", Z, Z))[:, None]
            Z = Z / length
            step_z = (self.step_z - np.einsum("rc,rc->r", self.step_z, Z)[:, None] * Z) / length
            value, G = self.f.loss_and_gradient(hidden.T @ Z)
            slope = float((G * (change.T @ Z + hidden.T @ step_z)).sum())
        else:  # Z = ±1 stays
            value, G = self.f.loss_and_gradient(hidden.T @ Z)
            slope = float(G[:, 0] @ (change.T @ Z[:, 0]))
        return slope + self.f.lam * grows, value + self.f.lam * float(size.sum())

    def at(self, t: float, after: bool) -> Units:
        Z = self.units.Z
        if Z.shape[1] > 1:
            Z = Z + t * self.step_z
            Z = Z / np.linalg.norm(Z, axis=1, keepdims=True)
        return replace(self.units, P=self.units.P + t * self.step_p, Z=Z, open=self.gates(t, after))


def ray(f: Objective, units: Units, direction: Direction, value: float) -> Ray:
    rises = direction.step_p @ units.rows.S.T
    crossing = np.full_like(rises, np.inf)
    if units.rows.kinked:
        meets = (np.where(units.open, rises < 0, rises > 0)) & ~units.pinned
        np.divide(-units.heights, rises, out=crossing, where=meets)
        np.maximum(crossing, 0, out=crossing)
    return Ray(f, units, direction.step_p, direction.step_z, rises, crossing, direction.reach, value, direction.slope)


def search(ray: Ray) -> Units:
    """The units where f stops falling, at most at t = reach, and never higher than at t = 0 beyond rounding.

    If that is at a kink, the unit that meets it there is pinned to it; a unit that meets zero is removed.
    """
    limit, first, shrinking = _room(ray)
    ceiling = ray.value + ROUNDING * abs(ray.value)
    end = limit
    for _ in range(HALVINGS):
        moved, at_end, risen = _stop(ray, end, ceiling)
        if not risen:
            break
        end /= 2
    else:
        return ray.units
    if at_end and end == limit and shrinking:
        without = ray.at(limit, after=False).without(first)
        if ray.f(without.X, without.Theta) <= ceiling:
            return without
        return ray.at(SHRINK * limit, after=False)
    return moved


def _room(ray: Ray) -> tuple[float, int, bool]:
    """The t ≤ reach at which the first unit has shrunk to nothing (in its own direction), which, and whether so."""
    inward = np.einsum("rd,rd->r", ray.units.P, ray.step_p) / ray.units.size**2
    first = int(inward.argmin())
    limit = 1 / max(-float(inward[first]), 1e-300)
    return min(ray.reach, limit), first, limit <= ray.reach


def _stop(ray: Ray, end: float, ceiling: float) -> tuple[Units, bool, bool]:
    """Where f stops falling before ``end``: the units there, whether that is ``end``, and whether f rose."""
    units, at = (ray.crossing < end).nonzero()
    times = ray.crossing[units, at]
    order = times.argsort()
    times = times[order]
    # f falls just after times[low] (before any, at 0); it does not just after times[high], or high is the end
    low, high, first = -1, len(times), ray.first
    while high - low > 1:
        k = (low + high) // 2
        slope, value = ray.slope(float(times[k]), after=True)
        if slope < 0 and value <= ceiling:
            low, first = k, slope
        else:
            high = k
    start = float(times[low]) if low >= 0 else 0.0
    stop = float(times[high]) if high < len(times) else end
    turns, value = ray.slope(stop, after=False)
    if turns < 0 and high < len(times) and value <= ceiling:
        i, j = int(units[order[high]]), int(at[order[high]])
        moved = ray.at(stop, after=False)
        hyperplanes = moved.faces[i].pinned.copy()
        hyperplanes[j] = True
        return moved.with_face(i, hyperplanes, moved.open[i]), False, False
    if not first < 0:  # flat to rounding
        return ray.at(start, after=low >= 0), False, False
    if turns <= -FLAT_SLOPE * first:
        return ray.at(stop, after=False), high == len(times), value > ceiling
    t, value = _zero(ray, start, first, stop, turns, value)
    return ray.at(t, after=False), False, value > ceiling


def _zero(ray: Ray, a: float, fa: float, b: float, fb: float, value: float) -> tuple[float, float]:
    """A zero of the slope between a (negative) and b (positive, f = ``value``) and f there, by the Illinois method."""
    goal = FLAT_SLOPE * abs(fa)
    t = b
    for _ in range(SECANTS):
        if not fb > fa:
            break
        new = (a * fb - b * fa) / (fb - fa)
        if not a < new < b:
            break
        t = new
        ft, value = ray.slope(t, after=False)
        if abs(ft) <= goal:
            break
        if ft < 0:
            a, fa, fb = t, ft, fb / 2
        else:
            b, fb, fa = t, ft, fa / 2
    return t, value
