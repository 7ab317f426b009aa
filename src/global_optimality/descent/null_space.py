"""Linear dependence of subnetworks' outputs: along it Φ stays, and Theorem 2 slides (step 3)."""

import torch
from torch import Tensor

from ..factors import Factors
from ..problem import Problem

NULL = 1e-13
"""A singular value below NULL · σ₁ of the matrix (vec φ(w_i))_i counts as zero: Φ then moves by rounding only."""


def null_vectors(problem: Problem, W: Factors) -> list[Tensor]:
    """β ``(r,)`` with Σβ_iφ(w_i) = 0, min β = −1 and Σβ_iθ(w_i) ≤ 0, for one run; gentlest (least max β) first.

    From the singular vectors of the card(X) × r matrix of vec φ(w_i) with singular values ≤ NULL · σ₁.
    """
    columns = problem.mapping.phi(*W)[0].flatten(1).T
    theta = problem.regularizer.theta(*W)[0]
    r = columns.shape[1]
    if columns.shape[0] > r:
        columns = torch.linalg.qr(columns, mode="r").R
    _, s, Vh = torch.linalg.svd(columns, full_matrices=True)
    rank = int((s > NULL * s[0]).sum()) if len(s) and s[0] > 0 else 0
    found = []
    for beta in Vh[rank:]:
        tilt = float(beta @ theta)
        for signed in (beta, -beta):
            falls = float(signed @ theta) <= 0 or abs(tilt) <= NULL * float(beta.abs() @ theta)
            if falls and float(signed.min()) < 0:
                found.append(signed / -signed.min())
    return sorted(found, key=lambda b: float(b.max()))
