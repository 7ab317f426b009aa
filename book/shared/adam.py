"""PyTorch's Adam on all runs at once, as practice trains."""

from collections.abc import Callable

import torch
from torch import Tensor

from global_optimality.factors import Factors
from global_optimality.problem import Problem


def adam(
    objective: Callable[..., Tensor],
    W: Factors,
    *,
    steps: int,
    rate: float = 0.03,
    project: Callable[..., Factors] | None = None,
) -> Factors:
    """Adam on ``objective`` (a problem, say), all runs at once, its step decaying linearly to zero.

    ``project`` is applied after every step: that of a regularizer which is +∞ somewhere.
    """
    leaves = [w.clone().requires_grad_() for w in W]
    optimizer = torch.optim.Adam(leaves, lr=rate, fused=True)
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = rate * (1 - step / steps)
        if isinstance(objective, Problem):
            for w, slope in zip(leaves, objective.gradient(*leaves)[1], strict=True):
                w.grad = slope
        else:
            optimizer.zero_grad()
            objective(*leaves).sum().backward()
        optimizer.step()
        if project is not None:
            with torch.no_grad():
                for w, inside in zip(leaves, project(*leaves), strict=True):
                    w.copy_(inside)
    return tuple(w.detach() for w in leaves)
