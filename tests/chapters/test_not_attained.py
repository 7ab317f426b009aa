"""A nondegenerate pair whose infimum no network attains."""

import pytest
import torch

from book.theorems import not_attained as example
from global_optimality import generator, minimise
from global_optimality.homogeneity import Nondegeneracy, check_pair
from global_optimality.streams import uniform


def test_the_pair_is_nondegenerate_as_far_as_can_be_tested():
    problem = example.problem()
    assert check_pair(problem.mapping, problem.regularizer).verdict is Nondegeneracy.NOT_REFUTED


def test_every_network_that_produces_one_costs_more_than_omega():
    """Random networks of four units, scaled to the output 1: Θ > 1, and as near to it as b is large."""
    problem, stream = example.problem(), generator(0, "not attained")
    W = uniform(stream, 200, 4, 1) + 0.1, 10 ** (4 * uniform(stream, 200, 4, 1))
    output = problem.mapping.Phi(*W)
    one = tuple(w / output.sqrt()[:, None] for w in W)
    assert torch.allclose(problem.mapping.Phi(*one), torch.ones(200, 1, dtype=torch.float64), rtol=1e-13)
    cost = problem.regularizer.Theta(*one)
    assert (cost > 1).all()
    assert cost.min() < 1.001


def test_f_nears_its_infimum_and_never_reaches_it():
    table = example.approach([2.0, 10.0, 100.0, 1000.0])
    assert table["output"].tolist() == pytest.approx([1.0] * 4, abs=1e-12)
    assert (table["excess"] > 0).all()
    assert table["excess"].to_numpy() == pytest.approx(table["by_hand"].to_numpy(), rel=1e-8, abs=1e-14)
    assert table["gap"].to_numpy() == pytest.approx(table["by_hand"].to_numpy(), rel=1e-6, abs=1e-13)


def test_descent_ends_above_the_infimum_with_a_growing_b():
    problem = example.problem()
    W = tuple(w.abs() + 0.5 for w in problem.random(5, 2, seed=0))
    short, long = (minimise(problem, W, max_steps=steps) for steps in (30, 300))
    assert (long.objective > example.INFIMUM).all()
    assert (long.weights[1].abs().amax((1, 2)) >= short.weights[1].abs().amax((1, 2))).all()
