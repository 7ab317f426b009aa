"""Every critical point of a continuous piecewise polynomial, in exact rational arithmetic: nothing is missed.

Roots of the derivative are isolated by Sturm's theorem and enclosed to width WIDTH; the sign of the derivative on
either side is exact, so the kind of a point needs no tolerance.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

Polynomial = Sequence[Fraction]
"""Coefficients by ascending powers."""

WIDTH = Fraction(1, 2**60)
"""Width of the interval that encloses a root which is not hit exactly."""


@dataclass(frozen=True)
class PolynomialPiece:
    """A polynomial between two kinks; low is None on the first piece, high on the last."""

    low: Fraction | None
    high: Fraction | None
    coefficients: tuple[Fraction, ...]


@dataclass(frozen=True)
class Critical:
    """A critical point (low = high but for WIDTH) or a plateau; the signs of f′ before and after it.

    A plateau that never ends is cut one unit beyond its only edge, and has sign 0 on the open side.
    """

    low: Fraction
    high: Fraction
    before: int
    after: int
    is_plateau: bool
    objective: Fraction
    curvature: Fraction

    @property
    def middle(self) -> Fraction:
        return (self.low + self.high) / 2


def value(p: Polynomial, t: Fraction) -> Fraction:
    """p(t), by Horner's rule."""
    total = Fraction(0)
    for c in reversed(p):
        total = total * t + c
    return total


def multiply(p: Polynomial, q: Polynomial) -> list[Fraction]:
    """p q."""
    product = [Fraction(0)] * (len(p) + len(q) - 1)
    for (i, a), (j, b) in itertools.product(enumerate(p), enumerate(q)):
        product[i + j] += a * b
    return product


def derivative(p: Polynomial) -> list[Fraction]:
    """p′."""
    return [k * c for k, c in enumerate(p)][1:]


def roots(p: Polynomial, low: Fraction, high: Fraction) -> list[tuple[Fraction, Fraction]]:
    """Disjoint enclosures, in order, of the different real roots in the open interval (low, high); p is not zero."""
    p = _without_root(_without_root(_trim(p), low), high)
    return _isolate(p, _sturm(p), low, high)


def _isolate(p: list[Fraction], chain: list[list[Fraction]], low: Fraction, high: Fraction) -> list:
    count = _changes(chain, low) - _changes(chain, high)
    if count == 0:
        return []
    if count == 1 and value(p, low) * value(p, high) < 0:
        return [_bisect(p, low, high)]
    if count == 1 and high - low <= WIDTH:
        return [(low, high)]
    middle = (low + high) / 2
    if value(p, middle) == 0:
        return [*roots(p, low, middle), (middle, middle), *roots(p, middle, high)]
    return _isolate(p, chain, low, middle) + _isolate(p, chain, middle, high)


def _bisect(p: list[Fraction], low: Fraction, high: Fraction) -> tuple[Fraction, Fraction]:
    """The sign change of p in (low, high), enclosed to WIDTH."""
    rising = value(p, high) > 0
    while high - low > WIDTH:
        middle = (low + high) / 2
        here = value(p, middle)
        if here == 0:
            return middle, middle
        low, high = (low, middle) if (here > 0) == rising else (middle, high)
    return low, high


def critical_sets(pieces: Sequence[PolynomialPiece]) -> Iterator[Critical]:
    """All critical points and plateaus of the whole line, in order. A kink is critical where f′ changes sign."""
    gaps, cuts = _monotone_gaps(pieces)
    k = 0
    while k < len(gaps):
        sign, p = gaps[k]
        if sign == 0:
            end = k
            while end + 1 < len(gaps) and gaps[end + 1][0] == 0:
                end += 1
            yield _plateau(cuts, gaps, k, end)
            k = end
        elif k + 1 < len(gaps) and gaps[k + 1][0] != 0:
            after, q = gaps[k + 1]
            low, high = cuts[k]
            t = (low + high) / 2
            flat = low != high or (value(derivative(p), t) == 0 and value(derivative(q), t) == 0)
            if sign != after or flat:
                yield Critical(low, high, sign, after, False, value(p, t), value(derivative(derivative(p)), t))
        k += 1


def _monotone_gaps(pieces: Sequence[PolynomialPiece]) -> tuple[list, list]:
    """(sign of f′, polynomial) of every gap between neighbouring cuts; a cut is a kink or the enclosure of a root."""
    gaps, cuts = [], []
    for piece in pieces:
        slope = _trim(derivative(piece.coefficients))
        bound = Fraction(1) + max((abs(c / slope[-1]) for c in slope), default=Fraction(0))
        low = piece.low if piece.low is not None else -bound - abs(piece.high or Fraction(0))
        high = piece.high if piece.high is not None else bound + abs(piece.low or Fraction(0))
        inner = roots(slope, low, high) if slope else []
        if gaps:
            cuts.append((low, low))
        cuts += inner
        edges = [(low, low), *inner, (high, high)]
        for (_, a), (b, _) in itertools.pairwise(edges):
            d = value(slope, (a + b) / 2)
            gaps.append(((d > 0) - (d < 0), piece.coefficients))
    return gaps, cuts


def _plateau(cuts: list, gaps: list, first: int, last: int) -> Critical:
    before = gaps[first - 1][0] if first else 0
    after = gaps[last + 1][0] if last + 1 < len(gaps) else 0
    low = cuts[first - 1][1] if first else None
    high = cuts[last][0] if last < len(cuts) else None
    if low is None:
        low = high - 1 if high is not None else Fraction(0)
    return Critical(low, low + 1 if high is None else high, before, after, True, gaps[first][1][0], Fraction(0))


def _trim(p: Polynomial) -> list[Fraction]:
    p = list(p)
    while p and p[-1] == 0:
        p.pop()
    return p


def _without_root(p: list[Fraction], t: Fraction) -> list[Fraction]:
    """p divided by (x − t) as often as it goes."""
    while len(p) > 1 and value(p, t) == 0:
        quotient = [Fraction(0)] * (len(p) - 1)
        carry = Fraction(0)
        for k in range(len(p) - 1, 0, -1):
            carry = p[k] + t * carry
            quotient[k - 1] = carry
        p = quotient
    return p


def _sturm(p: list[Fraction]) -> list[list[Fraction]]:
    chain = [p, _trim(derivative(p))]
    while chain[-1]:
        chain.append([-c for c in _remainder(chain[-2], chain[-1])])
    return chain[:-1]


def _remainder(p: list[Fraction], q: list[Fraction]) -> list[Fraction]:
    p = list(p)
    while len(p) >= len(q):
        factor = p[-1] / q[-1]
        for k in range(1, len(q) + 1):
            p[-k] -= factor * q[-k]
        p.pop()
    return _trim(p)


def _changes(chain: list[list[Fraction]], t: Fraction) -> int:
    signs = [v > 0 for p in chain if (v := value(p, t)) != 0]
    return sum(a != b for a, b in itertools.pairwise(signs))
