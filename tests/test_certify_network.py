"""A user's torch network: the scalings, the bound, the verdict."""

import copy

import pytest
import torch
from torch import nn

from global_optimality import (
    CrossEntropyLoss,
    LogisticLoss,
    PolarBound,
    Problem,
    ReluUnit,
    SquaredLoss,
    SumOfSquares,
    Verdict,
    certify_network,
    generator,
    solve,
)
from torch_users import N, data, network

TOL = 1e-7


LOSSES = {
    "mse-mean": nn.MSELoss(),
    "mse-sum": nn.MSELoss(reduction="sum"),
    "bce-mean": nn.BCEWithLogitsLoss(),
    "bce-weighted": nn.BCEWithLogitsLoss(pos_weight=torch.tensor([2.5])),
    "margin-sum": nn.SoftMarginLoss(reduction="sum"),
    "ce-mean": nn.CrossEntropyLoss(),
    "ce-weighted": nn.CrossEntropyLoss(weight=torch.tensor([1.0, 2.0])),
}


BIASES = {"none": None, "free": False, "decayed": True}


def width_of(targets: torch.Tensor) -> int:
    return targets.shape[1] if targets.dtype.is_floating_point else 2


def torch_objective(model, X, targets, loss, wd: float, output_bias_decay: float | None) -> float:
    """J as a user would compute it, from torch alone."""
    value = copy.deepcopy(loss).double()(model(X), targets)
    for name, p in model.named_parameters():
        value = value + 0.5 * (output_bias_decay or 0.0 if name == "2.bias" else wd) * p.square().sum()
    return value.item()


@pytest.mark.parametrize("bias", BIASES)
@pytest.mark.parametrize("name", LOSSES)
def test_objective_is_that_of_torch_and_the_bound_is_below_it(name, bias):
    X, targets = data(name)
    model = network(width_of(targets), bias=bias != "none")
    wd = 0.03
    result = certify_network(
        model, X, targets, loss=LOSSES[name], weight_decay=wd, decay_output_bias=BIASES[bias], tol=TOL
    )
    expected = torch_objective(model, X, targets, LOSSES[name], wd, wd if bias == "decayed" else None)
    assert result.objective == pytest.approx(expected, rel=1e-12)
    assert result.scale * result.own_objective == pytest.approx(expected, rel=1e-12)
    # The package's objective, rescaled, at the best output bias: at most the user's, equal without a bias.
    own = result.scale * float(result.certificate.objective[0])
    assert own <= expected * (1 + 1e-12)
    assert bias != "none" or own == pytest.approx(expected, rel=1e-12)
    assert 0 < result.best_possible <= expected
    assert result.verdict is Verdict.REFUTED
    assert result.upcast is None


@pytest.mark.parametrize(
    ("name", "lam"), [("mse-mean", N * 2 * 0.5), ("mse-sum", 0.5), ("bce-mean", N), ("margin-sum", 1.0), ("ce-mean", N)]
)
def test_scaling_of_lambda(name, lam):
    X, targets = data(name)
    result = certify_network(network(width_of(targets)), X, targets, loss=LOSSES[name], weight_decay=0.03)
    assert result.problem.lam == pytest.approx(0.03 * lam, rel=1e-14)


@pytest.mark.parametrize("bias", BIASES)
@pytest.mark.parametrize("name", ["mse-mean", "bce-mean", "ce-mean"])
def test_solved_networks_are_certified_and_perturbed_ones_never(name, bias):
    X, targets = data(name)
    wd, count = 0.06, targets.numel()
    inner = {None: None, False: 0.0, True: wd * count / (2 if name == "mse-mean" else 1)}[BIASES[bias]]
    if name == "mse-mean":
        loss, lam = SquaredLoss(targets, output_bias=inner), wd * count / 2
    elif name == "bce-mean":
        loss, lam = LogisticLoss(2 * targets - 1, output_bias=inner), wd * count
    else:
        loss, lam = CrossEntropyLoss(targets, output_bias=inner), wd * count
    S = torch.cat([X, torch.ones(N, 1, dtype=torch.float64)], 1)
    solution = solve(Problem(loss, ReluUnit(S, loss.Y.shape[1]), SumOfSquares(), lam))
    model = solution.to_torch()
    ask = dict(loss=LOSSES[name], weight_decay=wd, decay_output_bias=BIASES[bias], tol=TOL)
    result = certify_network(model, X, targets, **ask)
    assert result.verdict is Verdict.CERTIFIED, str(result)
    assert result.relative_gap <= TOL
    assert str(result).startswith("CERTIFIED")
    with torch.no_grad():
        model[0].weight.add_(0.05)
    worse = certify_network(model, X, targets, **ask)
    assert worse.verdict is not Verdict.CERTIFIED
    assert worse.best_possible <= result.objective <= worse.objective


def test_adam_trained_networks_get_a_valid_bound_and_improve():
    X, targets = data("mse-sum")
    model = network(1, width=8).float()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.03, weight_decay=0.05)
    for _ in range(300):
        optimizer.zero_grad()
        nn.MSELoss()(model(X.float()), targets.float()).backward()
        optimizer.step()
    ask = dict(loss=nn.MSELoss(), weight_decay=optimizer, tol=TOL)
    result = certify_network(model, X.float(), targets.float(), **ask)
    assert result.upcast is torch.float32
    assert "upcast from torch.float32" in str(result)
    better, solution = result.improved()
    best = certify_network(better, X.float(), targets.float(), loss=nn.MSELoss(), weight_decay=0.05, tol=TOL)
    assert best.verdict is Verdict.CERTIFIED
    assert best.objective == pytest.approx(result.scale * solution.objective, rel=1e-12)
    assert result.best_possible <= best.objective <= result.objective
    with torch.no_grad():
        model[2].weight.mul_(1.1)
    worse = certify_network(model, X.float(), targets.float(), **ask)
    assert worse.verdict is not Verdict.CERTIFIED
    assert worse.best_possible <= best.objective


def test_optimizer_groups_say_which_biases_are_decayed():
    X, targets = data("mse-sum")
    model = network(1)
    rest = [model[0].weight, model[0].bias, model[2].weight]
    optimizer = torch.optim.SGD([{"params": rest, "weight_decay": 0.1}, {"params": [model[2].bias]}], lr=0.1)
    from_groups = certify_network(model, X, targets, loss=nn.MSELoss(), weight_decay=optimizer)
    by_hand = certify_network(model, X, targets, loss=nn.MSELoss(), weight_decay=0.1, decay_output_bias=False)
    assert from_groups.objective == by_hand.objective
    assert from_groups.best_possible == by_hand.best_possible
    optimizer.param_groups[1]["weight_decay"] = 0.4
    expected = torch_objective(model, X, targets, nn.MSELoss(), 0.1, 0.4)
    mixed = certify_network(model, X, targets, loss=nn.MSELoss(), weight_decay=optimizer)
    assert mixed.objective == pytest.approx(expected, rel=1e-12)


def test_no_hidden_bias_keeps_a_column_of_ones_an_input():
    X, targets = data("mse-sum")
    X = torch.cat([X, torch.ones(N, 1, dtype=torch.float64)], 1)
    model = network(1, d=2, hidden_bias=False)
    result = certify_network(model, X, targets, loss=nn.MSELoss(), weight_decay=0.05)
    better, _ = result.improved()
    assert better[0].bias is None
    assert better[0].in_features == 2
    again = certify_network(better, X, targets, loss=nn.MSELoss(), weight_decay=0.05, tol=TOL)
    assert again.verdict is Verdict.CERTIFIED


def rescale(model: nn.Sequential, scale: float) -> None:
    """The hidden layer times ``scale``, the last one divided by it: the same function."""
    with torch.no_grad():
        for part in (model[0].weight, model[0].bias):
            part.mul_(scale)
        model[2].weight.div_(scale)


def test_advice_names_what_helps():
    X, targets = data("mse-sum")
    model = network(1)
    best, _ = certify_network(model, X, targets, loss=nn.MSELoss(), weight_decay=0.05).improved()
    rescale(best, 2.0)
    uneven = certify_network(best, X, targets, loss=nn.MSELoss(), weight_decay=0.05)
    assert uneven.verdict is Verdict.UNDECIDED
    assert "Balance the weights" in uneven.advice
    rescale(best, 0.5)
    with torch.no_grad():
        best[2].bias.add_(0.1)
    shifted = certify_network(best, X, targets, loss=nn.MSELoss(), weight_decay=0.05)
    assert shifted.verdict is Verdict.REFUTED
    assert "output bias" in shifted.advice


def test_an_enclosed_polar_decides_only_what_it_can():
    X = torch.randn(N, 5, generator=generator(3, "wide"), dtype=torch.float64)
    targets = X[:, :1].abs()

    def crude(Q):
        """Ω°(Q) ≤ Σ |q_i| ‖s_i‖, attained by nobody: the atom is a random unit of value ≥ 0."""
        u = torch.nn.functional.normalize(X.mean(0), dim=0).expand(1, 1, -1)
        value = (torch.relu(X @ u[0, 0])[:, None] * Q[0]).sum(0)
        v = torch.where(value < 0, -1.0, 1.0).double()[None, None]
        return PolarBound(value.abs(), (Q[0].abs() * X.norm(dim=1)[:, None]).sum()[None], (u, v))

    model = network(1, d=5, hidden_bias=False)
    with torch.no_grad():
        for p in model.parameters():
            p.zero_()
    ask = dict(loss=nn.MSELoss(), polar=crude)
    undecided = certify_network(model, X, targets, weight_decay=0.9, decay_output_bias=True, **ask)
    assert undecided.verdict is not Verdict.CERTIFIED
    assert undecided.best_possible <= undecided.objective
    heavy = certify_network(model, X, targets, weight_decay=100.0, decay_output_bias=True, **ask)
    assert heavy.verdict is Verdict.REFUTED  # the output bias alone lowers it
    plain = network(1, d=5, hidden_bias=False, bias=False)
    with torch.no_grad():
        for p in plain.parameters():
            p.zero_()
    zero = certify_network(plain, X, targets, weight_decay=100.0, **ask)
    assert zero.verdict is Verdict.CERTIFIED  # above λ_max even the crude bound suffices
