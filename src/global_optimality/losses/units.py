"""Units of data: powers of two, by which numbers are divided without rounding."""

import math

from torch import Tensor


def exponent(x: Tensor, step: int = 1) -> int:
    """The multiple e of ``step`` at which the largest entry of x is about 1 in units of 2^e; 0 where all vanish."""
    largest = float(x.abs().max())
    return step * round((math.frexp(largest)[1] - 1) / step) if largest > 0 else 0
