"""Problems with a known kind of loss on a few samples of the plane."""

import torch
from torch import Tensor

import global_optimality as go
from cases import randn

DOUBLE = torch.float64
GAP = 1e-9


def samples(N: int = 20) -> tuple[Tensor, Tensor]:
    """Two normal columns and a column of ones; sin(3x₁) + x₂² with noise."""
    X = randn(f"inputs {N}", N, 2)
    y = torch.sin(3 * X[:, 0]) + X[:, 1] ** 2 + 0.1 * randn(f"noise {N}", N)
    return torch.cat([X, torch.ones(N, 1, dtype=DOUBLE)], 1), y


def regression(N: int = 20, lam: float = 0.1, **options) -> go.Problem:
    S, y = samples(N)
    return go.Problem(go.SquaredLoss(y[:, None], **options), go.ReluUnit(S), go.SumOfSquares(), lam)


def check(solution) -> None:
    """GLOBAL, and the certificate is that of the returned weights, bit for bit."""
    assert solution.status is go.Status.GLOBAL
    again = go.certify(solution.problem, solution.weights)
    assert torch.equal(again.objective, solution.certificate.objective)
    assert torch.equal(again.lower_bound, solution.certificate.lower_bound)
