"""Fixed random directions on the sphere, and the best ones that are apart: where ascents and networks start."""

from functools import lru_cache
from math import cos

import numpy as np
import torch
from torch import Tensor

from ..losses.arrays import Array
from ..streams import generator, normal

COUNT = 4096

SPREAD = 0.6
"""Angle (radians) within which two directions with outputs on the same side count as one."""


@lru_cache(maxsize=64)
def directions(d: int) -> Tensor:
    """Unit vectors ``(COUNT, d)``, on the CPU; not to be written to."""
    return torch.nn.functional.normalize(normal(generator(0, "directions", d), COUNT, d), dim=1)


def apart(U: Array, X: Array, count: int, above: float = -1.0) -> list[int]:
    """Indices of at most ``count`` unit rows of U ``(k, d)`` with ‖X‖ > ``above`` for outputs X ``(k, c)``.

    The largest ‖X‖ first, none within SPREAD of a better one with an output on the same side (within 60°).
    """
    value = np.sqrt(np.vecdot(X, X))
    left = (value > above).nonzero()[0]
    left = left[value[left].argsort()[::-1]]
    U, sides, chosen = U[left], X[left] / np.maximum(value[left, None], 1e-300), []
    while len(left) and len(chosen) < count:
        chosen.append(int(left[0]))
        kept = (U @ U[0] < cos(SPREAD)) | (sides @ sides[0] <= 0.5)
        kept[0] = False
        left, U, sides = left[kept], U[kept], sides[kept]
    return chosen
