"""One ReLU unit: by hand, its laws, its polar, bad data."""

import math

import pytest
import torch

import laws
from cases import randn
from global_optimality import Problem, ProductOfNorms, ReluUnit, SquaredLoss, SumOfSquares, polar_of

N, D, C = 6, 3, 2


def unit(outputs=C):
    return ReluUnit(randn("samples", N, D), outputs=outputs)


def weights(mapping, n=3, r=4):
    return tuple(randn(f"relu {k}", n, r, *shape) for k, shape in enumerate(mapping.factor_shapes))


def test_shapes_and_degree():
    mapping = unit()
    assert (mapping.shape, mapping.factor_shapes, mapping.degree) == ((N, C), ((D,), (C,)), 2)
    assert ReluUnit(randn("samples", N, D)).shape == (N, 1)


@pytest.mark.parametrize("outputs", [1, C])
def test_laws(outputs):
    mapping = unit(outputs)
    W = weights(mapping)
    laws.homogeneous(mapping.phi, mapping.degree, W)
    laws.slices_independent(lambda *W: mapping.phi(*W).flatten(2).sum(2), W)
    laws.batched_is_looped(mapping.phi, W)
    laws.sum_over_slices(mapping.Phi, W)
    laws.mapping_twins(mapping, W, randn("dual", 3, N, outputs))


def test_phi_by_hand():
    mapping = ReluUnit(torch.tensor([[1.0, 2.0], [-1.0, 1.0]], dtype=torch.float64), outputs=2)
    u = torch.tensor([[[1.0, 0.5]]], dtype=torch.float64)
    v = torch.tensor([[[3.0, -1.0]]], dtype=torch.float64)
    assert mapping.phi(u, v)[0, 0].tolist() == [[6.0, -2.0], [0.0, 0.0]]


@pytest.mark.parametrize("outputs", [1, C])
@pytest.mark.parametrize("theta", [SumOfSquares(), ProductOfNorms()])
def test_polar_beats_a_grid_of_directions(outputs, theta):
    S = randn("plane", N, 2)
    mapping = ReluUnit(S, outputs=outputs)
    problem = Problem(SquaredLoss(randn("targets", N, outputs)), mapping, theta, 0.1)
    Q = randn("dual", 2, N, outputs)
    bound = polar_of(problem)(Q)
    angle = torch.linspace(0, 2 * math.pi, 100_001, dtype=torch.float64)
    U = torch.stack([angle.cos(), angle.sin()], 1)
    grid = (torch.relu(U @ S.T) @ Q).norm(dim=2).amax(1)
    assert bool((bound.upper >= grid).all())
    assert bool((bound.upper <= grid * (1 + 1e-8)).all())
    laws.same(theta.theta(*bound.atom)[:, 0], torch.ones(2, dtype=torch.float64))
    laws.same(mapping.inner(Q, *bound.atom)[:, 0], bound.lower)


@pytest.mark.parametrize("rows", [3, 4])
def test_atoms_of_every_kind_are_feasible_and_below_the_bound(rows):
    S = randn(f"space {rows}", 12, rows)
    problem = Problem(SquaredLoss(randn("wide", 12, 1)), ReluUnit(S), SumOfSquares(), 0.1)
    polar, Q = polar_of(problem), randn("wide dual", 1, 12, 1)
    bound = polar(Q)
    W = weights(problem.mapping, 1, 3)
    for atoms in (polar.atoms(Q, 8, 0.0), polar.ascend(Q, W, 8, 0.0)):
        laws.same(problem.regularizer.theta(*atoms), torch.ones(1, atoms[0].shape[1], dtype=torch.float64))
        values = problem.mapping.inner(Q, *atoms)[0]
        assert float(values.max()) <= float(bound.upper[0])
        assert float(values[0]) >= 0.99 * float(bound.lower[0])


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (lambda: ReluUnit(torch.zeros(3, dtype=torch.float64)), "a row is a sample"),
        (lambda: ReluUnit(torch.zeros(0, 2, dtype=torch.float64)), "a row is a sample"),
        (lambda: ReluUnit(torch.full((2, 2), math.nan, dtype=torch.float64)), "NaN or infinite"),
        (lambda: ReluUnit(torch.zeros(2, 2, dtype=torch.int64)), "double"),
        (lambda: ReluUnit(torch.zeros(2, 2, dtype=torch.float64), outputs=0), "outputs = 0: it must be at least 1"),
    ],
)
def test_bad_data(bad, words):
    with pytest.raises(ValueError, match=words):
        bad()
