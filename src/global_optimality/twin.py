"""A problem in units of its own data: the same mathematics, in whatever units S, Y, λ and sample weights came.

With S = 2^a S', Y = 2^b Y' + m and sample weights 2^w ω', weights W = 2^{(b−a)/p} W' (p the degree of φ) have
Φ = 2^b Φ', Θ = 2^{b−a} Θ', and f_λ(W) = 2^v f'_λ'(W') with v = 2b + w (w for losses of labels) and λ = 2^{v−b+a} λ'.
Powers of two are exact, and so is Y − m, which a free output bias takes up: a bound of one is a bound of the other.
"""

import math
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import final

from .factors import Factors
from .losses.units import exponent
from .problem import Problem

RANGE = 1000
"""Units of a problem stay within 2^±RANGE: what is far smaller than 1 in its own units is then inside float64 too."""


NEAR = 40
"""Descents compare weights and gradients with 1: they work in the units given where the data's are within 2^±NEAR."""

TIED = 128
"""Where factors scale unequally a descent works in the units given, within 2^±TIED: there squares of gradients, which
are products of two inputs or an input and a target, stay inside float64."""


@final
@dataclass(frozen=True, eq=False)
class Twin:
    """``problem`` in units of its own data; W = ``weight`` · W', ∇ℓ = ``dual`` · ∇ℓ', f = ``value`` · f', and λ."""

    problem: Problem
    weight: float
    dual: float
    value: float
    lam: float

    def inside(self, W: Factors) -> Factors:
        """W in the twin's units; exact."""
        return W if self.weight == 1 else tuple(w / self.weight for w in W)

    def outside(self, W: Factors) -> Factors:
        """The twin's weights in the units of the problem; exact."""
        return W if self.weight == 1 else tuple(w * self.weight for w in W)


@lru_cache(maxsize=4)
def twin(problem: Problem) -> Twin:
    """The twin of a balanced problem; the problem itself where its units are good, or its factors scale unequally.

    ``ValueError`` where the objective or λ lie outside float64 in one of the two units.
    """
    if set(problem.mapping.exponents) != {1}:
        return itself(problem)
    p, S = problem.mapping.degree, problem.mapping.data
    fixed = S is None or problem.mapping.in_units(1.0) is None
    loss, b, v = problem.loss.in_units(p if fixed else 1)
    a = 0 if fixed or S is None else b - p * round((b - exponent(S)) / p)  # p divides b − a
    _check(problem, {"the objective": v, "λ": v - b + a, "the weights": (b - a) // p})
    if loss is problem.loss and a == 0 and b == 0:
        return itself(problem)
    mapping = problem.mapping if a == 0 else problem.mapping.in_units(2.0**a)
    assert mapping is not None
    inside = replace(problem, loss=loss, mapping=mapping, lam=problem.lam * 2.0 ** (b - a - v))
    return Twin(inside, 2.0 ** ((b - a) // p), 2.0 ** (v - b), 2.0**v, 2.0 ** (v - b + a))


def far_twin(problem: Problem) -> Twin:
    """The twin of a problem whose units are far from those of its data, else the problem itself.

    ``ValueError`` where they are far and there is no twin, as factors scale unequally.
    """
    same = twin(problem)
    if set(problem.mapping.exponents) != {1}:
        _check_tied(problem)
    units = same.weight, same.dual, same.value, same.lam
    return same if any(abs(math.log2(x)) > NEAR for x in units) else itself(problem)


def itself(problem: Problem) -> Twin:
    """The problem in the units given."""
    return Twin(problem, 1.0, 1.0, 1.0, 1.0)


def _check_tied(problem: Problem) -> None:
    S = problem.mapping.data
    for name, e in {"targets": problem.loss.in_units(1)[1], "inputs": 0 if S is None else exponent(S)}.items():
        if abs(e) > TIED:
            raise ValueError(
                f"the {name} are about 2^{e}, and squares of gradients leave float64: hidden biases tie the units of "
                f"{type(problem.mapping).__name__} to those of its data, so divide the {name} by a constant."
            )


def _check(problem: Problem, exponents: dict[str, int]) -> None:
    for name, e in exponents.items():
        if abs(e) > RANGE:
            raise ValueError(
                f"in units of its own data {name} of this problem would be multiplied by 2^{e}, beyond float64: "
                "divide the inputs, the targets or the sample weights by a constant."
            )
    scaled = math.log2(problem.lam) - exponents["λ"]
    if abs(scaled) > RANGE:
        raise ValueError(f"λ = {problem.lam:g} is 2^{scaled:.0f} in units of the data: pass one near lambda_max.")
