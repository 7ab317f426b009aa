"""What arguments must be before anything is computed with them: of a kind, a whole number, a number in a range."""

import math
from numbers import Integral, Real
from typing import TypeVar

T = TypeVar("T")


def instance(name: str, value: object, kind: type[T], cure: str) -> T:
    """``value``, an instance of ``kind``; ``TypeError`` with the cure, which for a class is to call it."""
    if isinstance(value, kind):
        return value
    if isinstance(value, type):
        raise TypeError(f"{name} is the class {value.__name__}: pass an instance, {value.__name__}(...).")
    raise TypeError(f"{name} is a {type(value).__name__}, expected a {kind.__name__}: {cure}")


def whole(name: str, value: object, least: int = 0) -> int:
    """A whole number, at least ``least``; ``TypeError`` for what is none, ``ValueError`` for a smaller one."""
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise TypeError(f"{name} = {value!r}: pass a whole number.")
    if value < least:
        raise ValueError(f"{name} = {value}: it must be at least {least}.")
    return int(value)


def number(name: str, value: object, *, positive: bool = True, finite: bool = False) -> float:
    """A number, positive or else not negative; ``TypeError`` for what is none, ``ValueError`` outside (NaN too)."""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{name} = {value!r}: pass a number.")
    size = float(value)
    if not (size > 0 if positive else size >= 0) or (finite and math.isinf(size)):
        raise ValueError(
            f"{name} = {value}: it must be {'positive' if positive else 'at least 0'}{' and finite' if finite else ''}."
        )
    return size
