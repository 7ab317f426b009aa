"""Descent: the convex optimum, monotone paths, runs of a batch that do not disturb each other."""

import pytest
import torch

import laws
import reference
from cases import (
    LOSSES,
    METHODS,
    PROBLEMS,
    every_method,
    matrix,
    problem,
    starts,
)
from global_optimality import (
    GradientDescent,
    MatrixProduct,
    NewtonCG,
    Problem,
    SquaredLoss,
    Status,
    SumOfSquares,
    minimise,
)
from global_optimality.factors import take_runs
from global_optimality.losses import Loss

DONE = {Status.STATIONARY, Status.SECOND_ORDER}


def allowed(f: Problem):
    return {"gradient": GradientDescent()} if f.regularizer.constrained else METHODS


STEPS = 25
"""Of a descent that is looked at: it is then past its first kinks and restarts."""

CASES = [(name, label) for name, f in PROBLEMS.items() for label in allowed(f)]


@pytest.mark.slow
@every_method
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("r", [3, 5])
def test_every_method_reaches_the_convex_optimum(method, loss, r):
    """Equation (8): from r ≥ rank on, local descent from random starts ends at the global optimum."""
    f = problem(loss)
    end = minimise(f, f.random(6, r), method, tol=1e-8, max_steps=3000)
    assert set(end.status) <= DONE
    optimum = (
        reference.shrunk(matrix().numpy(), f.lam)[1]
        if loss == "squared"
        else reference.optimum("masked, sum of squares")
    )
    accuracy = 1e-11 if loss == "squared" else 1e-7
    assert end.objective.tolist() == pytest.approx([optimum] * 6, rel=accuracy)
    laws.descent_is_recomputed(f, end)
    assert bool((end.gradient_norm <= 1.01e-8 * f.gradient_scale(end.objective)).all())


@pytest.mark.parametrize(("name", "label"), CASES)
def test_never_rises_and_reports_what_it_returns(name, label):
    """For every problem and method: the returned point is not above the start, and its numbers are its own."""
    f, method = PROBLEMS[name], METHODS[label]
    W = starts(f, n=4, r=3)
    values = [f(*W)]

    def observe(_, value):
        values.append(value)

    end = minimise(f, W, method, max_steps=STEPS)
    laws.descent_is_recomputed(f, end)
    assert bool((end.objective <= values[0] * (1 + 1e-12)).all())
    alone = take_runs(W, torch.tensor([0]))
    trail = [float(f(*alone))]
    minimise(f, alone, method, max_steps=STEPS, observe=lambda _, value: trail.append(float(value)))
    laws.never_rises(trail)
    assert int(end.steps.max()) <= STEPS


@pytest.mark.slow
@every_method
def test_slices_of_the_batch_are_independent(method):
    """All at once and one by one end at the same objective with the same status."""
    f = problem()
    W = f.random(3, 3)
    whole = minimise(f, W, method, tol=1e-7, max_steps=5000)
    for i in range(3):
        one = minimise(f, take_runs(W, torch.tensor([i])), method, tol=1e-7, max_steps=5000)
        assert one.status == whole.status[i : i + 1]
        laws.same(one.objective, whole.objective[i : i + 1], 1e-11)


@every_method
def test_each_run_has_its_own_status(method):
    f = problem()
    start = f.random(5, 4)
    optimum = minimise(f, start, NewtonCG(), tol=1e-11).weights
    W = tuple(torch.cat([o[:1], s[1:4], s[4:]]) for o, s in zip(optimum, start, strict=True))
    W[0][1, 0, 0] = torch.nan
    W[1][2, 0, 0] = torch.inf
    W[0][3] = 0
    W[1][3] = 0
    end = minimise(f, W, method, max_steps=3)
    looks = method == NewtonCG()
    assert end.status[0] in DONE
    assert end.status[1:3] == (Status.NONFINITE, Status.NONFINITE)
    assert end.status[3] in ({Status.STEPS} if looks else {Status.STATIONARY})
    assert end.status[4] is Status.STEPS
    assert end.steps.tolist()[:3] == [0, 0, 0]
    assert end.steps.tolist()[4] == 3


class _Counting(Loss):
    """The squared loss that counts how many runs it is asked about."""

    def __init__(self, Y):
        super().__init__(Y)
        object.__setattr__(self, "runs", [])

    def __call__(self, X):
        self.runs.append(len(X))
        return SquaredLoss(self.Y)(X)

    def gradient(self, X):
        return SquaredLoss(self.Y).gradient(X)

    def conjugate(self, G):
        return SquaredLoss(self.Y).conjugate(G)

    def conjugate_magnitude(self, G):
        return SquaredLoss(self.Y).conjugate_magnitude(G)


@every_method
def test_finished_runs_stop_costing(method):
    """Nine runs that are at the optimum already add next to nothing to the cost of a tenth one."""
    slow = problem()
    optimum = minimise(slow, slow.random(1, 4), NewtonCG(), tol=1e-11).weights
    costs = {}
    for copies in (0, 9):
        counting = _Counting(matrix())
        f = Problem(counting, MatrixProduct(4, 3), SumOfSquares(), slow.lam)
        W = tuple(
            torch.cat([o.expand(copies, -1, -1), s]) for o, s in zip(optimum, slow.random(1, 4, seed=1), strict=True)
        )
        minimise(f, W, method, tol=1e-7, max_steps=3000)
        costs[copies] = sum(counting.runs)
    lanczos = 9 * 70 if isinstance(method, NewtonCG) else 0
    assert costs[9] <= costs[0] + 9 * 4 + lanczos
    assert costs[0] > 30
