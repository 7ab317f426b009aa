"""Modules made of modules, and the optimizers that people take their decay from."""

import collections
import warnings
from typing import Any

import torch
from torch import nn

from odd_networks import Y as TARGETS
from odd_networks import changed, flat_copy, judged, network
from odd_practices import answer, is_bound, refusal, same


class Named(nn.Sequential):
    """A Sequential by another name."""


class Doubled(nn.Sequential):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return 2 * super().forward(x)


def named_layers() -> nn.Sequential:
    first, act, last = network()
    return nn.Sequential(collections.OrderedDict(fc1=first, act=act, fc2=last))


def one_layer_twice() -> nn.Sequential:
    layer = nn.Linear(2, 2).double()
    return nn.Sequential(layer, nn.ReLU(), layer)


def scripted() -> nn.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.jit.script(network())


def groups(kind: Any, **options: Any) -> Any:
    """Decay of the weights and none of the biases, as most people write it."""
    model = network()
    weights, biases = [model[0].weight, model[2].weight], [model[0].bias, model[2].bias]
    decays = [{"params": weights, "weight_decay": 0.05}, {"params": biases, "weight_decay": 0.0}]
    return judged(model, weight_decay=kind(decays, **options))


def one_group(kind: Any, **options: Any) -> Any:
    model = network()
    return judged(model, weight_decay=kind(model.parameters(), **options))


MODULES = [
    answer("a Sequential by another name", lambda: judged(Named(*network())), same),
    answer("one of that name inside", lambda: judged(flat_copy(Named(*network()[:2]), network()[2])), same),
    answer("layers with names", lambda: judged(named_layers()), same),
    answer("a model in evaluation", lambda: judged(network().eval()), same),
    answer("a network of zeros", lambda: judged(changed(lambda m: [p.data.zero_() for p in m.parameters()])), is_bound),
    refusal("a Sequential with a forward of its own", lambda: judged(Doubled(*network())), "into an nn.Sequential"),
    refusal("one layer twice", lambda: judged(one_layer_twice(), TARGETS.expand(-1, 2)), "untie them", ValueError),
    refusal("a scripted model", lambda: judged(scripted()), "pass the module itself"),
    refusal("a traced model", lambda: judged(torch.fx.symbolic_trace(network())), "pass the module itself"),
    refusal("one layer", lambda: judged(nn.Sequential(nn.Linear(2, 1)).double()), "without a hidden layer"),
    refusal("no ReLU", lambda: judged(flat_copy(network()[0], network()[2])), "exactly one ReLU"),
    refusal("a ReLU at the end", lambda: judged(flat_copy(*network(), nn.ReLU())), "leave out the last ReLU"),
    refusal("ReLU6", lambda: judged(flat_copy(network()[0], nn.ReLU6(), network()[2])), "use ReLU"),
    refusal(
        "weights that overflow",
        lambda: judged(changed(lambda m: m[0].weight.data.mul_(1e200))),
        "too large for float64",
        ValueError,
    ),
]
OPTIMIZERS = [
    answer("Adam without decay of biases", lambda: groups(torch.optim.Adam), is_bound),
    answer("SGD with momentum, without it", lambda: groups(torch.optim.SGD, lr=0.1, momentum=0.9), is_bound),
    answer("RMSprop", lambda: one_group(torch.optim.RMSprop, weight_decay=0.05), is_bound),
    refusal("L-BFGS", lambda: one_group(torch.optim.LBFGS), "pass weight_decay=wd", ValueError),
    refusal("no decay", lambda: one_group(torch.optim.SGD, lr=0.1), "positive, finite weight_decay", ValueError),
    refusal("ascent", lambda: one_group(torch.optim.SGD, lr=0.1, maximize=True), "minimisation", ValueError),
    refusal("an optimizer's class", lambda: judged(weight_decay=torch.optim.SGD), "that optimizer"),
]
BUILT = [*MODULES, *OPTIMIZERS]
