"""Theorem 2's construction: from any start to a certified optimum, without a rise."""

import math
from dataclasses import replace

import pytest
import torch

import global_optimality as go
import laws
import reference
from cases import LOSSES, METHODS, PRODUCTS, factors, matrix, problem, randn, small
from global_optimality.factors import append, has_zero_slice
from global_optimality.sliding_frank_wolfe.local import local_of

RISE = 1e-12
"""The largest relative rise of f along a path, in between steps too."""


def is_theorem_two(f, path, optimum, accuracy=1e-7):
    """GLOBAL at the reference, certified at the returned weights, never rising, bookkeeping right."""
    assert path.status is go.Status.GLOBAL
    assert path.largest_rise <= RISE
    laws.never_rises(path.objective.tolist(), RISE)
    assert float(path.objective[-1]) == pytest.approx(optimum, rel=accuracy)
    assert len(path.objective) == len(path.steps) == len(path.size)
    laws.same(path.objective[-1:], f(*path.weights))
    assert path.size[-1] == path.weights[0].shape[1]
    assert path.steps[0] is go.Step.START
    again = go.certify(f, path.weights)
    assert again.verdict(1e-8) == (go.Verdict.CERTIFIED,)
    assert torch.equal(again.lower_bound, path.certificate.lower_bound)
    before = path.size[0]
    for kind, size in zip(path.steps, path.size, strict=True):
        assert size - before == (1 if kind is go.Step.APPEND else 0), "only APPEND grows, by one"
        before = size


def optimum_of(f):
    if isinstance(f.loss, go.MaskedSquaredLoss):
        return reference.minimum(f)
    return reference.shrunk(f.loss.Y.numpy(), f.lam)[1]


@pytest.mark.slow
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("r", [1, 2, 6])
@pytest.mark.parametrize("method", ["lbfgs", "newton"])
def test_random_starts(loss, r, method):
    f = problem(loss)
    for seed in range(2):
        is_theorem_two(f, go.meta_algorithm(f, r=r, seed=seed, method=METHODS[method]), optimum_of(f))


@pytest.mark.slow
@pytest.mark.parametrize("method", [go.LBFGS(), go.NewtonCG()])
@pytest.mark.parametrize("r", [5, 8])
def test_copies_of_one_subnetwork(method, r):
    """A bad start with r > card(X): all subnetworks equal, and first-order descent keeps them so; hence slides."""
    f = small()
    for seed in range(4):
        W = tuple(w.expand(1, r, -1).clone() for w in f.random(1, 1, seed=seed))
        path = go.meta_algorithm(f, W, method=method)
        is_theorem_two(f, path, optimum_of(f))
        assert path.size[-1] == r, "r > card(X): nothing is ever appended"
        if isinstance(method, go.LBFGS):
            assert go.Step.SLIDE in path.steps
            assert go.Step.ESCAPE in path.steps


@pytest.mark.parametrize("start", ["zero", "saddle", "huge", "tiny", "wrong sign"])
def test_bad_starts(start):
    f = small()
    one = f.random(1, 3)
    U, s, Vh = torch.linalg.svd(f.loss.Y)
    root = (s[1] - f.lam).sqrt()
    W = {
        "zero": tuple(0 * w for w in one),
        "saddle": ((root * U[:, 1])[None, None], (root * Vh[1])[None, None]),
        "huge": tuple(100 * w for w in one),
        "tiny": tuple(1e-8 * w for w in one),
        "wrong sign": (U.T[None], -Vh[None]),
    }[start]
    for method in (go.LBFGS(), go.NewtonCG()):
        is_theorem_two(f, go.meta_algorithm(f, W, method=method), optimum_of(f))


def test_gradient_descent_serves_as_well():
    f = small()
    path = go.meta_algorithm(f, r=1, method=go.GradientDescent(), tol=1e-6)
    assert path.status is go.Status.GLOBAL
    assert path.largest_rise <= RISE


def test_sizes_grow_only_as_far_as_needed():
    """From one subnetwork, eq. (8) with rank ρ needs ρ of them, and one zero subnetwork shows that more is no help."""
    f = problem(lam=0.3)
    rank = int((torch.linalg.svdvals(matrix()) > 0.3).sum())
    path = go.meta_algorithm(f, r=1)
    assert path.size[-1] == rank
    assert path.steps.count(go.Step.APPEND) == rank - 1


@pytest.mark.parametrize("name", ["product two two", "product two infinity", "product infinity infinity"])
def test_other_regularizers_never_rise_and_never_claim_too_much(name):
    f = replace(small(), regularizer=PRODUCTS[name])
    path = go.meta_algorithm(f, r=1, method=go.LBFGS(), max_rounds=2, tol=1e-6, samples=1)
    assert path.largest_rise <= RISE
    optimum = reference.minimum(f)
    assert float(path.objective[-1]) >= optimum * (1 - 1e-7)
    if path.status is go.Status.GLOBAL:
        assert float(path.objective[-1]) == pytest.approx(optimum, rel=2e-6)
    assert float(path.certificate.lower_bound) <= optimum * (1 + 1e-7)


@pytest.mark.slow
def test_no_escape_is_honest_for_non_negative_factors():
    """The polar is only enclosed: the path ends without a claim of optimality unless the gap itself proves it."""
    f = problem(go.SquaredLoss(matrix()), go.NonNegative(), 0.3)
    path = go.meta_algorithm(f, r=2, method=go.GradientDescent(), tol=1e-6, max_rounds=30)
    assert path.largest_rise <= RISE
    assert path.status in {go.Status.NO_ESCAPE, go.Status.GLOBAL, go.Status.STEPS}
    proved = path.certificate.verdict(1e-6) == (go.Verdict.CERTIFIED,)
    assert (path.status is go.Status.GLOBAL) == proved
    assert all(bool((w >= 0).all()) for w in path.weights)
    if path.status is go.Status.NO_ESCAPE:
        assert bool(has_zero_slice(path.weights))
        assert float(path.certificate.polar_lower) <= 1 + 1e-5


def test_an_unbounded_polar_ends_without_a_claim():
    f = small()
    polar = go.polar_of(f)

    def ascent_only(Q):
        bound = polar(Q)
        return go.PolarBound(bound.lower, torch.full_like(bound.upper, torch.inf), bound.atom)

    path = go.meta_algorithm(f, r=1, polar=ascent_only)
    assert path.status is go.Status.NO_ESCAPE
    assert float(path.objective[-1]) == pytest.approx(optimum_of(f), rel=1e-9), "though it got there"
    assert path.certificate.verdict(1e-6) == (go.Verdict.UNDECIDED,)


def test_float32_is_never_global():
    f = problem(go.SquaredLoss(matrix().float()))
    path = go.meta_algorithm(f, r=2, method=go.LBFGS(), tol=1e-3, max_rounds=5)
    assert path.status is not go.Status.GLOBAL
    assert float(path.objective[-1]) == pytest.approx(optimum_of(problem()), rel=1e-3)


def test_round_limit_is_a_status():
    f = small()
    W = tuple(w.expand(1, 8, -1).clone() for w in f.random(1, 1))
    path = go.meta_algorithm(f, W, method=go.LBFGS(), max_rounds=1)
    assert path.status is go.Status.STEPS


def test_deterministic_and_pure():
    f = small()
    W = f.random(1, 2)
    copy = tuple(w.clone() for w in W)
    a, b = go.meta_algorithm(f, W), go.meta_algorithm(f, W)
    assert torch.equal(a.objective, b.objective)
    assert all(torch.equal(x, y) for x, y in zip(W, copy, strict=True))
    assert torch.equal(go.meta_algorithm(f, r=2, seed=0).objective, a.objective)


def test_samples_refine_the_same_path():
    f = small()
    coarse, fine = go.meta_algorithm(f, r=1, samples=0), go.meta_algorithm(f, r=1, samples=9)
    assert len(fine.objective) > len(coarse.objective)
    assert fine.largest_rise <= RISE


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (lambda f: go.meta_algorithm(f, f.random(2, 3)), r"2 runs: pass one run, w\[:1\]"),
        (lambda f: go.meta_algorithm(f, r=0), "at least 1"),
        (lambda f: go.meta_algorithm(f, f.random(1, 2), r=2), "pass one of the two"),
        (lambda f: go.meta_algorithm(f, tol=0.0), "positive"),
        (lambda f: go.meta_algorithm(f, samples=-1), "samples = -1"),
        (lambda f: go.meta_algorithm(f, max_rounds=0), "max_rounds = 0"),
        (lambda f: go.meta_algorithm(f, tuple(torch.nan * w for w in f.random(1, 2))), "not finite at the start"),
        (lambda f: go.meta_algorithm(replace(f, regularizer=go.NonNegative()), r=2), r"use GradientDescent\(\)"),
        (lambda f: go.meta_algorithm(replace(f, regularizer=go.NonNegative()), factors(f.mapping, n=1)), "not finite"),
    ],
)
def test_bad_arguments(bad, words):
    with pytest.raises(ValueError, match=words):
        bad(problem())


def test_a_product_regularizer_with_zero_subnetworks_is_served():
    """θ = ‖u‖‖v‖ has a kink at zero: several zero subnetworks must not break Newton's method."""
    f = replace(small(), regularizer=go.ProductOfNorms())
    W = append(f.random(1, 1), tuple(torch.zeros(1, 4, 2, dtype=torch.float64) for _ in range(2)))
    path = go.meta_algorithm(f, W, max_rounds=2, tol=1e-6, samples=1)
    assert path.largest_rise <= RISE
    assert float(path.objective[-1]) < float(path.objective[0])


@pytest.mark.parametrize("name", ["kinks", "corner", "ridge"])
def test_faces_lead_the_path_over_kinks_and_keep_its_size(name):
    """Where descent jams at kinks: the steps of the solver are a path too, with zero units for those they drop."""
    S = torch.cat([randn(f"{name} S", 8, 2), torch.ones(8, 1, dtype=torch.float64)], 1)
    problem = go.Problem(go.SquaredLoss(randn(f"{name} Y", 8, 1)), go.ReluUnit(S), go.SumOfSquares(), 0.1)
    path = go.meta_algorithm(problem, r=2, local=local_of, tol=1e-5, max_rounds=30)
    assert path.largest_rise <= 1e-12
    assert path.status is go.Status.GLOBAL
    assert list(path.size) == sorted(path.size)
    assert path.weights[0].shape[1] == path.size[-1] >= 2


def test_the_way_of_a_gated_step_ends_where_it_should_and_keeps_places():
    loss, mapping = go.SquaredLoss(randn("way Y", 5, 2)), go.ReluUnit(randn("way S", 5, 3), 2)
    problem = go.Problem(loss, mapping, go.SumOfSquares(), 0.1)
    W = problem.random(1, 3)
    new = tuple(1.1 * w[:, [2, 0]] for w in W)
    way = local_of(problem).way(W, new)
    laws.same(problem.mapping.phi(*way(0.0)), problem.mapping.phi(*W), 1e-13)
    laws.same(problem(*way(0.0)), problem(*W), 1e-13)
    end = way(1.0)
    assert not any(bool(w[:, 1].any()) for w in end), "the unit that is left out becomes zero"
    laws.same(problem.mapping.phi(*end)[:, [2, 0]], problem.mapping.phi(*new), 1e-13)


@pytest.mark.parametrize("call", [10, 40, 41, 42, 43, 80])
def test_an_interrupt_returns_the_path_so_far(call, monkeypatch):
    """Wherever it comes: in a descent, between two points of the path, or in the polar."""
    f, calls, phi = small(), 0, go.MatrixProduct.Phi
    whole = go.meta_algorithm(f, r=1, method=go.LBFGS())

    def interrupted(self: go.MatrixProduct, *W: torch.Tensor) -> torch.Tensor:
        nonlocal calls
        calls += 1
        if calls == call:
            raise KeyboardInterrupt
        return phi(self, *W)

    monkeypatch.setattr(go.effort, "_last_interrupt", -math.inf)  # no interrupt of a test before this one
    monkeypatch.setattr(go.MatrixProduct, "Phi", interrupted)
    path = go.meta_algorithm(f, r=1, method=go.LBFGS())
    assert path.status is go.Status.INTERRUPTED
    assert len(path.objective) == len(path.steps) == len(path.size) < len(whole.steps)
    assert path.largest_rise <= RISE
    laws.same(path.objective[-1:], f(*path.weights))
    laws.same(path.certificate.objective, f(*path.weights))
