"""Ctrl-C ends a call that takes long; what it has found so far is returned, and holds."""

import math
import signal
from dataclasses import replace

import pytest
import torch

import global_optimality as go
from cases import randn
from global_optimality import effort
from global_optimality.descent import Method

Y = randn("interrupted targets", 12, 8)
PROBLEM = go.Problem(go.SquaredLoss(Y), go.MatrixProduct(12, 8), go.SumOfSquares(), 1.0)
UNIT = go.Problem(go.SquaredLoss(Y), go.ReluUnit(randn("interrupted inputs", 12, 6), 8), go.SumOfSquares(), 1.0)
METHODS = [go.LBFGS(), go.GradientDescent(), go.NewtonCG()]


@pytest.fixture(autouse=True)
def first_interrupt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(effort, "_last_interrupt", -math.inf)  # no interrupt of a test before this one


class Interrupt:
    """Sends Ctrl-C at the k-th call, and remembers what it was called with."""

    def __init__(self, k: int) -> None:
        self.left, self.seen = k, []

    def __call__(self, *found: torch.Tensor) -> None:
        self.seen.append(found)
        self.left -= 1
        if self.left == 0:
            signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize("method", METHODS, ids=lambda method: type(method).__name__)
@pytest.mark.parametrize("k", [1, 4])
def test_descent_returns_where_every_run_is(method: Method, k: int):
    problem = replace(PROBLEM, lam=2 * go.lambda_max(PROBLEM))
    W = tuple(torch.cat([w, 0 * w[:1]]) for w in problem.random(3, 4))  # the last run ends at once
    hook = Interrupt(k)
    found = go.minimise(problem, W, method, observe=lambda W, f: hook(f))
    assert go.Status.INTERRUPTED not in found.status[3:]
    assert set(found.status[:3]) == {go.Status.INTERRUPTED}
    assert len(hook.seen) == k
    assert torch.equal(found.objective[:3], hook.seen[-1][0][:3])
    assert torch.equal(found.objective, problem.gradient(*found.weights)[0])


def test_a_path_ends_and_every_solution_holds():
    hook, polar = Interrupt(3), go.polar_of(PROBLEM)

    def interrupting(Q: torch.Tensor) -> go.PolarBound:
        hook(Q)
        return polar(Q)

    lams = [4.0, 1.0, 2.0, 0.5]
    solutions = go.solve_path(PROBLEM, lams, polar=interrupting)
    assert [s.problem.lam for s in solutions] == lams
    ended = [s.status for s in sorted(solutions, key=lambda s: -s.problem.lam)]
    assert set(ended[1:]) == {go.Status.INTERRUPTED}
    assert len(hook.seen) < 3 + 2 * len(lams)
    for s in solutions:
        assert float(s.certificate.lower_bound[0]) <= s.objective
        assert s.objective <= float(s.problem.loss(torch.zeros_like(Y)[None])[0])


def test_a_certificate_that_is_cut_short_holds():
    W, known = UNIT.random(1, 5), go.minimise(UNIT, UNIT.random(4, 8), max_steps=20).objective.min()
    before = signal.signal(signal.SIGALRM, lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.5)
        cut = go.certify(UNIT, W, effort=go.Effort(nodes=10**7, seconds=60))
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert float(cut.lower_bound[0]) <= float(known)
    assert float(cut.polar[0]) >= float(cut.polar_lower[0])
