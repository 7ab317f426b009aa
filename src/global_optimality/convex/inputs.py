"""What the references demand of their inputs, and the units in which they compute: those of the data, taken out."""

import math

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

SMALLEST, LARGEST = 1e-280, 1e280
"""An objective beyond these is too near to the ends of float64 to be compared with anything."""


def real(name: str, data: object, shape: tuple[int | str, ...]) -> Matrix:
    """``data`` as float64 of the given shape, a name for a free size; ``TypeError`` or ``ValueError`` otherwise."""
    if not isinstance(data, np.ndarray):
        raise TypeError(f"{name} is a {type(data).__name__}: pass a numpy array, of a tensor {name}.numpy().")
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


def boolean(name: str, data: object, shape: tuple[int | str, ...]) -> Mask:
    """``data`` as booleans of the given shape: weights and 0/1 numbers are refused, as they are not what is solved."""
    if not isinstance(data, np.ndarray) or data.dtype != np.bool_:
        kind = data.dtype if isinstance(data, np.ndarray) else type(data).__name__
        raise TypeError(f"{name} holds {kind}: pass a boolean array, as {name} > 0 gives; weights are not covered.")
    return real(name, data.astype(np.float64), shape) > 0


def positive(name: str, number: float) -> float:
    """A positive finite number; ``ValueError`` otherwise."""
    if not (math.isfinite(number) and number > 0):
        raise ValueError(f"{name} = {number}: it must be positive and finite.")
    return float(number)


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
