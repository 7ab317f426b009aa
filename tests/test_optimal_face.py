"""The face of all global optima against closed forms, and the proved bounds of predictions against it."""

import math
from dataclasses import replace

import pytest
import torch

from cases import randn
from global_optimality import (
    Problem,
    ProductOfNorms,
    ReluUnit,
    SquaredLoss,
    SumOfSquares,
    lambda_max,
    optimal_face,
    prediction_bounds,
    solve,
)


def turned(count, angle=0.0):
    """So many unit vectors in the plane, evenly spread, ``(count, 2)``."""
    angles = angle + torch.arange(count, dtype=torch.float64) * 2 * math.pi / count
    return torch.stack([angles.cos(), angles.sin()], 1)


def symmetric(count, lam):
    """Evenly spread inputs, all targets 1: by symmetry X* is constant; 2N atoms are tight for odd N."""
    return Problem(SquaredLoss(torch.ones(count, 1, dtype=torch.float64)), ReluUnit(turned(count)), SumOfSquares(), lam)


def test_three_points_by_hand():
    """λ = ½: X* = ½, the optima predict ¼ to 1 between two samples (chapter Beyond the paper), and two units do."""
    solution = solve(symmetric(3, 0.5), tol=1e-12)
    face = optimal_face(solution)
    assert face.U.shape == (6, 2)
    assert face.moves.shape == (6, 3)
    assert face.fewest() == 2
    assert not face.unique_weights
    assert not face.unique_function
    between = turned(3, math.pi / 3)
    low, high = face.prediction_range(between)
    assert torch.allclose(low, torch.tensor(0.25).double(), atol=1e-7)
    assert torch.allclose(high, torch.tensor(1.0).double(), atol=1e-7)
    proved = prediction_bounds(solution, between[:1])
    assert float(proved[0]) <= 0.25 <= 1.0 <= float(proved[1])
    assert float(proved[1] - proved[0]) <= 0.75 + 1e-4
    wider = prediction_bounds(solution, between[:1], within=1e-2)
    assert float(wider[0]) < float(proved[0])
    assert float(wider[1]) > float(proved[1])


@pytest.mark.parametrize("count", [5, 7])
def test_every_vertex_of_the_face_is_optimal(count):
    problem = symmetric(count, 0.4)
    solution = solve(problem, tol=1e-12)
    face = optimal_face(solution)
    assert len(face.U) == 2 * count
    for sign in (1.0, -1.0):
        moved = face.masses + sign * 1e-3 * face.moves[:, 0]
        if bool((moved >= 0).all()):
            assert abs(float(problem(*replace(face, masses=moved).weights())[0]) - solution.objective) < 1e-9
    assert abs(float(problem(*face.weights())[0]) - solution.objective) < 1e-9 * solution.objective


def test_pairs_of_opposite_atoms_move_the_weights_and_not_the_function():
    """SᵀQ = 0 makes atoms come in pairs ±u: with more pairs than dimensions masses move, and nothing else does."""
    S = randn("pairs", 14, 1)
    S = torch.cat([S, torch.ones_like(S)], 1)
    rough = torch.sin(4 * S[:, :1]) + randn("pairs noise", 14, 1)
    found = 0
    for share in (0.3, 0.1, 0.03):
        problem = Problem(SquaredLoss(rough), ReluUnit(S), ProductOfNorms(), 1.0)
        face = optimal_face(solve(replace(problem, lam=share * lambda_max(problem)), tol=1e-12))
        assert face.unique_function
        paired = bool((torch.cdist(face.U, -face.U).amin(1) < 1e-5).all())
        if paired:
            pairs = len(face.U) // 2
            assert face.moves.shape[1] == max(0, pairs - 2)
            found += pairs > 2
        assert face.unique_weights == (not paired or pairs <= 2)
    assert found


@pytest.mark.parametrize("d", [1, 2, 3])
def test_where_the_weights_are_unique_the_bounds_close(d):
    S = randn("face", 9, d)
    problem = Problem(
        SquaredLoss(S.sum(1, keepdim=True).sin() + randn("face y", 9, 1)), ReluUnit(S), SumOfSquares(), 1.0
    )
    solution = solve(replace(problem, lam=0.3 * lambda_max(problem)), tol=1e-12)
    face = optimal_face(solution)
    assert face.unique_weights
    assert face.unique_function
    assert face.fewest() == int((face.masses > 1e-6 * face.masses.sum()).sum()) == len(solution.weights[0][0])
    other = randn("elsewhere", 2, d)
    low, high = face.prediction_range(other)
    assert torch.equal(low, high)
    below, above = prediction_bounds(solution, other)
    assert bool((below <= low + 1e-12).all())
    assert bool((high - 1e-12 <= above).all())
    assert float((above - below).max()) < 1e-3


def test_the_zero_network_is_the_only_optimum_above_lambda_max():
    problem = symmetric(3, 0.5)
    face = optimal_face(solve(replace(problem, lam=1.5 * lambda_max(problem))))
    assert face.unique_weights
    assert face.unique_function
    assert face.fewest() == 0
    assert not face.prediction_range(turned(2))[1].any()
