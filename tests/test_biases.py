"""Biases by weighted homogeneity: a bias of layer k scales with the k-th power, and everything else carries over."""

import math

import pytest
import torch

from cases import randn
from global_optimality import (
    Effort,
    Problem,
    SquaredLoss,
    SumOfPowers,
    Verdict,
    certify,
    lambda_max,
    polar_of,
    solve,
)
from global_optimality.factors import has_zero_slice
from global_optimality.homogeneity import Homogeneity, Mismatch, Nondegeneracy, check_pair, measure_degree, report
from global_optimality.homogeneity.measure import random_points
from global_optimality.mappings import DeepBiasedRelu, DeepRelu
from global_optimality.meta_algorithm import null_vectors
from global_optimality.polar import biased_chain
from global_optimality.regularizers import WeightedPowers


def inputs(N=6):
    x = torch.linspace(-1.5, 1.2, N, dtype=torch.float64)
    return torch.stack([x, torch.ones_like(x)], 1)


def chain(N=6):
    mapping = DeepBiasedRelu(inputs(N), (1, 1, 1))
    return mapping, WeightedPowers(mapping.exponents, mapping.degree)


def curve(lam=0.3, N=6):
    mapping, theta = chain(N)
    return Problem(SquaredLoss(torch.sin(2 * mapping.S[:, :1])), mapping, theta, lam)


def weights(mapping, n, r):
    return tuple(randn(f"w{k}", n, r, *shape) for k, shape in enumerate(mapping.factor_shapes))


def test_phi_against_loops():
    mapping = DeepBiasedRelu(randn("S", 5, 3), (2, 4, 2, 3))
    W = weights(mapping, 2, 3)
    for n in range(2):
        for i in range(3):
            h = torch.relu(mapping.S @ W[0][n, i])
            h = torch.relu(h @ W[1][n, i] + W[2][n, i])
            h = torch.relu(h @ W[3][n, i] + W[4][n, i])
            assert torch.allclose(mapping.phi(*W)[n, i], h @ W[5][n, i], atol=1e-14)


def test_shapes_and_exponents():
    mapping = DeepBiasedRelu(randn("S", 5, 3), (2, 4, 2, 3))
    assert mapping.factor_shapes == ((3, 2), (2, 4), (4,), (4, 2), (2,), (2, 3))
    assert mapping.exponents == (1, 1, 2, 1, 3, 1)
    assert mapping.degree == 4
    assert DeepBiasedRelu(randn("S", 5, 3), (2, 3)).exponents == (1, 1)


@pytest.mark.parametrize("widths", [(1, 1, 1), (2, 3, 1), (2, 3, 2, 1)])
def test_homogeneous_with_its_exponents_and_not_without(widths):
    mapping = DeepBiasedRelu(inputs(), widths)
    theta = WeightedPowers(mapping.exponents, mapping.degree)
    points = random_points(mapping.factor_shapes)
    for function in (mapping.phi, theta.theta):
        assert measure_degree(function, points, mapping.exponents).is_degree(len(widths))
        assert measure_degree(function, points).verdict is Homogeneity.NOT_HOMOGENEOUS
    assert check_pair(mapping, theta).verdict is Nondegeneracy.NOT_REFUTED
    assert report(mapping, theta).mismatch is Mismatch.BALANCED


@pytest.mark.parametrize("widths", [(1, 1, 1), (2, 3, 2, 1)])
def test_scaled_multiplies_phi_and_theta(widths):
    mapping = DeepBiasedRelu(inputs(), widths)
    theta = WeightedPowers(mapping.exponents, mapping.degree)
    W, s = weights(mapping, 2, 4), torch.tensor([0.0, 0.3, 1.0, 7.0]).double().expand(2, 4)
    new = mapping.scaled(W, s)
    assert torch.allclose(mapping.phi(*new), s[..., None, None] * mapping.phi(*W), rtol=1e-13)
    assert torch.allclose(theta.theta(*new), s * theta.theta(*W), rtol=1e-13)


def test_weighted_powers_without_biases_is_the_sum_of_powers():
    W = tuple(randn(f"v{k}", 3, 4, 2, 2) for k in range(4))
    assert torch.allclose(WeightedPowers((1, 1, 1, 1), 4).theta(*W), SumOfPowers(4).theta(*W), rtol=1e-14)


@pytest.mark.parametrize(("exponents", "power"), [((), 3), ((1, 3), 3), ((0, 1), 2)])
def test_weighted_powers_refuses_what_has_no_gradient(exponents, power):
    with pytest.raises(ValueError, match="every exponent"):
        WeightedPowers(exponents, power)


def test_a_regularizer_of_uniform_scaling_is_refused():
    mapping, _ = chain()
    with pytest.raises(ValueError, match="is measured to be"):
        Problem(SquaredLoss(mapping.S[:, :1]), mapping, SumOfPowers(4), 0.1, allow_mismatch=True)


def test_polar_of_one_sample_by_hand():
    """h ≤ 1 and |z|^{3/2} + |b|^{3/2} ≤ 1: h z + b ≤ (h³ + 1)^{1/3} by Hölder, so 2^{1/3}."""
    mapping = DeepBiasedRelu(torch.tensor([[1.0]]).double(), (1, 1, 1))
    problem = Problem(SquaredLoss(torch.ones(1, 1).double()), mapping, WeightedPowers(mapping.exponents, 3), 0.1)
    assert lambda_max(problem) == pytest.approx(2 ** (1 / 3), rel=2e-6)
    bound = polar_of(problem)(-torch.ones(1, 1, 1).double())
    assert float(bound.lower) == pytest.approx(2 ** (1 / 3), rel=2e-6)


@pytest.mark.parametrize("draw", range(4))
def test_polar_encloses_every_subnetwork(draw):
    problem = curve()
    mapping, theta, Q = problem.mapping, problem.regularizer, randn(f"Q{draw}", 1, 6, 1)
    bound = polar_of(problem)(Q)
    assert float(bound.lower) <= float(bound.upper) <= float(bound.lower) * (1 + 1.1e-6)
    assert float(mapping.inner(Q, *bound.atom)) == pytest.approx(float(bound.lower), rel=1e-13)
    assert float(theta.theta(*bound.atom)) <= 1 + 1e-14
    t = torch.linspace(0, 2 * math.pi, 400).double()
    u = torch.stack([torch.cos(t), torch.sin(t)], 1)[:, None]
    z, b = (torch.sign(f(t)) * f(t).abs() ** (4 / 3) for f in (torch.cos, torch.sin))
    grid = 0.0
    for sign in (1.0, -1.0):
        W = (
            (z.abs().sqrt() * u.expand(400, 400, 2).permute(2, 0, 1)).permute(1, 2, 0)[..., None],
            (z.sign() * z.abs().sqrt()).expand(400, 400)[..., None, None],
            b.expand(400, 400)[..., None],
            torch.full((400, 400, 1, 1), sign).double(),
        )
        assert torch.allclose(theta.theta(*W), torch.ones(400, 400).double(), rtol=1e-12)
        grid = max(grid, float(mapping.inner(Q.expand(400, -1, -1), *W).max()))
    assert 0.99 * float(bound.upper) <= grid <= float(bound.upper)


def test_polar_scales_and_is_that_of_a_chain_at_least():
    problem, Q = curve(), randn("Q", 3, 6, 1)
    bound, double = polar_of(problem)(Q), polar_of(problem)(2 * Q)
    assert torch.allclose(double.lower, 2 * bound.lower, rtol=2e-6)
    plain = Problem(problem.loss, DeepRelu(problem.mapping.S, (1, 1, 1)), SumOfPowers(3), 0.3)
    assert (bound.upper >= polar_of(plain)(Q).lower).all()
    zero = polar_of(problem)(0 * Q)
    assert (zero.lower == 0).all()
    assert (zero.upper <= 1e-300).all()


@pytest.mark.parametrize("nodes", [0, 64, 300])
def test_a_search_cut_short_is_an_upper_bound_all_the_same(nodes):
    problem, Q = curve(), randn("Q", 3, 6, 1)
    full, cut = polar_of(problem)(Q), polar_of(problem, Effort(nodes=nodes))(Q)
    assert (cut.upper >= full.lower).all()
    assert (cut.lower <= full.upper).all()


def test_the_bound_over_arcs_holds_inside_them():
    mapping, _ = chain()
    q = randn("q", 6)
    ends = torch.linspace(0, 2 * math.pi, 33).double()
    left, right = ends[:-1], ends[1:]
    upper = biased_chain.over_arcs(mapping.S, q, left, right)
    for share in (0.0, 0.3, 0.5, 0.9, 1.0):
        for i, t in enumerate(left + share * (right - left)):
            assert biased_chain.at_angles(mapping.S, q, t[None])[0] <= float(upper[i])


@pytest.mark.parametrize("size", [1.0, 1e-17, 1e3])
def test_sums_over_sectors_are_those_of_all_directions(size):
    """For rows h with ties, zeros and lines that nearly coincide, over a grid of (z, b) with all their kinks in it."""
    for draw in range(6):
        h, q = randn(f"h{draw}", 4, 7).relu().mul(3).round() * size, randn(f"q{draw}", 7)
        kinks = torch.atan2(-h, torch.ones_like(h))
        t = torch.cat([kinks, kinks + math.pi, torch.linspace(0, 2 * math.pi, 4001).double().expand(4, -1)], 1)
        z, b = (torch.sign(f(t)) * f(t).abs() ** (4 / 3) for f in (torch.cos, torch.sin))
        all_directions = (h[:, None] * z[..., None] + b[..., None]).relu() @ q
        total = (h + 1) @ q.abs()
        for side in (None, 1.0, -1.0):
            value, best_z, best_b = biased_chain.largest(h, q, side)
            grid = all_directions if side is None else all_directions.masked_fill(z * side < -1e-15, -math.inf)
            assert (value >= grid.amax(1) - 1e-14 * total).all()
            assert (value <= grid.amax(1) + 2e-3 * total).all()
            assert (best_z.abs() ** 1.5 + best_b.abs() ** 1.5 <= 1 + 1e-14).all()


def test_other_widths_and_more_columns_have_no_polar_yet():
    for S, widths in ((inputs(), (2, 1, 1)), (randn("S", 5, 3), (1, 1, 1))):
        mapping = DeepBiasedRelu(S, widths)
        problem = Problem(SquaredLoss(S[:, :1]), mapping, WeightedPowers(mapping.exponents, 3), 0.1)
        with pytest.raises(ValueError, match="is known"):
            polar_of(problem)


@pytest.fixture(scope="module")
def solved():
    problem = curve()
    return problem, solve(problem, tol=1e-3)


@pytest.mark.slow
def test_a_three_layer_network_with_biases_is_certified(solved):
    problem, solution = solved
    assert solution.certificate.verdict(1e-3) == (Verdict.CERTIFIED,)
    assert bool((solution.weights[2] != 0).any())
    bound = float(solution.certificate.lower_bound)
    assert (problem(*weights(problem.mapping, 300, 3)) >= bound).all()


@pytest.mark.slow
def test_random_weights_keep_weak_duality(solved):
    problem, solution = solved
    found = certify(problem, weights(problem.mapping, 20, 3))
    assert (found.lower_bound <= solution.objective * (1 + 1e-12)).all()


@pytest.mark.slow
def test_biases_help(solved):
    """The certified objective lies below the lower bound of the same chains without the second bias."""
    problem, solution = solved
    plain = Problem(problem.loss, DeepRelu(problem.mapping.S, (1, 1, 1)), SumOfPowers(3), problem.lam)
    assert solution.objective < float(solve(plain, tol=1e-6).certificate.lower_bound) * (1 - 1e-3)


def test_the_slide_is_flat():
    """Seven units on six samples: along a null vector the output rests and Θ is affine, biases or not."""
    problem = curve()
    W = weights(problem.mapping, 1, 7)
    beta = null_vectors(problem, W)[0]
    halves = [problem.mapping.scaled(W, (1 + t * beta).clamp(min=0)[None]) for t in (0.0, 0.5, 1.0)]
    outputs, costs = zip(*((problem.mapping.Phi(*V), problem.regularizer.Theta(*V)) for V in halves), strict=True)
    for output in outputs[1:]:
        assert torch.allclose(output, outputs[0], atol=1e-12)
    assert float(costs[0] + costs[2]) == pytest.approx(2 * float(costs[1]), rel=1e-13)
    assert float(costs[2]) <= float(costs[0]) * (1 + 1e-13)
    assert bool(has_zero_slice(halves[2]))
