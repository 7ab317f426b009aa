"""All local maximisers of the exact polar, in falling order, with the values they stand for."""

import pytest
import torch

from cases import randn
from global_optimality import Problem, ReluUnit, SquaredLoss, SumOfSquares, polar_of
from global_optimality.arrangement import arrangement
from global_optimality.polar.relu_exact import maximisers, relu_polar
from relu_draws import NAMES, drawn, sizes, value
from relu_reference import normal


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("c", [1, 3])
def test_maximisers_are_local_maxima_in_falling_order_and_start_with_the_best(name: str, c: int) -> None:
    generator, S, Q = drawn(name, 61, 12, c)
    a = arrangement(S)
    best = relu_polar(a, Q[None])
    size, u, v = maximisers(a, Q, 6)
    assert 1 <= len(size) <= 6
    assert float(size[0]) == pytest.approx(float(best.lower), rel=1e-11)
    assert (size[1:] <= size[:-1]).all()
    assert size[-1] > torch.finfo(torch.float64).eps * sizes(S, Q), "a maximum that may be a zero, rounded"
    torch.testing.assert_close(value(S, Q, u), size, rtol=1e-12, atol=1e-15 * sizes(S, Q))
    distance = torch.cdist(u, u) + 10 * torch.eye(len(u)).double()
    assert distance.min() > 1e-6
    assert v.shape == (len(u), c)
    if name not in ("columns 1e8", "nearly line"):  # their cells are far smaller than the step
        near = u[:, None] + 1e-4 * normal(generator, len(u), 500, S.shape[1])
        near = near / near.norm(dim=2, keepdim=True)
        assert (value(S, Q, near).amax(1) <= size * (1 + 1e-6)).all()


def test_maximisers_find_all_local_maxima_that_ascents_find() -> None:
    generator = torch.Generator().manual_seed(71)
    S, Q = normal(generator, 10, 3), normal(generator, 10, 1)
    size, _, _ = maximisers(arrangement(S), Q, 100)
    u = normal(generator, 300, 3)
    u = u / u.norm(dim=1, keepdim=True)
    for step in torch.logspace(-0.5, -7, 200, dtype=torch.float64):
        around = u[:, None] + step * torch.cat(
            [torch.zeros(len(u), 1, 3).double(), normal(generator, len(u), 30, 3)], 1
        )
        around = around / around.norm(dim=2, keepdim=True)
        u = around[torch.arange(len(u)), value(S, Q, around).argmax(1)]
    reached = value(S, Q, u)
    reached = reached[reached > 1e-3]
    assert (size[:, None] - reached).abs().amin(0).max() < 1e-4 * float(size[0])
    above = float(size[1])
    assert (maximisers(arrangement(S), Q, 100, above=above)[0] > above).all()


@pytest.mark.parametrize(("d", "c"), [(1, 1), (2, 2), (3, 1)])
def test_the_atom_has_the_value_it_stands_for_though_rows_are_nearly_equal(d, c):
    """What the search merges, the data keep apart: rows equal to 1e-12 with dual values that cancel."""
    S, Q = randn("near rows", 8, d), randn("near duals", 2, 8, c)
    S[-1], S[-2] = S[0] * (1 + 1e-12) + 1e-13, S[1] + 1e-9
    Q[:, -1], Q[:, -2], Q[:, 2:-2] = 1e-8 * Q[:, -1] - Q[:, 0], -Q[:, 1], 1e-6 * Q[:, 2:-2]
    problem = Problem(SquaredLoss(Q[0]), ReluUnit(S, c), SumOfSquares(), 0.1)
    for k in (1.0, 1e-300, 1e300):
        bound = polar_of(problem)(k * Q)
        value, rounding = problem.mapping.inner(k * Q, *bound.atom)[:, 0], 1e-15 * k * sizes(S, Q[0].abs() + Q[1].abs())
        assert (value - bound.lower).abs().max() <= rounding
