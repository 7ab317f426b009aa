"""Best scales of given subnetworks, and the certified solver on every mapping through the same code."""

import numpy as np
import pytest
import torch
from scipy import optimize

from cases import randn
from global_optimality import (
    BalancedWeightDecay,
    ConvPool,
    CrossEntropyLoss,
    DeepLinear,
    DeepRelu,
    Effort,
    LogisticLoss,
    Problem,
    RankOneTensor,
    ReluUnit,
    SquaredLoss,
    Status,
    SumOfPowers,
    SumOfSquares,
    certify,
    polar_of,
    solve,
)
from global_optimality.boosting import boost
from global_optimality.convex import nuclear_norm_approximation
from global_optimality.descent import refit, scales
from global_optimality.descent.scales import best_scales
from global_optimality.factors import append, zeros_like_slice
from global_optimality.losses.arrays import ArrayLoss
from global_optimality.polar import Oracle
from global_optimality.polar.deep_relu import deep_relu_polar
from global_optimality.sliding_frank_wolfe.entering import entering
from global_optimality.streams import generator, normal


def draw(name: str, *shape: int) -> torch.Tensor:
    return normal(generator(0, "tests", "scales", name, *shape), *shape)


LOSSES = {
    "squared": lambda: SquaredLoss(draw("y", 6, 1)),
    "logistic": lambda: LogisticLoss(draw("y", 6, 1).sign()),
    "cross-entropy": lambda: CrossEntropyLoss(torch.arange(6) % 3),
}


@pytest.mark.parametrize("begin", [None, 0.0, 3.0])
@pytest.mark.parametrize("count", [3, 25])
@pytest.mark.parametrize("name", LOSSES)
def test_best_scales_against_scipy(name, count, begin):
    """Also with more subnetworks than outputs, with two in the same direction, and wherever it starts."""
    loss = LOSSES[name]()
    D = draw(f"D {name}", count, *loss.shape)
    D[1] = 1.3 * D[0]
    cost = 0.1 + 0.1 * torch.arange(count).double() / count

    def objective(s: np.ndarray) -> tuple[float, np.ndarray]:
        t = torch.tensor(s)
        X = torch.tensordot(t, D, 1)[None]
        return float(loss(X)[0] + t @ cost), ((loss.gradient(X) * D).flatten(1).sum(1) + cost).numpy()

    options = {"ftol": 1e-16, "gtol": 1e-12, "maxiter": 20_000, "maxfun": 100_000}
    start = np.ones(count)
    best = optimize.minimize(objective, start, jac=True, bounds=[(0, None)] * count, method="L-BFGS-B", options=options)
    first = None if begin is None else np.full(count, begin)
    s = best_scales(ArrayLoss.of(loss), D.numpy(), cost.numpy(), first)
    assert (s >= 0).all()
    value, slope = objective(s)
    assert value <= best.fun + 1e-12 * abs(best.fun)
    assert slope.min() >= -1e-8
    assert np.abs(slope[s > 0]).max(initial=0) <= 1e-7


def test_refit_drops_what_is_zero_and_never_rises():
    problem = Problem(SquaredLoss(draw("Y", 4, 3)), DeepLinear(4, (2, 2, 3)), BalancedWeightDecay(3), 0.3)
    W = append(problem.random(1, 5, seed=1), zeros_like_slice(problem.random(1, 1)))
    new = refit(problem, W)
    assert new[0].shape[1] <= 5
    assert float(problem(*new)) <= float(problem(*W))


def instances() -> dict[str, Problem]:
    x = torch.linspace(-1, 1, 5, dtype=torch.float64)
    S = torch.stack([x, torch.ones_like(x)], 1)
    y = torch.sin(4 * x)[:, None]
    T = torch.zeros(3, 3, 3, dtype=torch.float64)
    for j, c in enumerate((3.0, 2.0, 0.5)):
        T[j, j, j] = c
    images, labels = draw("images", 6, 1, 4, 4), draw("labels", 6, 2)
    return {
        "linear": Problem(SquaredLoss(draw("Y", 6, 5)), DeepLinear(6, (3, 3, 5)), BalancedWeightDecay(3), 1.0),
        "relu": Problem(SquaredLoss(y), DeepRelu(S, (2, 1, 1)), BalancedWeightDecay(3), 0.3),
        "tensor": Problem(SquaredLoss(T), RankOneTensor((3, 3, 3)), SumOfPowers(3), 1.0),
        "convolution": Problem(SquaredLoss(labels), ConvPool(images, 1, 3, 2, 2), SumOfSquares(), 0.5),
    }


@pytest.mark.slow
@pytest.mark.parametrize("name", ["linear", "relu", "tensor"])
def test_the_solver_certifies_every_mapping(name):
    problem = instances()[name]
    mapping = problem.mapping
    searched = deep_relu_polar(mapping, Effort(nodes=20_000, tolerance=1e-4)) if isinstance(mapping, DeepRelu) else None
    polar = polar_of(problem) if searched is None else searched
    solution = solve(problem, tol=1e-2, max_rounds=15, polar=polar)
    assert solution.status is Status.GLOBAL
    assert solution.relative_gap <= 1e-2
    again = certify(problem, solution.weights, polar)
    assert torch.equal(again.lower_bound, solution.certificate.lower_bound)
    boosted = boost(problem, tol=5e-2, max_rounds=4, polar=polar)
    assert float(boosted.certificate.objective) >= float(solution.certificate.lower_bound)
    expected = {
        "linear": lambda: nuclear_norm_approximation(problem.loss.Y.numpy(), 1.0).objective,
        "tensor": lambda: 0.5 * (1 + 1 + 0.25) + 1.0 * (2 + 1),
    }
    if name in expected:
        assert solution.objective == pytest.approx(expected[name](), rel=1e-2)
        assert float(solution.certificate.lower_bound) <= expected[name]() * (1 + 1e-12)


@pytest.mark.slow
def test_the_solver_lowers_convolutions_and_does_not_claim_too_much():
    problem = instances()["convolution"]
    solution = solve(problem, tol=1e-3, max_rounds=2)
    zero = tuple(torch.zeros_like(w) for w in problem.random(1, 1))
    assert solution.objective < float(problem(*zero))
    assert solution.status is not Status.GLOBAL
    assert float(solution.certificate.lower_bound) <= solution.objective


@pytest.mark.parametrize("name", instances())
def test_oracles_name_several_atoms(name):
    problem = instances()[name]
    polar = polar_of(problem)
    assert isinstance(polar, Oracle)
    Q = draw(f"Q {name}", 1, *problem.mapping.shape)
    bound, W = polar(Q), problem.random(1, 3, seed=2)
    for atoms in (polar.atoms(Q, 8, 0.5 * float(bound.lower)), polar.ascend(Q, W, 8, 0.5 * float(bound.lower))):
        value = problem.mapping.inner(Q, *atoms)[0]
        assert 1 <= len(value) <= 8
        assert bool((value <= bound.upper * (1 + 1e-12)).all())
        assert bool((value[1:] > 0.5 * bound.lower).all())
        theta = problem.regularizer.theta(*atoms)[0]
        assert bool((theta <= 1 + 1e-9).all())
        assert float(value[0]) >= 0.9 * float(bound.lower)


@pytest.mark.parametrize("name", instances())
def test_without_memory_all_subnetworks_share_one_scale(name):
    problem = instances()[name]
    W = problem.random(1, 4, seed=3)
    new = refit(problem, W, memory=1.0)
    assert float(problem(*new)) <= float(problem(*W)) * (1 + 1e-14)
    ratio = problem.regularizer.theta(*new) / problem.regularizer.theta(*W)
    assert torch.allclose(ratio, ratio[:, :1].expand_as(ratio), rtol=1e-12)


@pytest.mark.parametrize("most", [1, 2, 5, 9])
def test_the_outputs_of_all_units_fit_into_memory(most, monkeypatch):
    """Where they do not, the first ones share a scale; f falls all the same, and with room enough as far as ever."""
    S = randn("memory S", 30, 3)
    problem = Problem(SquaredLoss(randn("memory Y", 30, 2)), ReluUnit(S, 2), SumOfSquares(), 0.1)
    W, sizes = problem.random(1, 9, seed=1), []
    plain, honest = refit(problem, W), scales.best_scales
    monkeypatch.setattr(
        scales, "best_scales", lambda loss, D, *rest, **more: sizes.append(len(D)) or honest(loss, D, *rest, **more)
    )
    numbers = scales.COPIES * problem.card * most + scales.MATRICES * most**2 + 1
    new = refit(problem, W, memory=8 * numbers)
    assert sizes == [most]
    f = [float(problem(*w)[0]) for w in (plain, new, W)]
    assert f[0] <= f[1] * (1 + 1e-12)
    assert f[1] < f[2]
    if most == 9:
        assert f[1] == f[0]
    few = entering(problem, W, problem.random(1, 9, seed=2), memory=8 * numbers)
    assert few[0].shape[1] <= most
