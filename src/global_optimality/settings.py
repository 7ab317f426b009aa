"""What arguments must be before anything is computed with them: of a kind, a whole number, a number in a range."""

import math
import os
from numbers import Integral, Real
from typing import TypeVar

T = TypeVar("T")

MOST = 2**63 - 1
"""The largest whole number that PyTorch takes."""


def instance(name: str, value: object, kind: type[T], cure: str) -> T:
    """``value``, an instance of ``kind``; ``TypeError`` with the cure, which for a class is to call it."""
    if isinstance(value, kind):
        return value
    if isinstance(value, type):
        raise TypeError(f"{name} is the class {value.__name__}: pass an instance, {value.__name__}(...).")
    raise TypeError(f"{name} is a {type(value).__name__}, expected a {kind.__name__}: {cure}")


def function(name: str, value: T, cure: str) -> T:
    """``value``, if it can be called; ``TypeError`` with the cure otherwise."""
    if not callable(value):
        raise TypeError(f"{name} is a {type(value).__name__}: {cure}")
    return value


def flag(name: str, value: object) -> None:
    """``TypeError`` for anything but True and False."""
    if not isinstance(value, bool):
        raise TypeError(f"{name} = {_shown(value)}: pass True or False.")


def whole(name: str, value: object, least: int = 0, most: int = MOST) -> int:
    """A whole number, at least ``least``; ``TypeError`` for what is none, ``ValueError`` outside."""
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise TypeError(f"{name} = {_shown(value)}: pass a whole number.")
    size = int(value)
    if size < least:
        raise ValueError(f"{name} = {_shown(value)}: it must be at least {least}.")
    if size > most:
        raise ValueError(f"{name} = {_shown(value)}: it must be at most {most}.")
    return size


def number(name: str, value: object, *, positive: bool = True, finite: bool = False, cure: str = "") -> float:
    """A number, positive or else not negative; ``TypeError`` for what is none, ``ValueError`` outside (NaN too)."""
    if getattr(value, "shape", None) == () and not getattr(value, "is_meta", False):
        try:
            value = value.item()  # type: ignore[attr-defined]
        except RuntimeError:
            raise ValueError(
                f"{name} is a tensor without a value here (torch.func, a tracer): pass a number."
            ) from None
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{name} = {_shown(value)}: pass a number.")
    size = real(name, value)
    if not (size > 0 if positive else size >= 0) or (finite and math.isinf(size)):
        raise ValueError(
            f"{name} = {_shown(value)}: it must be {'positive' if positive else 'at least 0'}"
            f"{' and finite' if finite else ''}{cure}."
        )
    return size


def real(name: str, value: Real) -> float:
    """The float64 number nearest to it; ``ValueError`` where a whole number is too large for one."""
    try:
        return float(value)
    except OverflowError:
        raise ValueError(f"{name} = {_shown(value)}: no number of float64 is so large.") from None


def fits(what: str, count: int, cure: str) -> None:
    """``ValueError``, naming the size and the cure, where so many float64 numbers exceed the memory of the machine."""
    if 8 * count > memory():
        sizes = (f"{_shown(size // 2**30)} GB" for size in (8 * count, memory()))
        raise ValueError("{} would take {}, and this machine has {}: {}".format(what, *sizes, cure))


def memory() -> int:
    """Bytes of memory of this machine; where the system does not say, 2⁴⁰."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return 2**40


def _shown(value: object) -> str:
    """The value in a message: its beginning where it is long."""
    try:
        words = repr(value)
    except ValueError:  # a whole number of more digits than Python writes
        words = "a number of thousands of digits"
    return words if len(words) <= 60 else f"{words[:50]} …"
