"""The weights that a solve starts from."""

import torch

from ..factors import Factors
from ..problem import Problem


def first_weights(problem: Problem, start: Factors | None) -> Factors:
    """The start of one run, checked; the zero network where there is none. ``ValueError`` for what none can go from."""
    Y = problem.loss.Y
    if Y.dtype != torch.float64:
        raise ValueError(
            f"the data are {Y.dtype}: nothing is certified from less than float64, convert with .double()."
        )
    if start is None:
        return tuple(
            torch.zeros(1, 1, *shape, dtype=Y.dtype, device=Y.device) for shape in problem.mapping.factor_shapes
        )
    problem.check(start)
    if start[0].shape[0] != 1:
        raise ValueError(f"solve follows one network but start holds {start[0].shape[0]} runs: pass one run, w[:1].")
    if not bool(torch.isfinite(problem(*start)).all()):
        raise ValueError("f is not finite at the start: pass finite weights, or none.")
    return tuple(w.detach() for w in start)
