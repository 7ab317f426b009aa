"""A user's torch network that cannot be certified is refused, and the message says why."""

import pytest
import torch
from torch import nn

from global_optimality import (
    certify_network,
)
from torch_users import data, network


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
    "nan decay": (refusal(wd=float("nan")), "pass the number of the training"),
    "tolerance": (refusal(tol=0.0), "tol = 0"),
    "custom module": (refusal(model=nn.Linear(1, 1)), "not Linear"),
    "dropout": (refusal(model=with_layer(nn.Dropout())), "Dropout makes"),
    "sigmoid": (refusal(model=with_layer(nn.Sigmoid())), "not positively homogeneous"),
    "leaky": (refusal(model=with_layer(nn.LeakyReLU())), "polar is not implemented"),
    "norm": (refusal(model=with_layer(nn.BatchNorm1d(2))), "normalisation"),
    "flatten": (refusal(model=with_layer(nn.Flatten())), "inputs.flatten"),
    "softmax": (refusal(model=with_layer(nn.Softmax(1))), "not positively homogeneous"),
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
    "targets": (refusal(targets=[1.0]), "targets is a list: pass torch.as_tensor"),
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
