"""How descents end: named statuses, units, dtypes, bad arguments, ill-conditioned data."""

import pytest
import torch

import laws
import reference
from cases import (
    METHODS,
    SMOOTH,
    every_method,
    matrix,
    problem,
    randn,
    starts,
)
from global_optimality import (
    LBFGS,
    GradientDescent,
    NewtonCG,
    ProductOfNorms,
    SquaredLoss,
    Status,
    certify,
    minimise,
)

DONE = {Status.STATIONARY, Status.SECOND_ORDER}


@pytest.mark.slow
@every_method
def test_kinks_and_rounding_end_in_a_named_status(method):
    """An unreachable tolerance: the run ends as stalled or at the step limit, near the optimum, and says so."""
    f = problem()
    end = minimise(f, f.random(4, 3), method, tol=1e-30, max_steps=3000)
    assert set(end.status) <= {Status.STALLED, Status.STEPS}
    if method != GradientDescent():
        assert Status.STALLED in end.status
        assert end.objective.tolist() == pytest.approx([reference.shrunk(matrix().numpy(), f.lam)[1]] * 4, rel=1e-11)
    laws.descent_is_recomputed(f, end)


@pytest.mark.slow
def test_stalled_at_a_kink():
    """|u||v| in one norms: descent gets stuck where θ is not differentiable."""
    f = problem(regularizer=ProductOfNorms((1, 1)))
    end = minimise(f, starts(f, n=1), LBFGS(), max_steps=300)
    assert set(end.status) <= {Status.STALLED, Status.STEPS}
    assert float(end.gradient_norm.min()) > 1e-3


@every_method
def test_nothing_to_do(method):
    f = problem()
    end = minimise(f, f.random(2, 3), method, max_steps=0)
    assert end.status == (Status.STEPS, Status.STEPS)
    assert all(torch.equal(a, b) for a, b in zip(end.weights, f.random(2, 3), strict=True))
    optimum = minimise(f, f.random(1, 3), NewtonCG(), tol=1e-11).weights
    again = minimise(f, optimum, method, tol=1e-9)
    assert again.steps.tolist() == [0]
    assert set(again.status) <= DONE


@every_method
@pytest.mark.parametrize("name", SMOOTH)
def test_above_lambda_max_everything_vanishes(method, name):
    f = problem(regularizer=SMOOTH[name], lam=1.2 * float(torch.linalg.matrix_norm(matrix(), 2)))
    end = minimise(f, f.random(3, 3), method, tol=1e-9)
    assert set(end.status) <= DONE
    assert end.objective.tolist() == pytest.approx([0.5 * float(matrix().square().sum())] * 3, rel=1e-12)
    assert float(certify(f, end.weights).relative_gap.max()) <= 1e-9


@every_method
def test_units_do_not_matter(method):
    """Data and λ in other units: the same steps (the tolerance has no units)."""
    small = problem(SquaredLoss(1e-4 * matrix()), lam=1e-4 * 0.4)
    end = minimise(small, small.random(3, 3, deviation=0.01), method, tol=1e-7, max_steps=5000)
    assert set(end.status) <= DONE
    assert end.objective.tolist() == pytest.approx([1e-8 * reference.shrunk(matrix().numpy(), 0.4)[1]] * 3, rel=1e-10)


@every_method
def test_float32_descends_and_is_never_certified(method):
    f = problem(SquaredLoss(matrix().float()))
    end = minimise(f, f.random(4, 4), method, tol=1e-3, max_steps=2000)
    assert end.weights[0].dtype == end.objective.dtype == torch.float32
    assert end.objective.tolist() == pytest.approx([reference.shrunk(matrix().numpy(), 0.4)[1]] * 4, rel=1e-4)
    laws.same(end.objective, f(*end.weights), 1e-5)
    assert "CERTIFIED" not in {v.name for v in certify(f, end.weights).verdict(1e-2)}


def test_weights_are_not_changed_in_place():
    f = problem()
    for method in METHODS.values():
        W = f.random(2, 3)
        copy = tuple(w.clone() for w in W)
        minimise(f, W, method, max_steps=5)
        assert all(torch.equal(a, b) for a, b in zip(W, copy, strict=True))
        minimise(f, tuple(w.requires_grad_() for w in W), method, max_steps=2)


def test_deterministic():
    f = problem()
    a, b = (minimise(f, f.random(3, 3), NewtonCG()) for _ in range(2))
    assert torch.equal(a.objective, b.objective)
    assert torch.equal(a.weights[0], b.weights[0])


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (lambda f: minimise(f, f.random(1, 2), tol=0.0), "tol = 0.0: it must be positive"),
        (lambda f: minimise(f, f.random(1, 2), tol=float("nan")), "must be positive"),
        (lambda f: minimise(f, f.random(1, 2), max_steps=-1), "max_steps = -1: it must be at least 0"),
        (lambda f: minimise(f, tuple(w[0] for w in f.random(1, 2))), r"w\[None\]"),
        (lambda f: minimise(f, tuple(w[:, :0] for w in f.random(1, 2))), "r must be at least 1"),
        (lambda f: minimise(f, tuple(w[:0] for w in f.random(1, 2))), "n = 0 runs"),
        (lambda _: LBFGS(memory=0), "at least 1"),
        (lambda _: LBFGS(interior=-1), "interior = -1"),
        (lambda _: GradientDescent(first_step=0.0), "positive"),
        (lambda _: GradientDescent(halvings=0), "at least 1"),
        (lambda _: NewtonCG(inner_steps=0), "at least 1"),
        (lambda _: NewtonCG(lanczos_steps=0), "at least 1"),
    ],
)
def test_bad_arguments(bad, words):
    with pytest.raises(ValueError, match=words):
        bad(problem())


@pytest.mark.slow
def test_ill_conditioned_data():
    """Singular values over five decades, λ below all but the last two."""
    U, _, Vh = torch.linalg.svd(randn("ill", 8, 6), full_matrices=False)
    Y = U @ torch.diag(torch.logspace(0, -5, 6, dtype=torch.float64)) @ Vh
    f = problem(SquaredLoss(Y), lam=3e-4)
    end = minimise(f, f.random(2, 6, deviation=0.3), NewtonCG(), max_steps=150)
    optimum = reference.shrunk(Y.numpy(), f.lam)[1]
    assert end.objective.tolist() == pytest.approx([optimum] * 2, rel=1e-6)
