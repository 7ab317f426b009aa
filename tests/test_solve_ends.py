"""How solve ends: large λ, paths, limits of time, interruption, degenerate data, bad input."""

import math

import pytest
import torch
from torch import Tensor

import global_optimality as go
from cases import randn
from global_optimality import effort
from planar_problems import DOUBLE, GAP, check, regression


def test_large_lambda_gives_the_zero_network():
    problem = regression(lam=1.0)
    top = go.lambda_max(problem)
    above = go.solve(go.Problem(problem.loss, problem.mapping, problem.regularizer, top * (1 + 1e-9)), tol=1e-12)
    check(above)
    assert len(above.history) == 1
    assert all(not bool(w.any()) for w in above.weights)
    below = go.solve(go.Problem(problem.loss, problem.mapping, problem.regularizer, top * 0.999), tol=GAP)
    assert bool(below.weights[0].any())


def test_path_from_lambda_max_down():
    problem = regression()
    lams = [0.1, 10.0, 1.0, 3.0]
    path = go.solve_path(problem, lams, tol=GAP)
    assert [solution.problem.lam for solution in path] == lams
    assert all(solution.status is go.Status.GLOBAL for solution in path)
    alone = go.solve(problem, tol=GAP)
    assert path[0].objective == pytest.approx(alone.objective, rel=2 * GAP)


def test_time_limit_returns_the_best_so_far(monkeypatch):
    """On a clock that goes on by a part in two hundred of the limit whenever it is looked at."""
    problem, looks = regression(200), 0

    def now() -> float:
        nonlocal looks
        looks += 1
        return looks / 200

    monkeypatch.setattr(effort.time, "monotonic", now)
    solution = go.solve(problem, time_limit=1.0)
    assert 100 <= looks <= 220
    assert solution.status is go.Status.TIME
    assert math.isfinite(solution.relative_gap)
    assert solution.objective < float(problem(*(torch.zeros_like(w) for w in solution.weights)))


def test_interruption_returns_the_best_so_far():
    problem = regression()
    exact, calls = go.polar_of(problem), 0

    def interrupted(Q: Tensor) -> go.PolarBound:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise KeyboardInterrupt
        return exact(Q)

    solution = go.solve(problem, polar=interrupted, start=problem.random(1, 1, seed=0))
    assert solution.status is go.Status.INTERRUPTED
    again = go.certify(problem, solution.weights)
    assert torch.equal(again.objective, solution.certificate.objective)
    assert solution.objective < solution.history[0].objective


DEGENERATE = {
    "one sample": (torch.ones(1, 2, dtype=DOUBLE), torch.ones(1, dtype=DOUBLE)),
    "one feature": (torch.linspace(-1, 2, 9, dtype=DOUBLE)[:, None], torch.linspace(0, 1, 9, dtype=DOUBLE)),
    "no inputs": (torch.zeros(5, 3, dtype=DOUBLE), torch.linspace(0, 1, 5, dtype=DOUBLE)),
    "no targets": (randn("plain", 6, 3), torch.zeros(6, dtype=DOUBLE)),
    "constant": (torch.ones(6, 3, dtype=DOUBLE), torch.linspace(-1, 1, 6, dtype=DOUBLE)),
    "collinear": (randn("line", 8, 1) @ torch.ones(1, 3, dtype=DOUBLE), randn("line y", 8)),
    "repeated": (randn("few", 4, 3).repeat(3, 1), randn("few y", 12)),
    "grid": (
        torch.cartesian_prod(*[torch.arange(4, dtype=DOUBLE)] * 2, torch.ones(1, dtype=DOUBLE)),
        randn("grid y", 16),
    ),
    "scales": (randn("scaled", 10, 3) * torch.tensor([1e4, 1.0, 1e-4], dtype=DOUBLE), randn("scaled y", 10)),
}


@pytest.mark.parametrize(("S", "y"), [pytest.param(*data, id=name) for name, data in DEGENERATE.items()])
@pytest.mark.parametrize("lam", [1.0, 1e-2])
def test_degenerate_data(S, y, lam):
    solution = go.solve(go.Problem(go.SquaredLoss(y[:, None]), go.ReluUnit(S), go.SumOfSquares(), lam), tol=1e-7)
    check(solution)
    assert all(bool(torch.isfinite(w).all()) for w in solution.weights)


def test_tiny_lambda_interpolates():
    solution = go.solve(regression(lam=1e-5), tol=1e-6)
    check(solution)
    residual = solution.predict(solution.problem.mapping.S) - solution.problem.loss.Y
    assert float(residual.abs().max()) < 2e-3


def test_bad_input():
    problem = regression()
    single = go.Problem(
        go.SquaredLoss(problem.loss.Y.float()), go.ReluUnit(problem.mapping.S.float()), go.SumOfSquares(), 0.1
    )
    with pytest.raises(ValueError, match="double"):
        go.solve(single)
    with pytest.raises(ValueError, match="one run"):
        go.solve(problem, start=problem.random(2, 3))
    with pytest.raises(ValueError, match="tol"):
        go.solve(problem, tol=0.0)
    with pytest.raises(ValueError, match="expects outputs"):
        go.Problem(problem.loss, go.ReluUnit(problem.mapping.S, outputs=2), go.SumOfSquares(), 0.1)
    with pytest.raises(TypeError, match="takes no inputs"):
        go.solve(
            go.Problem(go.SquaredLoss(randn("m", 3, 3)), go.MatrixProduct(3, 3), go.SumOfSquares(), 0.5)
        ).to_torch()
