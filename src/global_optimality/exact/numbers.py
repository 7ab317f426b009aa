"""Numbers without rounding: every float64 is m · 2^e, and a logarithm lies between two integers over 2^BITS."""

import math
from collections.abc import Iterable, Sequence
from fractions import Fraction

BITS = 192
"""Logarithms and exponentials are enclosed to about 2^−BITS."""

GUARD = 32
"""Inside they are computed with GUARD more bits: the error of all steps stays below 2^(GUARD − 8) units."""

_WORK = BITS + GUARD
_ONE = 1 << _WORK

Enclosure = tuple[int, int]
"""(lower, upper), both over 2^BITS."""


def integers(values: Iterable[float]) -> tuple[list[int], int]:
    """(m, k) with values = m / 2^k exactly; k is as small as it can be, and negative where all are large."""
    parts = [math.frexp(x) for x in values]
    k = 53 - min((e for x, e in parts if x), default=53)
    return [int(x * 2**53) << (e - 53 + k) if x else 0 for x, e in parts], k


def matrix(rows: Sequence[Sequence[float]]) -> tuple[list[list[int]], int]:
    """As ``integers``, for a matrix."""
    flat, k = integers(x for row in rows for x in row)
    columns = len(rows[0]) if rows else 0
    return [flat[i * columns : (i + 1) * columns] for i in range(len(rows))], k


def dyadic(m: int, k: int) -> Fraction:
    """m / 2^k."""
    return Fraction(m, 1 << k) if k >= 0 else Fraction(m << -k)


def round_down(x: Fraction) -> float:
    """The largest float64 at most x, −∞ below all of them."""
    return -round_up(-x)


def round_up(x: Fraction) -> float:
    """The smallest float64 at least x, +∞ above all of them."""
    try:
        nearest = float(x)
    except OverflowError:
        return math.inf if x > 0 else -math.nextafter(math.inf, 0.0)
    return nearest if Fraction(nearest) >= x else math.nextafter(nearest, math.inf)


def log(p: int, q: int) -> Enclosure:
    """log(p / q) for positive integers: k log 2 + 2 artanh z with |z| < 1/3."""
    k = p.bit_length() - q.bit_length()
    p, q = (p, q << k) if k >= 0 else (p << -k, q)
    return _enclosure(k * _LOG2 + 2 * _artanh(((p - q) << _WORK) // (p + q)))


def exp(n: int, k: int) -> Enclosure:
    """exp(−n / 2^k) for n ≥ 0, by Taylor's series below log 2."""
    if n.bit_length() - k > 10:  # e^−512 and less: far below a unit
        return 0, 1
    x = n << (_WORK - k) if k <= _WORK else n >> (k - _WORK)
    halvings, rest = divmod(x, _LOG2)
    term = total = _ONE
    j = 0
    while term:
        j += 1
        term = term * rest // (j << _WORK)
        total += term
    return _enclosure((_ONE << _WORK) // total >> halvings)


def softplus(n: int, k: int) -> Enclosure:
    """log(1 + exp(n / 2^k))."""
    lower, upper = exp(abs(n), k)
    unit = 1 << BITS
    below, above = log(unit + max(lower, 0), unit)[0], log(unit + upper, unit)[1]
    straight = max(n, 0) << max(BITS - k, 0)
    straight >>= max(k - BITS, 0)
    return straight + below, straight + above + 1


def _artanh(z: int) -> int:
    """z + z³/3 + z⁵/5 + …, over 2^_WORK: fewer than 2^7 terms, each below its value by at most a few units."""
    square, term, total, j = z * z >> _WORK, z, 0, 1
    while term not in (0, -1):
        total += term // j
        term = term * square >> _WORK
        j += 2
    return total


def _enclosure(x: int) -> Enclosure:
    room = 1 << (GUARD - 8)
    return (x - room) >> GUARD, ((x + room) >> GUARD) + 1


_LOG2 = 2 * _artanh(_ONE // 3)
