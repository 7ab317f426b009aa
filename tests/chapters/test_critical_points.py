"""Exact critical points: roots of polynomials enclosed by Sturm's theorem, and what happens around each."""

from fractions import Fraction

import numpy as np
import pytest

from book.landscape.critical_points import WIDTH, PolynomialPiece, critical_sets, multiply, roots


def polynomial(*zeros: int | Fraction) -> list[Fraction]:
    p = [Fraction(1)]
    for z in zeros:
        p = multiply(p, [-Fraction(z), Fraction(1)])
    return p


@pytest.mark.parametrize(
    "zeros",
    [(0,), (Fraction(1, 3), Fraction(1, 3) + Fraction(1, 2**40)), (-2, 1, 1), (1, 1, 1, 1), (Fraction(1, 7),) * 2, ()],
)
def test_roots_are_enclosed_and_none_is_missed_or_doubled(zeros):
    found = roots(polynomial(*zeros), Fraction(-5), Fraction(5))
    assert len(found) == len(set(zeros))
    for (low, high), z in zip(found, sorted(set(zeros)), strict=True):
        assert low <= z <= high
        assert high - low <= WIDTH


def test_roots_at_the_ends_and_outside_are_left_out():
    p = polynomial(0, Fraction(1, 3), 1, 4)
    ((low, high),) = roots(p, Fraction(0), Fraction(1))
    assert low <= Fraction(1, 3) <= high


def test_roots_against_numpy_on_random_quintics():
    rng = np.random.default_rng(0)
    for _ in range(20):
        p = [Fraction(int(c)) for c in rng.integers(-9, 10, 5)] + [Fraction(1)]
        outside = np.roots([float(c) for c in reversed(p)])
        real = np.sort(outside[np.abs(outside.imag) < 1e-9].real)
        found = [float((a + b) / 2) for a, b in roots(p, Fraction(-20), Fraction(20))]
        np.testing.assert_allclose(found, real, atol=1e-6)


def test_kinks_plateaus_and_inflections_are_told_apart():
    F = Fraction
    pieces = [
        PolynomialPiece(None, F(-1), (F(0), F(-1))),  # 1 - t falling to a kink: a minimum at -1
        PolynomialPiece(F(-1), F(0), (F(2), F(1))),
        PolynomialPiece(F(0), F(1), (F(2), F(0))),  # a shelf
        PolynomialPiece(F(1), None, (F(1), F(3), F(-3), F(1))),  # 2 + (t - 1)³: goes on rising without a stop
    ]
    found = list(critical_sets(pieces))
    assert [(c.is_plateau, c.before, c.after) for c in found] == [(False, -1, 1), (True, 1, 1)]
    assert (found[1].low, found[1].high) == (0, 1)
    (inflection,) = critical_sets([PolynomialPiece(None, None, (F(0), F(0), F(0), F(1)))])
    assert (inflection.before, inflection.after, inflection.is_plateau) == (1, 1, False)
    (everywhere,) = critical_sets([PolynomialPiece(None, None, (F(5),))])
    assert everywhere.is_plateau
    assert everywhere.objective == 5
