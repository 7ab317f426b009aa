"""What the references demand of their inputs, and the units in which they compute: those of the data, taken out."""

import math

import numpy as np
import numpy.typing as npt

from ..arrays import Matrix, plain, real
from ..settings import number

Mask = npt.NDArray[np.bool_]

SMALLEST, LARGEST = 1e-280, 1e280
"""An objective beyond these is too near to the ends of float64 to be compared with anything."""

LOOSEST = 1e-5
"""The largest tolerance of a conic solver: answers are checked to some 1e4 times as much, no more than a tenth."""


def boolean(name: str, data: object, shape: tuple[int | str, ...]) -> Mask:
    """``data`` as booleans of the given shape: weights and 0/1 numbers are refused, as they are not what is solved."""
    found = plain(name, data)
    if found.dtype != np.bool_:
        raise TypeError(
            f"{name} holds {found.dtype}: pass a boolean array, as {name} > 0 gives; weights are not covered."
        )
    return real(name, found.astype(np.float64), shape) > 0


def positive(name: str, value: object) -> float:
    """A positive finite number; ``ValueError`` otherwise, ``TypeError`` for what is none."""
    return number(name, value, finite=True)


def accuracy(name: str, value: object) -> float:
    """A solver's tolerance: ``ValueError`` where it is so large that no check of its answer would mean anything."""
    if (found := positive(name, value)) > LOOSEST:
        raise ValueError(f"{name} = {value}: an answer that loose would be no reference; take at most {LOOSEST:g}.")
    return found


def unit(data: Matrix) -> float:
    """The power of two next to the largest entry, so that dividing by it rounds nothing; 1 for zeros."""
    largest = float(np.abs(data).max())
    return 2.0 ** math.frexp(largest)[1] if largest else 1.0


def in_range(objective: float, square: float) -> float:
    """objective · square, in the caller's units; ``ValueError`` where float64 cannot hold it to full precision."""
    value = objective * square
    if objective and not SMALLEST < value < LARGEST:
        raise ValueError(
            "the objective leaves the range of float64 in these units: multiply the targets and λ by one constant k, "
            "and divide the objective by k²."
        )
    return value
