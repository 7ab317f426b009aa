"""Laws of polars: they enclose, and they are gauges."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from global_optimality import PolarBound
from global_optimality.factors import Factors
from global_optimality.mappings import Mapping
from global_optimality.regularizers import Regularizer

from .closeness import SUMS, same


def polar_encloses(
    polar: Callable[[Tensor], PolarBound], mapping: Mapping, theta: Regularizer, Q: Tensor, W: Factors
) -> None:
    """lower ≤ upper, lower is attained by a feasible atom, and no subnetwork of W beats upper."""
    bound = polar(Q)
    assert bound.lower.shape == bound.upper.shape == (len(Q),)
    assert bool((bound.lower >= 0).all())
    assert bool((bound.lower <= bound.upper).all()), "lower > upper"
    size = theta.theta(*bound.atom)
    assert size.shape == (len(Q), 1)
    assert bool((size <= 1 + SUMS).all()), "the atom is not feasible"
    same(mapping.inner(Q, *bound.atom)[:, 0], bound.lower)
    cost = theta.theta(*W)
    value = torch.where(cost > 0, mapping.inner(Q, *W) / cost, torch.zeros_like(cost))
    assert bool((value <= bound.upper[:, None]).all()), "a subnetwork exceeds the upper bound"


def polar_contains(bound: PolarBound, truth: np.ndarray, tol: float = 1e-13) -> None:
    """lower ≤ Ω° ≤ upper, where the truth itself is known to tol."""
    exact = torch.tensor(truth)
    assert bool((bound.lower <= exact * (1 + tol)).all()), "lower exceeds the truth"
    assert bool((bound.upper >= exact * (1 - tol)).all()), "upper lies below the truth"


def gauge(enclosure: Callable[[Tensor], tuple[Tensor, Tensor]], A: Tensor, B: Tensor) -> None:
    """Degree-1 homogeneity and the triangle inequality, as far as an enclosure (lower, upper) can tell."""
    (a_low, a_up), (_, b_up) = enclosure(A), enclosure(B)
    slack = 1e-12
    assert bool((enclosure(A + B)[0] <= (a_up + b_up) * (1 + slack)).all()), "triangle inequality"
    for s in (1e-6, 7.0):
        low, up = enclosure(s * A)
        assert bool((low <= s * a_up * (1 + slack)).all() and (s * a_low <= up * (1 + slack)).all()), "homogeneity"
        same(up, s * a_up, 1e-10)
    assert bool((enclosure(torch.zeros_like(A))[1] == 0).all())
