"""An exact line search on f along a direction: f is smooth between the kinks that units meet on the way."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..losses import Loss
from .newton import Direction
from .units import Units

FLAT_SLOPE = 0.1
SHRINK = 0.99
SECANTS = 30


@dataclass(frozen=True, eq=False)
class Ray:
    """f on the half line P + t·dP, Z + t·dZ (normalised): ``crossing`` ``(r, N)`` holds the t at which gates turn."""

    loss: Loss
    lam: float
    units: Units
    dP: Tensor
    dZ: Tensor
    heights: Tensor
    rises: Tensor
    crossing: Tensor

    def gates(self, t: float, after: bool) -> Tensor:
        turned = self.crossing <= t if after else self.crossing < t
        return self.units.open ^ turned

    def slope(self, t: float, after: bool) -> float:
        """The derivative of f just before or just after t."""
        gates = self.gates(t, after)
        hidden, change = (self.heights + t * self.rises) * gates, self.rises * gates
        Z = self.units.Z + t * self.dZ
        length = Z.norm(dim=1, keepdim=True)
        Z = Z / length
        dZ = (self.dZ - (self.dZ * Z).sum(1, keepdim=True) * Z) / length
        P = self.units.P + t * self.dP
        G = self.loss.gradient((hidden.T @ Z)[None])[0]
        moved = change.T @ Z + hidden.T @ dZ
        size = P.norm(dim=1)
        grows = (P * self.dP).sum(1) / torch.where(size > 0, size, 1.0)
        return float((G * moved).sum() + self.lam * grows.sum())

    def at(self, t: float, after: bool) -> Units:
        Z = self.units.Z + t * self.dZ
        Z = Z / Z.norm(dim=1, keepdim=True)
        return replace(self.units, P=self.units.P + t * self.dP, Z=Z, open=self.gates(t, after))


def ray(loss: Loss, lam: float, units: Units, direction: Direction) -> Ray:
    S = units.rows.S
    heights, rises = units.P @ S.T, direction.dP @ S.T
    crossing = torch.full_like(heights, torch.inf)
    if units.rows.kinked:
        meets = (torch.where(units.open, -rises, rises) > 0) & ~units.pinned
        crossing = torch.where(meets, (-heights / rises).clamp(min=0), crossing)
    return Ray(loss, lam, units, direction.dP, direction.dZ, heights, rises, crossing)


def search(f: Ray) -> tuple[Units, bool]:
    """The units where f stops falling, at most at t = 1, pinned if that is at a kink; and whether it was at one."""
    P, dP = f.units.P, f.dP
    inward = (P * dP).sum(1) / P.square().sum(1)
    end = min(1.0, float((SHRINK / (-inward).clamp(min=1e-300)).min()))
    ahead = f.crossing < end
    times, order = f.crossing[ahead].sort()
    where = ahead.nonzero()[order]
    low, high = -1, len(times)  # f falls just after times[low]; it does not just after times[high], or high is the end
    while high - low > 1:
        k = (low + high) // 2
        if f.slope(float(times[k]), after=True) < 0:
            low = k
        else:
            high = k
    start = float(times[low]) if low >= 0 else 0.0
    stop = float(times[high]) if high < len(times) else end
    turns = f.slope(stop, after=False)
    if turns < 0 and high < len(times):
        i, j = where[high].tolist()
        moved = f.at(stop, after=False)
        hyperplanes = moved.faces[i].pinned.clone()
        hyperplanes[j] = True
        return moved.with_face(i, hyperplanes, moved.open[i]), True
    first = f.slope(start, after=low >= 0)
    if turns <= -FLAT_SLOPE * first or first >= 0:
        return f.at(stop, after=False), False
    return f.at(_zero(f, start, first, stop, turns, low >= 0), after=False), False


def _zero(f: Ray, a: float, fa: float, b: float, fb: float, after: bool) -> float:
    """A zero of the slope between a (negative) and b (positive), by the Illinois method."""
    goal = FLAT_SLOPE * abs(fa)
    t = b
    for _ in range(SECANTS):
        t = (a * fb - b * fa) / (fb - fa)
        if not a < t < b:
            break
        ft = f.slope(t, after=False)
        if abs(ft) <= goal:
            break
        if ft < 0:
            a, fa, fb = t, ft, fb / 2
        else:
            b, fb, fa = t, ft, fa / 2
    return t
