"""solve: certified optima of every kind of loss, closed forms, and what its solutions can do."""

import pytest
import torch
from torch import Tensor, nn

import global_optimality as go
import laws
from cases import randn
from global_optimality.convex import matrix_completion, nuclear_norm_approximation
from global_optimality.polar.relu_enclosure import few_rows
from global_optimality.sliding_frank_wolfe import Scaling
from global_optimality.sliding_frank_wolfe.look import enough, least_gap, look
from planar_problems import DOUBLE, GAP, check, regression, samples


def classification(N: int = 20, lam: float = 0.1, **options) -> go.Problem:
    S, y = samples(N)
    return go.Problem(
        go.LogisticLoss(torch.where(y > y.median(), 1.0, -1.0).double()[:, None], **options),
        go.ReluUnit(S),
        go.SumOfSquares(),
        lam,
    )


def classes(N: int = 20, lam: float = 0.3, **options) -> go.Problem:
    S, y = samples(N)
    labels = (y > 0.3).long() + (y > 1).long()
    return go.Problem(go.CrossEntropyLoss(labels, **options), go.ReluUnit(S, outputs=3), go.SumOfSquares(), lam)


def vectors(N: int = 20, lam: float = 0.5, **options) -> go.Problem:
    S, y = samples(N)
    return go.Problem(
        go.SquaredLoss(torch.stack([y, y.cos(), y**2], 1), **options), go.ReluUnit(S, outputs=3), go.SumOfSquares(), lam
    )


KINDS = {"squared": regression, "logistic": classification, "cross-entropy": classes, "vector": vectors}


every = pytest.mark.parametrize("make", [pytest.param(make, id=name) for name, make in KINDS.items()])


@pytest.mark.slow
@every
@pytest.mark.parametrize("output_bias", [None, 0.0, 0.5])
def test_certified(make, output_bias):
    solution = go.solve(make(12, output_bias=output_bias), tol=GAP)
    check(solution)
    assert str(solution).startswith(f"GLOBAL: objective {solution.objective:.10g} with {solution.size} subnetwork")
    assert "tensor" not in str(solution)
    assert solution.certificate.verdict(GAP) == (go.Verdict.CERTIFIED,)
    laws.never_rises([row.objective for row in solution.history], 1e-14)
    assert float(solution.certificate.alignment) < 1e-6


@every
def test_no_network_is_lower(make):
    """Random networks, scaled at best along rays, never come below the proved bound."""
    problem = make()
    solution = go.solve(problem, tol=GAP)
    W = tuple(torch.cat([solution.weights[k].repeat(50, 1, 1)], 1) for k in range(2))
    for size in (1e-6, 1e-3, 1e-1, 1.0):
        V = tuple(w + size * randn(f"move {size}", *w.shape) for w in W)
        assert bool((problem(*V) >= solution.certificate.lower_bound).all())


def test_two_points_in_closed_form():
    """x = ±1, y = (2, 3), λ = ½: Ω(X) = |X₁| + |X₂|, so f* = 2.25."""
    S, Y = torch.tensor([[1.0], [-1.0]], dtype=DOUBLE), torch.tensor([[2.0], [3.0]], dtype=DOUBLE)
    solution = go.solve(go.Problem(go.SquaredLoss(Y), go.ReluUnit(S), go.SumOfSquares(), 0.5), tol=1e-12)
    check(solution)
    assert solution.objective == pytest.approx(2.25, rel=1e-14)
    assert solution.size == 2
    stuck = tuple(torch.tensor([[[1.5**0.5]]], dtype=DOUBLE) for _ in range(2))
    assert go.solve(solution.problem, start=stuck, tol=1e-12).objective == pytest.approx(2.25, rel=1e-14)


@pytest.mark.parametrize("theta", [go.SumOfSquares(), go.ProductOfNorms()])
def test_matrix_factorization_by_the_same_solver(theta):
    Y = randn("matrix", 9, 6)
    solution = go.solve(go.Problem(go.SquaredLoss(Y), go.MatrixProduct(9, 6), theta, 0.8), tol=1e-12)
    exact = nuclear_norm_approximation(Y.numpy(), 0.8)
    assert solution.status is go.Status.GLOBAL
    assert solution.objective == pytest.approx(exact.objective, rel=1e-13)
    laws.same(solution.problem.mapping.Phi(*solution.weights)[0], torch.from_numpy(exact.X), 1e-9)
    assert solution.size == int((torch.linalg.svdvals(Y) > 0.8).sum())


def test_matrix_completion_by_the_same_solver():
    Y, mask = randn("matrix", 9, 6), randn("seen", 9, 6) > -0.5
    solution = go.solve(
        go.Problem(go.MaskedSquaredLoss(Y, mask), go.MatrixProduct(9, 6), go.SumOfSquares(), 0.8), tol=GAP
    )
    reference = matrix_completion(Y.numpy(), mask.numpy(), 0.8, tol=1e-12)
    assert solution.status is go.Status.GLOBAL
    assert solution.objective == pytest.approx(reference.objective, rel=1e-8)


@pytest.mark.slow
def test_rank_four_data_is_certified_through_the_enclosure(monkeypatch):
    """By cones, as where rows of positive weight are many."""
    monkeypatch.setattr(few_rows, "UP_TO", 0)
    S = randn("four", 14, 4)
    problem = go.Problem(go.SquaredLoss(randn("four y", 14, 1)), go.ReluUnit(S), go.SumOfSquares(), 0.3)
    fine, coarse = go.solve(problem, tol=1e-7), go.solve(problem, tol=1e-2, time_limit=60)
    check(fine)
    assert coarse.status is go.Status.GLOBAL
    assert float(coarse.certificate.lower_bound) <= fine.objective <= coarse.objective
    assert coarse.relative_gap > fine.relative_gap  # no closer than asked: a search costs


def test_the_best_dual_point_of_all_rounds_counts():
    """A polar that gets worse: an early bound, of another network, is the one that is returned with its dual point."""
    problem, calls = regression(), []
    exact = go.polar_of(problem)

    def tiring(Q: Tensor) -> go.PolarBound:
        bound = exact(Q)
        calls.append(Q)
        return go.PolarBound(bound.lower, (9 if len(calls) > 8 else 1) * bound.upper, bound.atom)

    solution = go.solve(problem, polar=tiring, tol=1e-6, max_rounds=12, local=Scaling)
    proved = [r.lower_bound for r in solution.history]
    assert len(calls) > 9
    assert float(solution.certificate.lower_bound[0]) == pytest.approx(max(proved), rel=1e-15)
    assert proved[-1] < max(proved)
    dual = solution.certificate.dual
    assert float(exact(-dual).upper[0]) <= problem.lam * (1 + 1e-12)
    assert -float(problem.loss.conjugate(dual)[0]) == pytest.approx(max(proved), rel=1e-12)


def test_the_upper_bound_asked_for_just_proves_the_gap():
    problem = classes()
    W = go.solve(problem, tol=1e-9).weights
    value, Q = look(problem, W)
    goal = enough(problem, value, Q, 1e-2 * value)
    assert goal is not None
    assert 0.9e-2 * value < least_gap(problem, value, Q, goal) <= 1e-2 * value
    assert enough(problem, value, Q, -value) is None


def test_an_enclosed_polar_ends_without_a_claim():
    problem = go.Problem(go.SquaredLoss(randn("cone", 5, 4).abs() - 0.3), go.MatrixProduct(5, 4), go.NonNegative(), 0.4)
    inside = go.polar_of(problem)

    def loose(Q: Tensor) -> go.PolarBound:
        bound = inside(Q)
        return go.PolarBound(bound.lower, 1.5 * bound.upper, bound.atom)

    relu = regression()
    exact = go.polar_of(relu)
    solution = go.solve(
        relu,
        polar=lambda Q: go.PolarBound(exact(Q).lower, 1.5 * exact(Q).upper, exact(Q).atom),
        tol=1e-6,
        max_rounds=60,
    )
    assert solution.status in (go.Status.NO_ESCAPE, go.Status.ROUNDS)
    assert solution.certificate.verdict(1e-6)[0] is not go.Verdict.CERTIFIED
    assert float(loose(randn("q", 1, 5, 4)).upper) > 0


def test_sample_weights_are_repetitions():
    S, y = samples(12)
    twice = torch.cat([torch.arange(12), torch.arange(4)])
    weights = torch.ones(12, dtype=DOUBLE)
    weights[:4] = 2
    weighted = go.Problem(go.SquaredLoss(y[:, None], weights=weights), go.ReluUnit(S), go.SumOfSquares(), 0.1)
    repeated = go.Problem(go.SquaredLoss(y[twice][:, None]), go.ReluUnit(S[twice]), go.SumOfSquares(), 0.1)
    a, b = go.solve(weighted, tol=GAP), go.solve(repeated, tol=GAP)
    assert a.objective == pytest.approx(b.objective, rel=2 * GAP)
    check(a)
    check(b)


@pytest.mark.slow
@pytest.mark.parametrize("make", [regression, classes])
@pytest.mark.parametrize("output_bias", [None, 0.0])
def test_to_torch_and_predict(make, output_bias):
    problem = make(12, output_bias=output_bias)
    solution = go.solve(problem, start=problem.random(1, 3), max_rounds=1)
    S = solution.problem.mapping.S
    module = solution.to_torch()
    assert [type(layer) for layer in module] == [nn.Linear, nn.ReLU, nn.Linear]
    assert (module[2].bias is not None) == (output_bias is not None)
    assert module[0].in_features == 2
    expected = solution.problem.mapping.Phi(*solution.weights)[0] + solution.output_bias()
    laws.same(solution.predict(S), expected)
    laws.same(module(S[:, :2]).detach(), expected, 1e-13)
