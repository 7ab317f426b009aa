"""What the references demand of their inputs, and the units in which they compute: those of the data, taken out."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from ..settings import number

Matrix = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

SMALLEST, LARGEST = 1e-280, 1e280
"""An objective beyond these is too near to the ends of float64 to be compared with anything."""


def real(name: str, data: object, shape: tuple[int | str, ...]) -> Matrix:
    """``data`` as float64 of the given shape, a name for a free size; ``TypeError`` or ``ValueError`` otherwise."""
    data = plain(name, data)
    if data.dtype.kind not in "fiu":
        raise TypeError(f"{name} holds {data.dtype}: pass real numbers.")
    expected = f"({', '.join(map(str, shape))}{',' * (len(shape) == 1)})"
    fits = data.ndim == len(shape) and all(n == m for n, m in zip(data.shape, shape, strict=True) if isinstance(m, int))
    if not fits or 0 in data.shape:
        cure = f"; a column is {name}[:, 0]" if len(shape) == 1 and data.ndim == 2 else ""
        raise ValueError(f"{name} has shape {data.shape}, expected {expected}{cure}.")
    found = data.astype(np.float64)
    if not np.isfinite(found).all():
        raise ValueError(f"{name} has {int((~np.isfinite(found)).sum())} NaN or infinite entries: clean the data.")
    return found


def plain(name: str, data: object) -> npt.NDArray[Any]:
    """An array of numpy without the rules of its kind: ``*`` of two ``np.matrix`` would be their product."""
    if not isinstance(data, np.ndarray):
        raise TypeError(f"{name} is a {type(data).__name__}: pass a numpy array, of a tensor {name}.numpy().")
    if isinstance(data, np.ma.MaskedArray):
        raise TypeError(f"{name} is a masked array: pass {name}.data, and what is seen as ~{name}.mask if at all.")
    return np.asarray(data)


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
