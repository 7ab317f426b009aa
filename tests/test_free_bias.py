"""Hidden biases that no decay holds: the mapping, its polar, and networks trained as most are."""

import cvxpy as cp
import numpy as np
import pytest
import torch
from torch import nn

import laws
from cases import randn
from global_optimality import (
    BiasedReluUnit,
    Effort,
    LogisticLoss,
    Norm,
    OnLayers,
    Problem,
    ProductOfNorms,
    ReluUnit,
    SquaredLoss,
    Status,
    SumOfSquares,
    Verdict,
    certify,
    certify_network,
    lambda_max,
    polar_of,
    solve,
)
from global_optimality.homogeneity import check_nondegenerate

THETA = OnLayers(SumOfSquares(), (0, 2))
SHAPES = [(2, 1, 1), (7, 1, 2), (6, 2, 1), (9, 2, 2), (5, 3, 1), (6, 3, 2), (5, 4, 1)]


def problem(S, Y, lam=0.1, loss=SquaredLoss):
    return Problem(loss(Y, output_bias=0.0), BiasedReluUnit(S, Y.shape[1]), THETA, lam)


def polar(S, Q):
    return polar_of(problem(S, torch.ones_like(Q[0])))(Q)


def values(S, Q, count=4000):
    """‖Qᵀ(S u + b)₊‖ at many u and at many b each, breakpoints and beyond among them; 1ᵀQ = 0 is made true first."""
    Q = Q - Q.mean(1, keepdim=True)
    u = nn.functional.normalize(randn("free bias directions", count, S.shape[1]), dim=1)
    heights = u @ S.mT
    thresholds = torch.cat([heights, heights.mean(1, keepdim=True) + torch.linspace(-9, 9, 7).double() * S.std()], 1)
    return torch.stack([((heights - t[:, None]).clamp(min=0) @ Q[0]).norm(dim=1) for t in thresholds.T])


@pytest.mark.parametrize(("N", "d", "c"), SHAPES)
def test_no_unit_exceeds_the_polar_and_the_atom_attains_it(N, d, c):
    S, Q = randn("free bias data", N, d), randn("free bias Q", 1, N, c)
    found, f = polar(S, Q), problem(S, Q[0])
    assert float(found.upper - found.lower) <= 1e-8 * float(found.upper)
    assert float(values(S, Q).max()) <= float(found.upper)
    assert float(f.mapping.inner(Q, *found.atom)) == pytest.approx(float(found.lower), rel=1e-14)
    assert float(f.regularizer.theta(*found.atom)) == pytest.approx(1, rel=1e-14)
    if d <= 2:
        assert float(values(S, Q).max()) >= float(found.lower) * (1 - 1e-3), "the grid comes near in few dimensions"


@pytest.mark.parametrize(("N", "d", "c"), SHAPES[:5])
def test_it_is_the_limit_of_a_column_with_a_small_price(N, d, c):
    """With a column κ the polar is at most this one, and at least it over √(1 + R²/κ²): |b| ≤ R at breakpoints."""
    S, Q = randn("free bias data", N, d), randn("free bias Q", 1, N, c)
    Q = Q - Q.mean(1, keepdim=True)
    S = S - S.mean(0)
    found, kappa = polar(S, Q), 30 * float(S.norm(dim=1).max())
    column = torch.full((N, 1), kappa, dtype=torch.float64)
    bound = polar_of(Problem(SquaredLoss(Q[0]), ReluUnit(torch.cat([S, column], 1), c), SumOfSquares(), 1))(Q)
    assert float(bound.lower) <= float(found.upper) * (1 + 1e-12)
    assert float(found.lower) <= float(bound.upper) * (1 + 1 / 30**2) ** 0.5


@pytest.mark.parametrize("d", [1, 2, 3])
def test_shifted_scaled_and_turned_samples(d):
    S, Q = randn("free bias moves", 7, d), randn("free bias Q", 1, 7, 2)
    base = float(polar(S, Q).upper)
    turned = torch.linalg.qr(randn("free bias turn", d, d)).Q
    assert float(polar(S + 1e3 * torch.arange(1, d + 1), Q).upper) == pytest.approx(base, rel=1e-10)
    assert float(polar(S @ turned, Q).upper) == pytest.approx(base, rel=1e-10)
    assert float(polar(S, Q + 5).upper) == pytest.approx(base, rel=1e-10), "constants do not count"
    for k in (2.0**-400, 1e-12, 1e12, 2.0**400):
        assert float(polar(k * S, Q).upper) == pytest.approx(k * base, rel=1e-10)
        assert float(polar(S, k * Q).upper) == pytest.approx(k * base, rel=1e-10)


def test_degenerate_samples():
    S, Q = randn("free bias data", 6, 2), randn("free bias Q", 1, 6, 1)
    doubled = torch.cat([S, S]), torch.cat([Q, Q], 1) / 2
    assert float(polar(*doubled).upper) == pytest.approx(float(polar(S, Q).upper), rel=1e-11)
    line = S[:, :1] * torch.tensor([[0.6, 0.8]], dtype=torch.float64)
    assert float(polar(line, Q).upper) == pytest.approx(float(polar(S[:, :1], Q).upper), rel=1e-11)
    plane = torch.cat([S, S.sum(1, keepdim=True) * 0.5, S[:, :1]], 1)
    found = polar(plane, Q)
    assert float(values(plane, Q).max()) <= float(found.upper) <= float(found.lower) * (1 + 1e-11)
    with pytest.raises(ValueError, match="equal to rounding"):
        polar(torch.full((6, 2), 0.1, dtype=torch.float64), Q)
    none = polar(S, 0 * Q + 3)
    assert float(none.lower) == 0
    assert float(none.upper) <= 1e-12


def test_several_runs_are_enclosed_as_each_alone():
    S, Q = randn("free bias deep", 8, 4), randn("free bias Q", 4, 8, 2)
    quick = polar_of(problem(S, Q[0]), Effort(nodes=0))
    together, alone = quick(Q), [quick(q[None]) for q in Q]
    assert torch.allclose(together.upper, torch.cat([each.upper for each in alone]), rtol=1e-12)
    assert torch.allclose(together.lower, torch.cat([each.lower for each in alone]), rtol=1e-12)


def test_an_enclosure_cut_short_still_holds():
    S, Q = randn("free bias deep", 8, 5), randn("free bias Q", 1, 8, 1)
    quick = polar_of(problem(S, Q[0]), Effort(nodes=0))(Q)
    assert float(values(S, Q).max()) <= float(quick.upper)
    assert float(quick.lower) <= float(quick.upper)


@pytest.mark.parametrize("c", [1, 2])
def test_the_mapping_obeys_the_laws(c):
    f = problem(randn("free bias laws", 6, 2), randn("free bias Y", 6, c))
    W = f.random(3, 4)
    laws.same(f.mapping.Phi(*W), f.mapping.phi(*W).sum(1), 1e-13)
    Q = randn("free bias inner", 3, 6, c)
    laws.same(f.mapping.inner(Q, *W), (Q[:, None] * f.mapping.phi(*W)).flatten(2).sum(2), 1e-12)
    laws.same(f.mapping.phi(*(3 * w for w in W)), 9 * f.mapping.phi(*W), 1e-12)
    assert float(f.mapping.Phi(*W).sum(1).abs().max()) <= 1e-12
    far = W[0], W[1] + 1e3, W[2]
    further = W[0], W[1] + 2e3, W[2]
    laws.same(f.mapping.phi(*far), f.mapping.phi(*further), 1e-9)


@pytest.mark.parametrize(("N", "d"), [(8, 1), (6, 2), (5, 3)])
def test_no_bound_is_above_a_network(N, d):
    S = randn("free bias duality", N, d)
    for loss, Y in (
        (SquaredLoss, S[:, :1].sin()),
        (LogisticLoss, torch.tensor([[1.0], [-1.0]]).double().repeat(N, 1)[:N]),
    ):
        f = problem(S, Y, 0.05, loss)
        W = f.random(6, 5, deviation=0.7)
        found, best = certify(f, W), solve(f, time_limit=10)
        assert float(found.lower_bound.max()) <= best.objective * (1 + 1e-12)
        assert float(best.certificate.lower_bound) <= float(found.objective.min())
        assert best.objective <= float(found.objective.min())


@pytest.mark.parametrize("seed", range(3))
def test_one_input_is_a_lasso_over_the_kinks(seed):
    """For d = 1 every unit has u = ±1 and its kink at a sample: a Lasso over 2N columns and a constant (CVXPY)."""
    s = randn(f"free bias lasso {seed}", 9, 1)
    Y = torch.sin(2 * s) + 0.2 * randn(f"free bias noise {seed}", 9, 1)
    columns = np.concatenate([np.maximum(side * (s - s.T).numpy(), 0) for side in (1, -1)], 1)
    x, b = cp.Variable(18), cp.Variable()
    fit = 0.5 * cp.sum_squares(columns @ x + b - Y[:, 0].numpy())
    lasso = cp.Problem(cp.Minimize(fit + 0.05 * cp.norm1(x)))
    lasso.solve(solver=cp.CLARABEL, tol_gap_rel=1e-11, tol_gap_abs=1e-11, tol_feas=1e-11)
    solution = solve(problem(s, Y, 0.05), tol=1e-9)
    assert solution.status is Status.GLOBAL
    assert solution.objective == pytest.approx(float(lasso.value), rel=1e-8)


def test_above_lambda_max_only_the_output_bias_is_left():
    S, Y = randn("free bias data", 6, 2), randn("free bias Y", 6, 1)
    f = problem(S, Y, 1.001 * lambda_max(problem(S, Y)))
    zero = tuple(torch.zeros(1, 1, *shape, dtype=torch.float64) for shape in f.mapping.factor_shapes)
    assert certify(f, zero).verdict(1e-9) == (Verdict.CERTIFIED,)
    lower = problem(S, Y, 0.99 * lambda_max(problem(S, Y)))
    assert certify(lower, zero).verdict(1e-9) == (Verdict.REFUTED,)


def network(d: int, c: int = 1, bias: bool = True) -> nn.Sequential:
    model = nn.Sequential(nn.Linear(d, 5), nn.ReLU(), nn.Linear(5, c, bias=bias)).double()
    with torch.no_grad():
        for k, p in enumerate(model.parameters()):
            p.copy_(0.6 * randn(f"free bias network {k}", *p.shape))
    return model


def groups(model: nn.Sequential, hidden: float, hidden_bias: float, outer: float, output_bias: float):
    decays = {model[0].weight: hidden, model[0].bias: hidden_bias, model[2].weight: outer, model[2].bias: output_bias}
    return torch.optim.SGD([{"params": [p], "weight_decay": wd} for p, wd in decays.items() if p is not None], lr=0.1)


DECAYS = [
    (0.02, 0.0, 0.02, 0.0),
    (0.02, 0.0, 0.05, 0.0),
    (0.02, 0.0, 0.02, 0.1),
    (0.03, 0.01, 0.02, 0.0),
    (0.02, 0.3, 0.1, 0.2),
]


@pytest.mark.parametrize("decays", DECAYS)
@pytest.mark.parametrize("loss", [nn.MSELoss(), nn.BCEWithLogitsLoss()])
def test_every_group_of_parameters_may_have_a_decay_of_its_own(decays, loss):
    X = randn("free bias inputs", 8, 1) + 2
    targets = X.sin() if isinstance(loss, nn.MSELoss) else (X.median() < X).double()
    model = network(1)
    found = certify_network(model, X, targets, loss=loss, weight_decay=groups(model, *decays))
    parameters = model[0].weight, model[0].bias, model[2].weight, model[2].bias
    price = sum(0.5 * wd * float(p.detach().square().sum()) for p, wd in zip(parameters, decays, strict=True))
    assert found.objective == pytest.approx(float(loss(model(X), targets).detach()) + price, rel=1e-12)
    assert 0 < found.best_possible <= found.objective
    better, solution = found.improved()
    again = certify_network(better, X, targets, loss=loss, weight_decay=groups(better, *decays), tol=1e-7)
    assert again.verdict is Verdict.CERTIFIED, str(again)
    assert again.objective == pytest.approx(found.scale * solution.objective, rel=1e-9)
    assert found.best_possible <= again.objective <= found.objective


def test_without_an_output_bias_the_best_is_that_with_one():
    X, wd = randn("free bias inputs", 8, 1), 0.02
    ask = dict(loss=nn.MSELoss(), weight_decay=wd, decay_hidden_bias=False, tol=1e-7)
    bare, biased = (
        certify_network(network(1, bias=b), X, X.cos(), decay_output_bias=False, **ask) for b in (False, True)
    )
    better = bare.improved()[0]
    assert better[2].bias is None
    bound = certify_network(better, X, X.cos(), **ask)
    assert bound.verdict is Verdict.CERTIFIED
    assert bound.objective == pytest.approx(biased.scale * biased.improved()[1].objective, rel=1e-7)


def test_rounding_of_what_vanishes_refutes_no_pair():
    """Where u = 0 a unit with a free bias is a constant, and less its mean it is 0 but for rounding."""
    theta = OnLayers(ProductOfNorms((Norm.TWO,) * 2), (0, 2))
    for k in range(30):
        check_nondegenerate(BiasedReluUnit(randn(f"constants {k}", 7, 2), 2), theta, randn("constants", 7, 2))
