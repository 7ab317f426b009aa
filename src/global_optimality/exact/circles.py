"""Whether ‖Qᵀ(Su)₊‖² ≤ level·‖u‖² for every u in R³, in integers: all cells, arcs and vertices cut by the rows of S.

On a stratum (a cell, an arc, a vertex) the active rows are fixed, and the claim is that a quadratic form is not
negative. Where a form is negative somewhere in the stratum's span, and its boundary is checked as well, the set on
which it is negative is connected up to sign and misses the boundary. So one point of it decides: in the stratum the
claim fails there, and outside of it all of the set is outside.
"""

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass

from .forms import negative_direction

Row = Sequence[int]


@dataclass(frozen=True)
class Plane:
    """All rows that share a hyperplane nᵀu = 0: Σ s_i ⊗ q_i (3·c numbers) of those active where nᵀu > 0, < 0."""

    n: tuple[int, int, int]
    plus: tuple[int, ...]
    minus: tuple[int, ...]

    def turned(self) -> "Plane":
        a, b, c = self.n
        return Plane((-a, -b, -c), self.minus, self.plus)


def exceeding(S: Sequence[Row], Q: Sequence[Row], level: int) -> list[int] | None:
    """A vector u with ‖Qᵀ(Su)₊‖² > level·‖u‖², or None where there is none; S ``(N, d)``, d ≤ 3, Q ``(N, c)``."""
    rows = [(*s, *(0,) * (3 - len(s))) for s in S]
    planes = _planes(rows, Q)
    found = _Claim(rows, Q, level)
    for h in range(len(planes)):
        if u := _around(planes, h, found):
            return u
    return None


@dataclass(frozen=True)
class _Claim:
    S: Sequence[Row]
    Q: Sequence[Row]
    level: int

    def fails(self, u: Row) -> bool:
        """Whether the claim fails at u."""
        total = [0] * len(self.Q[0])
        for (a, b, c), q in zip(self.S, self.Q, strict=True):
            z = a * u[0] + b * u[1] + c * u[2]
            if z > 0:
                total = [t + z * x for t, x in zip(total, q, strict=True)]
        return sum(t * t for t in total) > self.level * _dot(u, u)

    def either(self, u: Row, walls: Sequence[tuple[Row, int]]) -> list[int] | None:
        """u or −u, where it lies on the stratum's side of these walls and the claim fails there."""
        sides = [side * _dot(n, u) for n, side in walls]
        for sign in (1, -1):
            if all(sign * side >= 0 for side in sides) and self.fails(w := [sign * x for x in u]):
                return w
        return None


def _planes(rows: Sequence[Row], Q: Sequence[Row]) -> list[Plane]:
    found: dict[tuple[int, int, int], list[list[int]]] = {}
    for s, q in zip(rows, Q, strict=True):
        g = math.gcd(*s)
        if g == 0:
            continue
        n = (s[0] // g, s[1] // g, s[2] // g)
        opposite = n < (0, 0, 0)
        key = (-n[0], -n[1], -n[2]) if opposite else n
        sums = found.setdefault(key, [[0] * (3 * len(q)) for _ in range(2)])
        sums[opposite] = [t + a * b for t, (a, b) in zip(sums[opposite], _pairs(s, q), strict=True)]
    return [Plane(n, tuple(plus), tuple(minus)) for n, (plus, minus) in found.items()]


def _pairs(s: Row, q: Row) -> list[tuple[int, int]]:
    return [(a, b) for b in q for a in s]


def _around(planes: Sequence[Plane], h: int, claim: _Claim) -> list[int] | None:
    """The arcs and vertices on the circle of plane h, and the cells on both of its sides, in one turn.

    u = x·e₁ + y·e₂. Every other plane is turned so that its normal on the circle has an angle θ in [0, π); it changes
    sides at θ − π/2. Half a turn is followed; ``back`` holds the sums at the opposite point.
    """
    n = planes[h].n
    e1 = (n[1], -n[0], 0) if n[0] or n[1] else (1, 0, 0)
    e2 = _cross(n, e1)
    crossing = []
    for k, other in enumerate(planes):
        if k != h:
            x, y = _dot(other.n, e1), _dot(other.n, e2)
            flip = y < 0 or (y == 0 and x < 0)
            crossing.append((-x, -y, other.turned(), k) if flip else (x, y, other, k))
    crossing.sort(key=lambda c: _slope(c[0], c[1]))  # nearly in order: what follows compares neighbours only
    crossing.sort(key=functools.cmp_to_key(lambda a, b: b[0] * a[1] - a[0] * b[1]))
    here = _sum([c[2].minus for c in crossing], len(planes[h].plus))
    back = _sum([c[2].plus for c in crossing], len(planes[h].plus))
    strata = _Strata(claim, e1, e2, _dot(e1, e1), _dot(e2, e2), n, (planes[h].plus, planes[h].minus))
    if not crossing:
        return strata.check(here, back, [])
    for place, (x, y, other, k) in enumerate(crossing):
        if k > h and (u := strata.vertex(here, back, y, -x)):
            return u
        here = [a + b - c for a, b, c in zip(here, other.plus, other.minus, strict=True)]
        back = [a - b + c for a, b, c in zip(back, other.plus, other.minus, strict=True)]
        following = crossing[(place + 1) % len(crossing)]
        if place + 1 == len(crossing):  # the next to change sides is the first one, at half a turn
            walls = [(other.n, 1), (following[2].n, 1)]
        elif following[0] * y == x * following[1]:
            continue
        else:
            walls = [(other.n, 1), (following[2].n, -1)]
        if u := strata.check(here, back, walls):
            return u
    return None


@dataclass(frozen=True)
class _Strata:
    claim: _Claim
    e1: Row
    e2: Row
    square1: int
    square2: int
    n: Row
    beside: tuple[Row, Row]

    def vertex(self, here: Row, back: Row, x: int, y: int) -> list[int] | None:
        v = [x * a + y * b for a, b in zip(self.e1, self.e2, strict=True)]
        limit = self.claim.level * _dot(v, v)
        for sums, sign in ((here, 1), (back, -1)):
            if sum(t * t for t in _outputs(sums, v)) > limit:
                return [sign * a for a in v]
        return None

    def check(self, here: Row, back: Row, walls: list[tuple[Row, int]]) -> list[int] | None:
        """An arc and the two cells beside it, and those opposite; the arc's ends lie on the walls, on these sides."""
        for sums, turn in ((here, 1), (back, -1)):
            ends = [(n, turn * side) for n, side in walls]
            if u := self._arc(sums, ends):
                return u
            for side, beside in zip((1, -1), self.beside, strict=True):
                if u := self._cell([a + b for a, b in zip(sums, beside, strict=True)], [(self.n, side), *ends]):
                    return u
        return None

    def _arc(self, sums: Row, walls: Sequence[tuple[Row, int]]) -> list[int] | None:
        level = self.claim.level
        if sum(a * a for a in sums) <= level:
            return None
        first, second = _outputs(sums, self.e1), _outputs(sums, self.e2)
        if len(first) == 1:
            (a,), (b,) = first, second
            if a * a * self.square2 + b * b * self.square1 <= level * self.square1 * self.square2:
                return None
            point = a * self.square2, b * self.square1
        else:
            mixed = -_dot(first, second)
            form = [[level * self.square1 - _dot(first, first), mixed]]
            form.append([mixed, level * self.square2 - _dot(second, second)])
            if (point := negative_direction(form)) is None:
                return None
        return self.claim.either([point[0] * a + point[1] * b for a, b in zip(self.e1, self.e2, strict=True)], walls)

    def _cell(self, sums: Row, walls: Sequence[tuple[Row, int]]) -> list[int] | None:
        if sum(a * a for a in sums) <= self.claim.level:
            return None
        if len(sums) == 3:
            point = list(sums)
        else:
            columns = [sums[j : j + 3] for j in range(0, len(sums), 3)]
            form = [[-sum(g[i] * g[j] for g in columns) for j in range(3)] for i in range(3)]
            for i in range(3):
                form[i][i] += self.claim.level
            if (point := negative_direction(form)) is None:
                return None
        return self.claim.either(point, walls)


def _slope(x: int, y: int) -> float:
    shift = max(abs(x).bit_length(), y.bit_length()) - 60
    return math.atan2(y >> shift, x >> shift) if shift > 0 else math.atan2(y, x)


def _outputs(sums: Row, v: Row) -> list[int]:
    """Bᵀv for B = Σ s_i ⊗ q_i, laid out output by output."""
    return [sums[j] * v[0] + sums[j + 1] * v[1] + sums[j + 2] * v[2] for j in range(0, len(sums), 3)]


def _sum(vectors: Sequence[Row], length: int) -> list[int]:
    return [sum(column) for column in zip(*vectors, strict=True)] if vectors else [0] * length


def _dot(a: Row, b: Row) -> int:
    return sum(x * y for x, y in zip(a, b, strict=True))


def _cross(a: Row, b: Row) -> tuple[int, int, int]:
    return a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]
