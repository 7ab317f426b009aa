"""The maximisation behind the polar of one hidden layer, for its own sake: sums of rectified linear functions."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..effort import Effort
from ..factors import check_values
from ..mappings import ReluUnit
from ..settings import instance
from .in_range import InRange, sample_units
from .relu import relu_unit_polar

EFFORT = Effort(tolerance=1e-6)
"""Unless told otherwise; the nodes are those of ``polar_of``."""


@dataclass(frozen=True, eq=False)
class ReluMaximum:
    """lower ≤ max ‖Qᵀ(S u)₊‖ ≤ upper over ‖u‖ = 1; the unit ``u`` (d,) attains lower, in direction ``v`` (c,).

    ``upper`` is proved with rounding accounted for; ``lower`` is the value at ``u`` less its rounding.
    """

    lower: float
    upper: float
    u: Tensor
    v: Tensor

    @property
    def relative_width(self) -> float:
        """(upper − lower)/upper; 0 where both vanish."""
        return (self.upper - self.lower) / self.upper if self.upper > 0 else 0.0


def max_relu_sum(S: Tensor, Q: Tensor, *, effort: Effort | None = None) -> ReluMaximum:
    """Enclose max over ‖u‖ = 1 of ‖Qᵀ(S u)₊‖: S (N, d), Q (N, c), or q (N,) for max |Σ q_i (s_iᵀu)₊|.

    Exact to rounding where S has rank at most 3; else by branch and bound on cones (d ≤ 5) or signs of rows, until the
    relative tolerance (default 1e-6), the target, the nodes or the seconds of ``effort`` are reached.
    The problem is NP-hard; bounds hold wherever the search ends. ``ValueError`` for shapes that do not fit, data that
    are not finite, or anything but float64.
    """
    check_values()
    S, Q = _data("S", S), _data("Q", Q)
    Q = Q[:, None] if Q.ndim == 1 else Q
    if S.ndim != 2 or Q.ndim != 2 or len(S) != len(Q) or 0 in (*S.shape, *Q.shape):
        raise ValueError(f"S must be (N, d) and Q (N, c) or (N,); got {tuple(S.shape)} and {tuple(Q.shape)}.")
    if S.dtype != torch.float64 or Q.dtype != torch.float64:
        raise ValueError(f"S is {S.dtype} and Q {Q.dtype}: nothing is proved from less than float64, use .double().")
    if not (S.isfinite().all() and Q.isfinite().all()):
        raise ValueError("S and Q must be finite: remove or impute the rows that are not.")
    own = EFFORT if effort is None else instance("effort", effort, Effort, "pass Effort(seconds=..., tolerance=...).")
    own = own.otherwise(EFFORT)
    clock = own.started("upper bound of the polar")
    with torch.no_grad(), clock.running():
        data, steps = sample_units(S)
        bound = InRange(relu_unit_polar(ReluUnit(data, Q.shape[1])), steps).spending(own).within(clock)(Q[None])
    u, v = bound.atom
    return ReluMaximum(float(bound.lower[0]), float(bound.upper[0]), _unit(u[0, 0]), _unit(v[0, 0]))


def _data(name: str, x: object) -> Tensor:
    """A tensor, or a numpy array as one; ``TypeError`` for others, ``ValueError`` for one without its numbers."""
    if not isinstance(x, Tensor | np.ndarray) or isinstance(x, np.ma.MaskedArray):
        raise TypeError(
            f"{name} is a {type(x).__name__}: pass torch.as_tensor({name}, dtype=torch.float64), of a table that of "
            f"{name}.to_numpy()."
        )
    if isinstance(x, np.ndarray):
        if x.dtype.kind not in "biuf" or x.dtype.itemsize > 8:
            raise TypeError(f"{name} holds {x.dtype}: pass {name}.astype(np.float64).")
        x = np.ascontiguousarray(x, x.dtype.newbyteorder("="))
    x = torch.as_tensor(x, device="cpu" if isinstance(x, np.ndarray) else None)
    if x.layout != torch.strided or x.is_meta:
        raise ValueError(f"{name} is sparse, or on the device meta: pass {name}.to_dense() with its numbers.")
    return x


def _unit(x: Tensor) -> Tensor:
    size = x.norm()
    return x / size if float(size) > 0 else x
