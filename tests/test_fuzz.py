"""A short run of the fuzzer, and what it says of bounds that lie."""

import pytest

import fuzz
from cases import randn
from drawn import draw
from global_optimality import PolarBound


@pytest.mark.slow
def test_no_bound_of_a_few_random_problems_is_above_a_network():
    said = []
    assert not fuzz.run(1, 12, said.append), said


@pytest.mark.parametrize("seed", [100208, 300784, 501424, 4000828, 5004416, 8005904])
def test_what_was_once_found_stays_mended(seed):
    """In turn: a solve on the non-negative cone asked L-BFGS to descend; one with free biases lost its last unit;
    the polar of a chain with biases underflowed at a residual of 1e-298, and a bound was too high; a residual of 0.5
    at a sample that is zero hid one of 1e-294 at the others, and the polar was called 0; the square of a unit's
    length vanished in a step, and the next step divided by it; a Newton step overflowed along a flat coordinate."""
    said = []
    assert not fuzz.run(seed, 1, said.append), said


@pytest.mark.parametrize("seed", [5, 8])
def test_a_bound_that_is_too_high_is_found(monkeypatch, seed):
    """With a polar of a tenth of its value every bound is too high, and random units exceed it."""
    honest = fuzz.polar_of

    def lying(problem, effort):
        polar = honest(problem, effort)
        return lambda Q: PolarBound(0.1 * polar(Q).lower, 0.1 * polar(Q).upper, polar(Q).atom)

    monkeypatch.setattr(fuzz, "polar_of", lying)
    problem = draw(seed).problem
    found = set(fuzz.polar_faults(problem, randn("fuzz dual", 1, *problem.mapping.shape)))
    assert any("exceeds the polar" in fault for fault in found)
    assert any("stands for" in fault for fault in found)
