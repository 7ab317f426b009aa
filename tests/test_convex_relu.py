"""The certified solver against the full convex program, and the program against what is known of it."""

import pytest
import torch

from cases import randn
from global_optimality import LogisticLoss, Problem, ReluUnit, SquaredLoss, Status, SumOfSquares, certify, solve
from global_optimality.arrangement import cells
from global_optimality.convex.relu import Fit, pilanci_ergen

N, LAM = 9, 0.2
S = torch.cat([randn("reference", N, 2), torch.ones(N, 1, dtype=torch.float64)], 1)
y = torch.sin(3 * S[:, 0]) + S[:, 1] ** 2
SIGNS = torch.where(y > y.median(), 1.0, -1.0).double()
CASES = {"squared": (Fit.SQUARED, y, SquaredLoss), "logistic": (Fit.LOGISTIC, SIGNS, LogisticLoss)}


@pytest.mark.parametrize(("fit", "target", "loss"), [pytest.param(*case, id=name) for name, case in CASES.items()])
def test_solver_and_program_agree(fit, target, loss):
    reference = pilanci_ergen(S.numpy(), target.numpy(), LAM, cells(S).active.numpy(), fit)
    problem = Problem(loss(target[:, None]), ReluUnit(S), SumOfSquares(), LAM)
    solution = solve(problem, tol=1e-10)
    assert solution.status is Status.GLOBAL
    assert solution.objective == pytest.approx(reference.reported, rel=1e-7)
    assert reference.objective == pytest.approx(reference.reported, rel=1e-6)
    U = torch.from_numpy(reference.U)
    root = U.norm(dim=1, keepdim=True).sqrt()
    weights = (U / root)[None], (torch.from_numpy(reference.signs)[:, None] * root)[None]
    certificate = certify(problem, weights)
    assert float(certificate.objective) == pytest.approx(reference.objective, rel=1e-12)
    assert float(certificate.lower_bound) <= solution.objective


def test_fewer_patterns_cannot_do_better():
    active = cells(S).active.numpy()
    full = pilanci_ergen(S.numpy(), y.numpy(), LAM, active)
    half = pilanci_ergen(S.numpy(), y.numpy(), LAM, active[::2])
    assert half.reported >= full.reported * (1 - 1e-8)
