"""An exact line search on f along a direction: f is smooth between the kinks that units meet on the way."""

from dataclasses import dataclass

import numpy as np

from ..effort import look
from .newton import Direction
from .objective import Array, Mask, OutputObjective
from .units import Units

FLAT_SLOPE = 0.5
"""A search ends where f rises by at most this share of the slope it began with."""

SHRINK = 0.99
SECANTS = 30
HALVINGS = 40


@dataclass(frozen=True, eq=False)
class Ray:
    """f on P + t·step_p, Z + t·step_z (normalised), t ≥ 0; ``crossing`` ``(r, N)`` holds the t at which gates turn.

    ``ceiling`` is f at t = 0 and its rounding, ``first`` the slope there, before any gate turns.
    """

    f: OutputObjective
    units: Units
    step_p: Array
    step_z: Array
    rises: Array
    crossing: Array
    reach: float
    ceiling: float
    first: float

    def gates(self, t: float, after: bool) -> Mask:
        return self.units.open ^ (self.crossing <= t if after else self.crossing < t)

    def slope(self, t: float) -> float:
        """The derivative of f just before t."""
        return self._slope(t)[0]

    def slopes(self, t: float) -> tuple[float, float]:
        """The derivative of f just before and just after t; between, only the gates that turn at t change it."""
        before, G, Z = self._slope(t)
        i, j = (self.crossing == t).nonzero()
        jump = np.where(self.units.open[i, j], -1, 1) * self.rises[i, j] @ np.vecdot(G[j], Z[i])
        return before, before + float(jump)

    def _slope(self, t: float) -> tuple[float, Array, Array]:
        look()
        units, step_p, Z = self.units, self.step_p, self.units.Z
        gates = self.gates(t, after=False)
        change = self.rises * gates
        hidden = units.heights * gates + t * change
        P = units.P + t * step_p
        priced = P[:, : units.rows.priced]
        inward = np.vecdot(priced, step_p[:, : units.rows.priced])
        grows = float(inward @ (1 / np.maximum(np.sqrt(np.vecdot(priced, priced)), 1e-300)))
        if Z.shape[1] == 1:  # Z = ±1 stays
            G = self.f.loss.gradient(hidden.T @ Z)
            return float(Z[:, 0] @ (change @ G[:, 0])) + self.f.lam * grows, G, Z
        Z = Z + t * self.step_z
        length = np.sqrt(np.vecdot(Z, Z))[:, None]
        Z = Z / length
        step_z = (self.step_z - np.vecdot(self.step_z, Z)[:, None] * Z) / length
        G = self.f.loss.gradient(hidden.T @ Z)
        return float((G * (change.T @ Z + hidden.T @ step_z)).sum()) + self.f.lam * grows, G, Z

    def at(self, t: float, after: bool) -> Units:
        Z = self.units.Z
        if Z.shape[1] > 1:
            Z = Z + t * self.step_z
            Z = Z / np.linalg.norm(Z, axis=1, keepdims=True)
        units = self.units
        return Units(units.rows, units.P + t * self.step_p, Z, self.gates(t, after), units.faces)


def ray(f: OutputObjective, units: Units, direction: Direction, ceiling: float) -> Ray:
    """The units on their way along a direction, and the step at which each row of each unit meets its kink."""
    rises = direction.step_p @ units.rows.S.T
    crossing = np.full_like(rises, np.inf)
    if units.rows.kinked:
        meets = (np.where(units.open, rises < 0, rises > 0)) & ~units.faces.pinned
        np.divide(-units.heights, rises, out=crossing, where=meets)
        np.maximum(crossing, 0, out=crossing)
    return Ray(f, units, direction.step_p, direction.step_z, rises, crossing, direction.reach, ceiling, direction.slope)


def search(ray: Ray) -> Units:
    """The units where f stops falling, at most at t = reach, and never higher than at t = 0 beyond rounding.

    If that is at a kink, the unit that meets it there is pinned to it; a unit that meets zero is removed.
    """
    limit, first, shrinking = _room(ray)
    end = limit
    for _ in range(HALVINGS):
        moved, at_end = _stop(ray, end)
        if ray.f(moved.X, moved.Theta) <= ray.ceiling:
            break
        end /= 2
    else:
        return ray.units
    if at_end and end == limit and shrinking:
        without = moved.without(first)
        if ray.f(without.X, without.Theta) <= ray.ceiling:
            return without
        return ray.at(SHRINK * limit, after=False)
    return moved


def _room(ray: Ray) -> tuple[float, int, bool]:
    """The t ≤ reach at which the first unit has shrunk to nothing (in its own direction), which, and whether so."""
    priced = ray.units.rows.priced
    inward = np.vecdot(ray.units.P[:, :priced], ray.step_p[:, :priced]) / ray.units.size**2
    first = int(inward.argmin())
    limit = 1 / max(-float(inward[first]), 1e-300)
    return min(ray.reach, limit), first, limit <= ray.reach


def _stop(ray: Ray, end: float) -> tuple[Units, bool]:
    """Where f stops falling before ``end``: the units there, and whether that is ``end``."""
    last = ray.slope(end)
    if last <= -FLAT_SLOPE * ray.first:
        return ray.at(end, after=False), True
    units, at = (ray.crossing < end).nonzero()
    times = ray.crossing[units, at]
    order = times.argsort()
    times = times[order]
    # f falls just after times[low] (before any, at 0); it does not just before times[high], or high is the end
    low, high, start, first, stop = -1, len(times), 0.0, ray.first, end
    while high - low > 1:
        k = (low + high) // 2
        if last > 0 and high - low > 2:  # a secant tells more than the middle
            zero = (start * last - stop * first) / (last - first)
            k = min(max(int(times.searchsorted(zero)), low + 1), high - 1)
        before, after = ray.slopes(float(times[k]))
        if after < 0:
            low, start, first = k, float(times[k]), after
        elif before < 0:
            moved, i = ray.at(float(times[k]), after=False), int(units[order[k]])
            hyperplanes = moved.faces.each[i].pinned.copy()
            hyperplanes[at[order[k]]] = True
            return moved.with_face(i, hyperplanes, moved.open[i]), False
        else:
            high, stop, last = k, float(times[k]), before
    if not first < 0:  # flat to rounding
        return ray.at(start, after=low >= 0), False
    if last <= -FLAT_SLOPE * first:
        return ray.at(stop, after=False), False
    return ray.at(_zero(ray, start, first, stop, last), after=False), False


def _zero(ray: Ray, a: float, fa: float, b: float, fb: float) -> float:
    """A zero of the slope between a (negative) and b (positive), by the Illinois method."""
    goal = FLAT_SLOPE * abs(fa)
    t = b
    for _ in range(SECANTS):
        if not fb > fa:
            break
        new = (a * fb - b * fa) / (fb - fa)
        if not a < new < b:
            break
        t = new
        ft = ray.slope(t)
        if abs(ft) <= goal:
            break
        if ft < 0:
            a, fa, fb = t, ft, fb / 2
        else:
            b, fb, fa = t, ft, fa / 2
    return t
