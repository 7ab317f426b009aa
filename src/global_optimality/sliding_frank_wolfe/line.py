"""An exact line search on f along a direction: f is smooth between the kinks that units meet on the way."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..losses import Loss
from .newton import Direction, objective
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

    loss: Loss
    lam: float
    units: Units
    step_p: Tensor
    step_z: Tensor
    heights: Tensor
    rises: Tensor
    crossing: Tensor
    reach: float
    value: float
    first: float

    def gates(self, t: float, after: bool) -> Tensor:
        turned = self.crossing <= t if after else self.crossing < t
        return self.units.open ^ turned

    def slope(self, t: float, after: bool) -> tuple[float, float]:
        """The derivative of f just before or just after t, and f at t."""
        gates = self.gates(t, after)
        hidden, change = (self.heights + t * self.rises) * gates, self.rises * gates
        Z, step_z = self.units.Z, self.step_z
        if Z.shape[1] > 1:  # else Z = ±1 stays
            Z = Z + t * step_z
            length = Z.norm(dim=1, keepdim=True)
            Z = Z / length
            step_z = (step_z - (step_z * Z).sum(1, keepdim=True) * Z) / length
        P = self.units.P + t * self.step_p
        value, G = self.loss.value_and_gradient((hidden.T @ Z)[None])
        size = P.norm(dim=1)
        grows = (P * self.step_p).sum(1) / size.clamp(min=1e-300)
        slope = (G[0] * (change.T @ Z + hidden.T @ step_z)).sum() + self.lam * grows.sum()
        return float(slope), float(value[0] + self.lam * size.sum())

    def at(self, t: float, after: bool) -> Units:
        Z = self.units.Z + t * self.step_z
        Z = Z / Z.norm(dim=1, keepdim=True)
        return replace(self.units, P=self.units.P + t * self.step_p, Z=Z, open=self.gates(t, after))


def ray(loss: Loss, lam: float, units: Units, direction: Direction, value: float) -> Ray:
    S = units.rows.S
    heights, rises = units.P @ S.T, direction.step_p @ S.T
    crossing = torch.full_like(heights, torch.inf)
    if units.rows.kinked:
        meets = (torch.where(units.open, -rises, rises) > 0) & ~units.pinned
        crossing = torch.where(meets, (-heights / rises).clamp(min=0), crossing)
    step_p, step_z, reach = direction.step_p, direction.step_z, direction.reach
    return Ray(loss, lam, units, step_p, step_z, heights, rises, crossing, reach, value, direction.slope)


def search(f: Ray) -> Units:
    """The units where f stops falling, at most at t = reach, and never higher than at t = 0 beyond rounding.

    If that is at a kink, the unit that meets it there is pinned to it; a unit that meets zero is removed.
    """
    limit, first, shrinking = _room(f)
    ceiling = f.value + ROUNDING * abs(f.value)
    end = limit
    for _ in range(HALVINGS):
        moved, at_end, risen = _stop(f, end, ceiling)
        if not risen:
            break
        end /= 2
    else:
        return f.units
    if at_end and end == limit and shrinking:
        keep = torch.ones(len(f.units), dtype=torch.bool, device=moved.P.device)
        keep[first] = False
        without = f.at(limit, after=False).take(keep)
        if objective(f.loss, f.lam, without) <= ceiling:
            return without
        return f.at(SHRINK * limit, after=False)
    return moved


def _room(f: Ray) -> tuple[float, int, bool]:
    """The t ≤ reach at which the first unit has shrunk to nothing (in its own direction), which, and whether so."""
    inward = (f.units.P * f.step_p).sum(1) / f.units.P.square().sum(1)
    first = int(inward.argmin())
    limit = 1 / max(-float(inward[first]), 1e-300)
    return min(f.reach, limit), first, limit <= f.reach


def _stop(f: Ray, end: float, ceiling: float) -> tuple[Units, bool, bool]:
    """Where f stops falling before ``end``: the units there, whether that is ``end``, and whether f rose."""
    times, order = f.crossing[f.crossing < end].sort()
    # f falls just after times[low] (before any, at 0); it does not just after times[high], or high is the end
    low, high, first = -1, len(times), f.first
    while high - low > 1:
        k = (low + high) // 2
        slope, value = f.slope(float(times[k]), after=True)
        if slope < 0 and value <= ceiling:
            low, first = k, slope
        else:
            high = k
    start = float(times[low]) if low >= 0 else 0.0
    stop = float(times[high]) if high < len(times) else end
    turns, value = f.slope(stop, after=False)
    if turns < 0 and high < len(times) and value <= ceiling:
        i, j = (f.crossing < end).nonzero()[order[high]].tolist()
        moved = f.at(stop, after=False)
        hyperplanes = moved.faces[i].pinned.clone()
        hyperplanes[j] = True
        return moved.with_face(i, hyperplanes, moved.open[i]), False, False
    if not first < 0:  # flat to rounding
        return f.at(start, after=low >= 0), False, False
    if turns <= -FLAT_SLOPE * first:
        return f.at(stop, after=False), high == len(times), value > ceiling
    t, value = _zero(f, start, first, stop, turns, value)
    return f.at(t, after=False), False, value > ceiling


def _zero(f: Ray, a: float, fa: float, b: float, fb: float, value: float) -> tuple[float, float]:
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
        ft, value = f.slope(t, after=False)
        if abs(ft) <= goal:
            break
        if ft < 0:
            a, fa, fb = t, ft, fb / 2
        else:
            b, fb, fa = t, ft, fa / 2
    return t, value
