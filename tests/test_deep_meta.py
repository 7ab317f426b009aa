"""Descent, certificates, Theorem 2 and boosting on deep subnetworks, through the code that knows no mapping."""

import numpy as np
import pytest
import torch
from scipy import optimize

from deep_cases import THETAS, curve, draw
from global_optimality import (
    LBFGS,
    BalancedWeightDecay,
    ConvPool,
    DeepLinear,
    DeepRelu,
    Effort,
    MatrixProduct,
    Problem,
    RankOneTensor,
    SquaredLoss,
    Status,
    Step,
    SumOfPowers,
    SumOfSquares,
    Verdict,
    certify,
    meta_algorithm,
    minimise,
    polar_of,
)
from global_optimality.boosting import boost
from global_optimality.convex import nuclear_norm_approximation
from global_optimality.descent import refit
from global_optimality.polar.bound import Oracle, PolarBound
from global_optimality.polar.deep_relu import deep_relu_polar

# --- deep linear: everything is known ---------------------------------------------------------------------------------

Y = draw("Y", 6, 5)


OPTIMUM = nuclear_norm_approximation(Y.numpy(), 1.0).objective


@pytest.mark.parametrize("theta", THETAS[1:], ids=["powers", "balanced"])
def test_deep_linear_reaches_the_nuclear_norm_and_is_certified(theta):
    """One Ω for the three regularizers: the nuclear norm, whose optimum singular value thresholding gives."""
    problem = Problem(SquaredLoss(Y), DeepLinear(6, (3, 3, 5)), theta, 1.0)
    descent = minimise(problem, problem.random(4, 10, seed=1, deviation=0.5), tol=1e-10, max_steps=4000)
    best = int(descent.objective.argmin())
    W = tuple(w[best : best + 1] for w in descent.weights)
    certificate = certify(problem, W)
    assert float(certificate.objective) == pytest.approx(OPTIMUM, rel=1e-8)
    assert float(certificate.lower_bound) <= OPTIMUM * (1 + 1e-12)
    assert float(certificate.lower_bound) == pytest.approx(OPTIMUM, rel=1e-7)
    assert certificate.verdict(1e-6) == (Verdict.CERTIFIED,)
    product = Problem(SquaredLoss(Y), problem.mapping, THETAS[0], 1.0)
    assert float(product(*W)) == pytest.approx(OPTIMUM, rel=1e-8), "layers of equal norm: the three coincide"
    assert certify(product, W).verdict(1e-6) == (Verdict.CERTIFIED,)


def test_one_branch_pays_the_schatten_value_and_is_not_certified():
    """With r = 1 the least θ for a product X is ‖X‖ in the Schatten-2/K quasi-norm: above the nuclear norm."""
    problem = Problem(SquaredLoss(Y), DeepLinear(6, (5, 5, 5)), BalancedWeightDecay(3), 1.0)
    descent = minimise(problem, problem.random(24, 1, seed=2, deviation=0.7), tol=1e-9, max_steps=3000)
    sigma = np.linalg.svd(Y.numpy(), compute_uv=False)

    def schatten(root: np.ndarray) -> float:
        kept = root**3  # σ(X) = root³, so Σ σ^{2/3} = Σ root²
        return float(0.5 * ((sigma - kept) ** 2).sum() + (root**2).sum() ** 1.5)

    values = []
    for subset in range(1, 2 ** len(sigma)):
        start = np.array([s ** (1 / 3) if subset >> j & 1 else 0.0 for j, s in enumerate(sigma)])
        values.append(optimize.minimize(schatten, start, method="BFGS").fun)
    assert float(descent.objective.min()) == pytest.approx(min(values), rel=1e-6)
    assert float(descent.objective.min()) > 1.05 * OPTIMUM
    best = int(descent.objective.argmin())
    certificate = certify(problem, tuple(w[best : best + 1] for w in descent.weights))
    assert certificate.verdict(1e-3) == (Verdict.REFUTED,)
    assert float(certificate.lower_bound) <= OPTIMUM * (1 + 1e-12)


def test_more_branches_cost_no_more():
    values = []
    for r in (1, 2, 3, 5):
        problem = Problem(SquaredLoss(Y), DeepLinear(6, (5, 5, 5)), BalancedWeightDecay(3), 1.0)
        descent = minimise(problem, problem.random(16, r, seed=3, deviation=0.6), tol=1e-8, max_steps=2000)
        values.append(float(descent.objective.min()))
    assert values == sorted(values, reverse=True)
    assert values[-1] == pytest.approx(OPTIMUM, rel=1e-6)


# --- deep ReLU --------------------------------------------------------------------------------------------------------


ENCLOSED = 1e-4
"""Relative width of the polar's enclosure on paths: no bound can be asked to prove a smaller gap."""


PROVED = 10 * ENCLOSED
"""The gap asked for there: on top come the descent's own end and the loss, of which the bound's error is a share."""


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
def test_theorem_2_from_more_subnetworks_than_outputs(seed):
    problem = curve(3, (2, 1, 1), 0.3)
    r = problem.card + 1
    polar = deep_relu_polar(problem.mapping, Effort(nodes=3000, tolerance=ENCLOSED))
    path = meta_algorithm(problem, r=r, seed=seed, method=LBFGS(), polar=polar, tol=PROVED, max_rounds=30, samples=1)
    assert path.largest_rise <= 1e-12
    assert set(path.size) == {r}, "no subnetwork is appended when r > card(X)"
    assert path.status is Status.GLOBAL
    assert path.certificate.verdict(PROVED) == (Verdict.CERTIFIED,)


@pytest.mark.slow
def test_theorem_2_from_few_subnetworks_appends():
    problem = curve(3, (2, 1, 1), 0.1)
    polar = deep_relu_polar(problem.mapping, Effort(nodes=3000, tolerance=ENCLOSED))
    path = meta_algorithm(problem, r=1, method=LBFGS(), polar=polar, tol=PROVED, max_rounds=30)
    assert path.largest_rise <= 1e-12
    assert path.status is Status.GLOBAL
    assert 1 < path.size[-1] <= problem.card
    assert Step.APPEND in path.steps
    assert Step.ESCAPE in path.steps
    assert float(path.objective[-1]) < float(path.objective[0])


# --- boosting, tensors, convolutions ----------------------------------------------------------------------------------


def test_boosting_reaches_the_nuclear_norm():
    problem = Problem(SquaredLoss(Y), MatrixProduct(6, 5), SumOfSquares(), 1.0)
    result = boost(problem, tol=1e-4, max_rounds=60)
    assert result.status is Status.GLOBAL
    assert float(result.certificate.objective) == pytest.approx(OPTIMUM, rel=1e-4)
    with pytest.raises(ValueError, match="2 runs"):
        boost(problem, problem.random(2, 1))


def test_refit_is_the_best_choice_of_scales():
    problem = Problem(SquaredLoss(Y), MatrixProduct(6, 5), SumOfSquares(), 0.3)
    W = problem.random(1, 4, seed=6)
    new = refit(problem, W)
    phi, theta = problem.mapping.phi(*W)[0].flatten(1).numpy(), problem.regularizer.theta(*W)[0].numpy()

    def objective(s: np.ndarray) -> float:
        return float(0.5 * ((s @ phi - Y.flatten().numpy()) ** 2).sum() + 0.3 * s @ theta)

    best = optimize.minimize(objective, np.ones(4), bounds=[(0, None)] * 4, method="L-BFGS-B", options={"ftol": 1e-15})
    assert float(problem(*new)) == pytest.approx(best.fun, rel=1e-8)
    heavy = Problem(SquaredLoss(Y), MatrixProduct(6, 5), SumOfSquares(), 100.0)
    assert not any(bool(w.any()) for w in refit(heavy, W)), "a large λ leaves nothing"


def test_tensors_are_certified():
    """Orthogonal components: Ω is the sum of their weights, each shrunk by λ."""
    T = torch.zeros(3, 3, 3, dtype=torch.float64)
    for j, c in enumerate((3.0, 2.0, 0.5)):
        T[j, j, j] = c
    problem = Problem(SquaredLoss(T), RankOneTensor((3, 3, 3)), SumOfPowers(3), 1.0)
    result = boost(problem, tol=1e-5, max_rounds=10)
    assert result.status is Status.GLOBAL
    expected = 0.5 * (1 + 1 + 0.25) + 1.0 * (2 + 1)
    assert float(result.certificate.objective) == pytest.approx(expected, rel=1e-5)
    assert float(result.certificate.lower_bound) <= expected * (1 + 1e-12)


def test_convolutions_descend_and_stay_undecided():
    images, labels = draw("images", 12, 1, 6, 6), draw("labels", 12, 2)
    problem = Problem(SquaredLoss(labels), ConvPool(images, 2, 3, 2, 2), SumOfSquares(), 0.5)
    descent = minimise(problem, problem.random(4, 3), max_steps=150)
    certificate = certify(problem, descent.weights, polar_of(problem))
    assert bool((certificate.lower_bound <= descent.objective).all())
    assert all(v is not Verdict.CERTIFIED for v in certificate.verdict(1e-3))


@pytest.mark.slow
def test_the_path_ends_where_a_proof_closes_and_knows_a_time_limit():
    """Proofs are expensive, and are asked for only where the ascent leaves no gap."""
    problem = curve(4, (2, 2, 1), 0.5)
    calls = 0
    known = deep_relu_polar(problem.mapping, Effort(nodes=30_000, tolerance=1e-3))

    class Counted(Oracle):
        def __call__(self, Q: torch.Tensor) -> PolarBound:
            nonlocal calls
            calls += 1
            return known(Q)

        def ascend(self, Q, W, count, above):
            return known.ascend(Q, W, count, above)

    path = meta_algorithm(problem, r=1, method=LBFGS(), polar=Counted(), tol=2e-2, samples=1)
    assert path.status is Status.GLOBAL
    assert path.largest_rise <= 1e-12
    assert calls <= 1 + sum(step is Step.APPEND for step in path.steps), "proofs, at most one a size"
    late = meta_algorithm(problem, r=1, method=LBFGS(), polar=known, time_limit=0.0)
    assert late.status is Status.TIME
    assert len(late.objective) <= 1 + 5


@pytest.mark.slow
def test_a_descent_that_creeps_along_kinks_gives_way_to_an_escape():
    drawn = torch.Generator().manual_seed(0)
    S, Y = (torch.randn(5, k, dtype=torch.float64, generator=drawn) for k in (2, 1))
    problem = Problem(SquaredLoss(Y), DeepRelu(S, (2, 2, 1)), BalancedWeightDecay(3), 0.05)
    path = meta_algorithm(problem, tol=2e-2)
    assert path.status is Status.GLOBAL
    assert len(path.objective) < 5_000, "each descent to the end of its gradient takes thousands of points"
