"""The convex references: nuclear norm and matrix completion against closed forms and a general solver."""

import cvxpy as cp
import numpy as np
import pytest
import torch

import cases
import reference
from global_optimality import MaskedSquaredLoss, MatrixProduct, NewtonCG, Problem, SumOfSquares, certify, minimise
from global_optimality.convex import matrix_completion, nuclear_norm_approximation, shrink


def data(name="convex", rows=6, columns=5):
    return cases.randn(name, rows, columns).numpy(), cases.seen(name, rows, columns).numpy()


@pytest.mark.parametrize("threshold", [0.0, 0.3, 1.5, 1e3])
def test_shrink_is_the_proximal_map(threshold):
    """Z − X ∈ threshold·∂‖X‖_*: spectral norm at most the threshold, and aligned with X."""
    Z, _ = data()
    X, nuclear = shrink(Z, threshold)
    assert np.linalg.norm(Z - X, 2) <= threshold + 1e-13
    assert np.sum((Z - X) * X) == pytest.approx(threshold * nuclear, abs=1e-12)
    assert nuclear == pytest.approx(np.linalg.svd(X, compute_uv=False).sum(), abs=1e-12)


@pytest.mark.parametrize("lam", [0.05, 0.7, 2.0, 50.0])
def test_closed_form_of_equation_8(lam):
    Y, _ = data()
    solution = nuclear_norm_approximation(Y, lam)
    X, optimum = reference.shrunk(Y, lam)
    assert solution.objective == pytest.approx(optimum, rel=1e-12)
    assert np.abs(solution.X - X).max() <= 1e-12
    value = 0.5 * np.square(Y - solution.X).sum() + lam * np.linalg.svd(solution.X, compute_uv=False).sum()
    assert solution.objective == pytest.approx(value, rel=1e-12)
    assert solution.relative_gap == 0


def test_closed_form_against_a_general_solver():
    Y, _ = data()
    X = cp.Variable(Y.shape)
    program = cp.Problem(cp.Minimize(0.5 * cp.sum_squares(X - Y) + 0.7 * cp.normNuc(X)))
    program.solve(solver=cp.CLARABEL)
    solution = nuclear_norm_approximation(Y, 0.7)
    assert solution.objective == pytest.approx(program.value, rel=1e-7)
    assert np.abs(solution.X - X.value).max() <= 1e-4


@pytest.mark.parametrize("lam", [0.05, 0.5, 2.0])
@pytest.mark.parametrize("momentum", [True, False])
def test_completion_against_a_general_solver(lam, momentum):
    Y, mask = data()
    X = cp.Variable(Y.shape)
    loss = 0.5 * cp.sum_squares(cp.multiply(mask.astype(float), X - Y))
    program = cp.Problem(cp.Minimize(loss + lam * cp.normNuc(X)))
    program.solve(solver=cp.CLARABEL)
    solution = matrix_completion(Y, mask, lam, tol=1e-9, momentum=momentum)
    assert solution.relative_gap <= 1e-9
    assert solution.objective == pytest.approx(program.value, rel=1e-6)
    value = 0.5 * np.square(mask * (Y - solution.X)).sum() + lam * np.linalg.svd(solution.X, compute_uv=False).sum()
    assert solution.objective == pytest.approx(value, rel=1e-12)


def test_the_duality_gap_is_valid_at_every_length_of_run():
    Y, mask = data()
    optimum = matrix_completion(Y, mask, 0.3, tol=1e-12).objective
    for iterations in (1, 2, 5, 20, 100):
        for momentum in (True, False):
            solution = matrix_completion(Y, mask, 0.3, tol=1e-15, max_iterations=iterations, momentum=momentum)
            assert solution.lower_bound <= optimum * (1 + 1e-12) <= solution.objective * (1 + 2e-12)
            assert solution.iterations <= iterations
            if iterations:
                nuclear = np.linalg.svd(solution.X, compute_uv=False).sum()
                value = 0.5 * np.square(mask * (Y - solution.X)).sum() + 0.3 * nuclear
                assert solution.objective == pytest.approx(value, rel=1e-12), "the objective of the X returned"


def test_soft_impute_reaches_the_same_point_more_slowly():
    Y, mask = data()
    fast, slow = (matrix_completion(Y, mask, 0.1, tol=1e-10, momentum=m) for m in (True, False))
    assert np.abs(fast.X - slow.X).max() <= 1e-3
    assert fast.objective == pytest.approx(slow.objective, rel=1e-9)
    assert fast.iterations < slow.iterations


def test_hidden_entries_are_never_read():
    Y, mask = data()
    hidden = np.where(mask, Y, np.nan)
    a, b = (matrix_completion(Z, mask, 0.3, tol=1e-9) for Z in (Y, hidden))
    assert np.array_equal(a.X, b.X)


def test_completion_agrees_with_descent_and_its_certificate():
    Y, mask = data()
    problem = Problem(MaskedSquaredLoss(torch.tensor(Y), torch.tensor(mask)), MatrixProduct(6, 5), SumOfSquares(), 0.3)
    certificate = certify(problem, minimise(problem, problem.random(3, 5), NewtonCG()).weights)
    solution = matrix_completion(Y, mask, 0.3, tol=1e-11)
    assert certificate.objective.tolist() == pytest.approx([solution.objective] * 3, rel=1e-10)
    assert float(certificate.lower_bound.max()) <= solution.objective
    assert solution.lower_bound <= float(certificate.objective.min()) * (1 + 1e-12)


@pytest.mark.parametrize("momentum", [True, False])
def test_zero_data_and_large_lambda(momentum):
    Y, mask = data()
    zero = matrix_completion(0 * Y, mask, 0.3, momentum=momentum)
    assert zero.objective == zero.relative_gap == 0
    large = matrix_completion(Y, mask, 1e3, momentum=momentum)
    assert large.iterations == 1
    assert large.relative_gap <= 1e-8
    assert not large.X.any()


def test_everything_seen_is_the_closed_form():
    Y, mask = data()
    solution = matrix_completion(Y, np.ones_like(mask), 0.4, tol=1e-12)
    assert solution.objective == pytest.approx(nuclear_norm_approximation(Y, 0.4).objective, rel=1e-12)
