"""A user's torch network: the scalings, the bound, the verdict, and every refusal."""

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

N = 9
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
OUTPUTS = {"mse-mean": 2}  # the factor c of λ = N·c·wd/2 is visible only with c > 1


def data(name: str, d: int = 1) -> tuple[torch.Tensor, torch.Tensor]:
    X = torch.randn(N, d, generator=generator(3, "inputs"), dtype=torch.float64)
    Y = torch.cat([torch.sin(3 * X[:, :1]) + 1, X[:, :1].square()], 1)
    positive = Y[:, :1] > 1
    if name.startswith("mse"):
        return X, Y[:, : OUTPUTS.get(name, 1)]
    if name.startswith("ce"):
        return X, positive[:, 0].long()
    return X, positive.double() * 2 - 1 if name.startswith("margin") else positive.double()


def network(outputs: int, width: int = 4, d: int = 1, hidden_bias: bool = True, bias: bool = True) -> nn.Sequential:
    model = nn.Sequential(
        nn.Linear(d, width, bias=hidden_bias), nn.ReLU(), nn.Linear(width, outputs, bias=bias)
    ).double()
    with torch.no_grad():
        for k, p in enumerate(model.parameters()):
            p.copy_(0.7 * torch.randn(p.shape, generator=generator(5, k), dtype=torch.float64))
    return model


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


def refusal(model=None, loss=None, wd=0.1, X=None, targets=None, **options):
    inputs, labels = data("mse-sum")
    model = network(1) if model is None else model
    return lambda: certify_network(
        model,
        inputs if X is None else X,
        labels if targets is None else targets,
        loss=nn.MSELoss() if loss is None else loss,
        weight_decay=wd(model) if callable(wd) else wd,
        **options,
    )


def hooked() -> nn.Sequential:
    model = network(1)
    model[1].register_forward_hook(lambda module, args, output: output + 1)
    return model


def diverged() -> nn.Sequential:
    model = network(1)
    with torch.no_grad():
        model[0].weight[0, 0] = torch.nan
    return model


def tied() -> nn.Sequential:
    layer = nn.Linear(1, 1)
    return nn.Sequential(layer, nn.ReLU(), layer)


def deep() -> nn.Sequential:
    return nn.Sequential(nn.Linear(1, 2), nn.ReLU(), nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 1))


def split_optimizer(model, **second):
    groups = [{"params": [model[0].weight, model[0].bias]}, {"params": list(model[2].parameters()), **second}]
    return torch.optim.Adam(groups, weight_decay=0.1)


def bias_decay(model, wd: float):
    optimizer = torch.optim.Adam(
        [{"params": [model[2].bias]}, {"params": [model[0].weight, model[0].bias, model[2].weight]}], weight_decay=0.1
    )
    optimizer.param_groups[0]["weight_decay"] = wd
    return optimizer


def with_layer(layer: nn.Module):
    return nn.Sequential(nn.Linear(1, 2), layer, nn.Linear(2, 1))


X9, Y9 = data("mse-sum")
B9 = data("bce-mean")[1]
C9 = data("ce-mean")[1]
REFUSALS = {
    "AdamW": (refusal(wd=lambda m: torch.optim.AdamW(m.parameters(), weight_decay=0.1)), "AdamW decouples"),
    "decoupled Adam": (
        refusal(wd=lambda m: torch.optim.Adam(m.parameters(), weight_decay=0.1, decoupled_weight_decay=True)),
        "decouples",
    ),
    "unknown optimizer": (refusal(wd=lambda m: torch.optim.LBFGS(m.parameters())), "LBFGS is not known"),
    "maximising": (
        refusal(wd=lambda m: torch.optim.SGD(m.parameters(), lr=1, weight_decay=0.1, maximize=True)),
        "maximises",
    ),
    "one layer without decay": (refusal(wd=lambda m: split_optimizer(m, weight_decay=0.0)), "both weight matrices"),
    "negative decay of a bias": (
        refusal(wd=lambda m: bias_decay(m, -0.1)),
        "a bias has weight_decay = -0.1",
    ),
    "not in the optimizer": (
        refusal(wd=lambda m: torch.optim.Adam(m[2].parameters(), weight_decay=0.1)),
        "not in the optimizer",
    ),
    "optimizer and flag": (
        refusal(wd=lambda m: torch.optim.Adam(m.parameters(), weight_decay=0.1), decay_output_bias=False),
        "groups say which",
    ),
    "no decay": (refusal(wd=0.0), "Train with a positive"),
    "negative decay": (refusal(wd=-1.0), "Train with a positive"),
    "nan decay": (refusal(wd=float("nan")), "Train with a positive"),
    "tolerance": (refusal(tol=0.0), "tol = 0"),
    "custom module": (refusal(model=nn.Linear(1, 1)), "not Linear"),
    "dropout": (refusal(model=with_layer(nn.Dropout())), "Dropout makes"),
    "sigmoid": (refusal(model=with_layer(nn.Sigmoid())), "not positively homogeneous"),
    "leaky": (refusal(model=with_layer(nn.LeakyReLU())), "polar is not implemented"),
    "norm": (refusal(model=with_layer(nn.BatchNorm1d(2))), "normalisation"),
    "flatten": (refusal(model=with_layer(nn.Flatten())), "inputs.flatten"),
    "softmax": (refusal(model=with_layer(nn.Softmax(1))), "Leave it out"),
    "deep": (refusal(model=deep()), "freeze all but the last two"),
    "tied": (refusal(model=tied()), "share parameters"),
    "misfit": (refusal(model=nn.Sequential(nn.Linear(1, 2), nn.ReLU(), nn.Linear(3, 1))), "do not fit"),
    "diverged": (refusal(model=diverged()), "0.weight holds NaN"),
    "hook": (refusal(model=hooked()), "remove hooks"),
    "loss": (refusal(loss=nn.L1Loss()), "once differentiable"),
    "loss class": (refusal(loss=nn.MSELoss), "pass an instance"),
    "probabilities": (refusal(loss=nn.BCELoss()), "without the last sigmoid"),
    "no reduction": (refusal(loss=nn.MSELoss(reduction="none")), "'mean' or 'sum'"),
    "broadcast targets": (refusal(targets=Y9[:, 0]), r"targets\[:, None\]"),
    "inputs": (refusal(X=X9.expand(-1, 2)), r"expected \(N, 1\)"),
    "integer inputs": (refusal(X=X9.long()), "floating tensor"),
    "nan inputs": (refusal(X=X9 * torch.nan), "NaN"),
    "targets": (refusal(targets=[1.0]), "must be a tensor"),
    "complex targets": (refusal(targets=Y9 + 0j), "complex"),
    "nan targets": (refusal(targets=Y9 * torch.nan), "NaN"),
    "soft labels": (refusal(loss=nn.BCEWithLogitsLoss(), targets=0.5 * B9), "targets 0 and 1"),
    "margin labels": (refusal(loss=nn.SoftMarginLoss(), targets=B9), "2 \\* targets - 1"),
    "zero weight": (refusal(loss=nn.BCEWithLogitsLoss(pos_weight=torch.zeros(1)), targets=B9), "not positive"),
    "entry weights": (
        refusal(network(2), nn.BCEWithLogitsLoss(weight=torch.tensor([1.0, 2.0])), targets=B9.expand(-1, 2)),
        "differ within a sample",
    ),
    "one logit": (refusal(loss=nn.CrossEntropyLoss(), targets=C9), "one output is constant"),
    "one-hot": (refusal(network(2), nn.CrossEntropyLoss(), targets=B9.expand(-1, 2)), "argmax"),
    "label range": (refusal(network(2), nn.CrossEntropyLoss(), targets=C9 + 1), "expected 0 to 1"),
    "ignored": (refusal(network(2), nn.CrossEntropyLoss(ignore_index=1), targets=C9), "leave them out"),
    "smoothing": (refusal(network(2), nn.CrossEntropyLoss(label_smoothing=0.1), targets=C9), "label_smoothing"),
    "missing class": (
        refusal(network(2), nn.CrossEntropyLoss(), targets=0 * C9, decay_output_bias=False),
        "class is missing",
    ),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_what_cannot_be_certified_is_refused_with_the_reason(name):
    call, message = REFUSALS[name]
    with pytest.raises((TypeError, ValueError), match=message):
        call()
