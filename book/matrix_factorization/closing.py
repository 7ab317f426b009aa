"""The gap of one descent while it closes: the objective from above, the proved bound from below."""

import pandas as pd
import torch

from global_optimality.certificate import certify
from global_optimality.streams import generator, normal

from ..shared import data
from ..shared.tables import frame
from .experiment import factorization


def closing_gap(*, steps: int, r: int, share: float, seed: int) -> pd.DataFrame:
    """Plain gradient descent on a planted 30 × 20 matrix: a row each time that the step count has grown by a tenth.

    ``bound`` is the best proved lower bound so far: a bound once proved stays proved.
    """
    problem = factorization(data.low_rank(30, 20, 5, seed=seed), share)
    W = tuple(0.1 * w for w in normal_start(problem.loss.Y.shape, r, seed))
    length = 1 / (2 * float(torch.linalg.matrix_norm(problem.loss.Y, 2)))
    wanted = sorted({round(1.1**k) for k in range(200) if 1.1**k <= steps})
    rows, bound = [], 0.0
    for step in range(1, steps + 1):
        _, slopes = problem.gradient(*W)
        W = tuple(w - length * slope for w, slope in zip(W, slopes, strict=True))
        if step in wanted:
            certificate = certify(problem, W)
            bound = max(bound, float(certificate.lower_bound))
            rows.append((step, float(certificate.objective), bound, float(certificate.lower_bound)))
    table = pd.DataFrame(rows, columns=["step", "objective", "bound", "bound_here"])
    return frame(**table, gap=(table["objective"] - table["bound"]) / table["objective"])


def normal_start(shape: torch.Size, r: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Both factors normal: ``(1, r, m)`` and ``(1, r, n)``."""
    stream = generator(seed, "closing gap", r)
    return normal(stream, 1, r, shape[0]), normal(stream, 1, r, shape[1])
