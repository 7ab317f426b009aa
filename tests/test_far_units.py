"""Descents, paths and lambda_max where the units of the data are near the ends of float64."""

import pytest
import torch
from torch import Tensor

import global_optimality as go
from cases import randn

S = torch.cat([randn("far units S", 12, 1), torch.ones(12, 1, dtype=torch.float64)], 1)
Y = torch.sin(3 * S[:, :1]) + 0.1 * randn("far units y", 12, 1)
SIGNS = (Y + 0.3 * randn("far units signs", 12, 1)).sign()


def relu(loss: go.SquaredLoss | go.LogisticLoss, lam: float = 0.1, S: Tensor = S) -> go.Problem:
    return go.Problem(loss, go.ReluUnit(S), go.SumOfSquares(), lam)


@pytest.mark.slow
@pytest.mark.parametrize("method", [go.LBFGS(), go.NewtonCG()])
def test_descent_and_path_are_the_same_in_any_far_units(method):
    """S times 2^k, Y times 2^m: weights times 2^((m−k)/2), all else in their units, to the last bit."""

    def ends(k: int, m: int) -> tuple[Tensor, ...]:
        problem = relu(go.SquaredLoss(Y * 2.0**m), 0.1 * 2.0 ** (k + m), S * 2.0**k)
        start, seen = tuple(w * 2.0 ** ((m - k) // 2) for w in relu(go.SquaredLoss(Y)).random(2, 3, seed=1)), []
        end = go.minimise(problem, start, method, max_steps=25, observe=lambda W, value: seen.append((W[1], value)))
        assert seen[0][0].shape[1:] == start[1].shape[1:]
        assert torch.allclose(seen[-1][1].min(), end.objective.min(), rtol=1e-12, atol=0)
        path = go.meta_algorithm(problem, tuple(w[:1, :1] for w in start), max_rounds=2).objective
        sizes = end.gradient_norm * 2.0 ** ((-k - 3 * m) // 2), end.alignment * 4.0**-m
        return end.objective * 4.0**-m, *sizes, path * 4.0**-m, end.weights[0] * 2.0 ** ((k - m) // 2)

    one, other, given = ends(-300, 100), ends(300, -400), ends(0, 0)
    assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))
    assert torch.allclose(one[0], given[0], rtol=0.1)


@pytest.mark.parametrize(
    ("of_S", "of_Y", "what"), [(1e100, 1, "inputs"), (1e-100, 1, "inputs"), (1, 1e-100, "targets")]
)
def test_units_that_hidden_biases_tie_are_refused_by_name(of_S, of_Y, what):
    def descended(of_S: float, of_Y: float) -> go.Descent:
        mapping = go.DeepBiasedRelu(of_S * S, (2, 1, 1))
        regularizer = go.WeightedPowers(mapping.exponents, 3)
        problem = go.Problem(go.SquaredLoss(of_Y * Y), mapping, regularizer, 1e-3 * of_Y)
        return go.minimise(problem, problem.random(1, 2), max_steps=3)

    with pytest.raises(ValueError, match=f"divide the {what} by a constant"):
        descended(of_S, of_Y)
    assert descended(of_S**0.2, of_Y**0.2).status == (go.Status.STEPS,)


@pytest.mark.parametrize("of_S", [1e-250, 1e200])
def test_inputs_near_the_ends_of_float64(of_S):
    problem = relu(go.LogisticLoss(SIGNS), 0.1 * of_S, of_S * S)
    assert go.lambda_max(problem) == pytest.approx(of_S * go.lambda_max(relu(go.LogisticLoss(SIGNS))), rel=1e-12)
    one, other = (go.solve(x, tol=1e-9) for x in (relu(go.LogisticLoss(SIGNS)), problem))
    assert one.status is other.status is go.Status.GLOBAL
    assert other.objective == pytest.approx(one.objective, rel=3e-9)


@pytest.mark.parametrize("factor", [1e4, 1e8, 1e10, 1e12])
def test_a_feature_that_dwarfs_the_others_makes_no_answer_wrong(factor):
    """Its weights divided by the factor give the same outputs and cost less: the start. One decay ties all features, so
    no unit of the feature can be chosen inside; what is returned is no worse, and proved as far as it is said to be."""

    def at(k: float) -> go.Problem:
        S = randn("far features", 20, 2) * torch.tensor([k, 1.0]).double()
        return relu(go.SquaredLoss(randn("far targets", 20, 1)), 0.5, S)

    best = go.solve(at(1.0))
    assert best.status is go.Status.GLOBAL
    problem, (U, V) = at(factor), best.weights
    start = U / torch.tensor([factor, 1.0]).double(), V
    value = float(problem(*start))
    assert value <= best.objective
    solution = go.solve(problem, start=start, max_rounds=2, effort=go.Effort(nodes=200))
    assert solution.objective <= value * (1 + 1e-12)
    again = go.certify(problem, solution.weights)
    for certificate in (solution.certificate, again):
        assert float(certificate.lower_bound) <= solution.objective
    assert (solution.status is go.Status.GLOBAL) == bool(solution.certificate.within(1e-8))
