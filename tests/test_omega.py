"""Ω: closed forms, enclosures, a gauge, dual to the polar."""

import pytest
import torch

import global_optimality as go
import laws
from cases import cones, every_theta, exact, factors, hard, inside, matrix, omega_truth, polar_truth, problem, randn


@exact
def test_omega_in_closed_form(theta):
    X = torch.cat([randn("X", 4, 4, 3), torch.zeros(1, 4, 3, dtype=torch.float64), matrix()[None].round()])
    lower, upper = go.omega(problem(regularizer=theta), X)
    truth = torch.tensor(omega_truth(theta, X))
    assert bool((lower <= truth * (1 + 1e-13)).all())
    assert bool((truth <= upper * (1 + 1e-13)).all())
    assert bool((upper - lower <= 1e-12 * truth).all())


@pytest.mark.slow
@hard
def test_omega_is_enclosed_for_hard_norms(theta):
    X = randn("X", 6, 4, 3)
    lower, upper = go.omega(problem(regularizer=theta), X)
    Q = randn("dual", 200, 4, 3)
    value = torch.einsum("qij,nij->nq", Q, X) / torch.tensor(polar_truth(theta, Q))
    assert bool((value.amax(1) <= upper).all()), "a dual point beats the upper bound"
    W = factors(go.MatrixProduct(4, 3), n=30, r=7)
    low, _ = go.omega(problem(regularizer=theta), go.MatrixProduct(4, 3).Phi(*W))
    assert bool((low <= theta.Theta(*W)).all()), "a network beats the lower bound"
    assert bool((lower <= upper).all())


@cones
def test_omega_of_non_negative_factors(theta):
    f, X = problem(regularizer=theta), randn("X", 5, 4, 3)
    lower, upper = go.omega(f, X)
    assert bool(torch.isinf(lower).all() and torch.isinf(upper).all()), "no network produces a negative entry"
    lower, upper = go.omega(f, X.abs())
    assert bool((lower <= upper).all() and torch.isfinite(upper).all())
    nuclear = torch.linalg.svdvals(X.abs()).sum(1)
    assert bool((nuclear * (1 - 1e-13) <= upper).all())
    W = tuple(w.abs() for w in factors(f.mapping, n=30, r=3))
    assert bool((go.omega(f, f.mapping.Phi(*W))[0] <= theta.Theta(*W) * (1 + 1e-13)).all())
    assert go.omega(f, torch.zeros(1, 4, 3, dtype=torch.float64))[1].tolist() == [0]


@pytest.mark.slow
@every_theta
def test_omega_is_a_gauge(theta):
    A, B = (torch.stack([inside(theta, (x,))[0] for x in randn(name, 5, 4, 3)]) for name in "AB")
    laws.gauge(lambda X: go.omega(problem(regularizer=theta), X), A, B)


@every_theta
def test_omega_and_the_polar_are_dual(theta):
    """⟨Q, X⟩ ≤ Ω(X) Ω°(Q)."""
    f = problem(regularizer=theta)
    X, Q = inside(theta, (randn("X", 20, 4, 3),))[0], randn("Q", 20, 4, 3)
    pairing = torch.einsum("nij,nij->n", Q, X)
    assert bool((pairing <= go.omega(f, X)[1] * go.polar_of(f)(Q).upper).all())


def test_the_two_smooth_pairs_have_one_omega():
    X = randn("X", 3, 4, 3)
    for a, b in zip(go.omega(problem(), X), go.omega(problem(regularizer=go.ProductOfNorms()), X), strict=True):
        laws.same(a, b)


def test_omega_refuses_wrong_shapes():
    with pytest.raises(ValueError, match="expected"):
        go.omega(problem(), matrix())
