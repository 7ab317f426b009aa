"""What arrays of numpy must be before anything is computed with them: plain, real, of a shape, finite."""

from typing import Any

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float64]


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
