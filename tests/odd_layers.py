"""Layers that are no Linear and no ReLU, loss settings that do not fit, and transforms of functions around a call."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode  # it has no public name
from torch.func import grad, vmap
from torch.fx.experimental.proxy_tensor import make_fx

import global_optimality as go
from odd_functions import MATRIX, UNIT, M, S, W, Y
from odd_habits import CLASSES, classes
from odd_networks import LABELS, X, flat_copy, judged, network
from odd_networks import Y as TARGETS
from odd_practices import MODEL, answer, layers, refusal, same
from odd_rows import Row


class Renamed(nn.Linear):
    """Computes what Linear does."""


class Adapted(nn.Linear):
    """With weights that are added to its own, as adapters have."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x) + x.sum()


class Holder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.net = network()


def last(layer: nn.Module) -> Any:
    return judged(flat_copy(network(), layer))


def middle(layer: nn.Module) -> Any:
    return judged(layers(layer))


def first(layer: nn.Module) -> Any:
    return judged(flat_copy(layer, *network()[1:]).double())


def renamed() -> nn.Sequential:
    model = network()
    other = Renamed(2, 4).double()
    other.load_state_dict(next(iter(model)).state_dict())
    return flat_copy(other, *list(model)[1:])


def exported() -> Any:
    return torch.export.export(network(), (X,))


def weighted(**weights: Any) -> Any:
    return judged(targets=LABELS, loss=nn.BCEWithLogitsLoss(**weights))


def inside(transform: Callable[..., Any], call: Callable[[torch.Tensor], Any]) -> Any:
    return transform(call)(torch.stack([Y, Y]))


def faked(call: Callable[[torch.Tensor], Any]) -> Callable[[torch.Tensor], Any]:
    def inside_a_mode(x: torch.Tensor) -> Any:
        with FakeTensorMode(allow_non_fake_inputs=True):
            return call(x)

    return inside_a_mode


def slope(call: Callable[[torch.Tensor], Any]) -> Callable[[torch.Tensor], Any]:
    return lambda x: grad(lambda y: call(y).sum())(x[0])


LAYERS = [
    answer("a layer derived from Linear", lambda: judged(renamed()), same),
    answer("a Linear of PyTorch's own by another name", lambda: first(
        nn.modules.linear.NonDynamicallyQuantizableLinear(2, 4)), lambda found: found.gap >= 0),
    answer("a compiled loss", lambda: judged(loss=torch.compile(nn.MSELoss(), backend="eager")), same),
    answer("a decay of numpy, without an axis", lambda: judged(weight_decay=np.array(0.05)), same),
    refusal("an adapter", lambda: first(Adapted(2, 4)), "merge that into weight and bias"),
    refusal("a convolution", lambda: first(nn.Conv1d(2, 4, 1)), "on the features"),
    refusal("an embedding", lambda: first(nn.Embedding(2, 4)), "on the features"),
    refusal("a module inside a Sequential", lambda: judged(nn.Sequential(Holder())), "Put its layers in its place"),
    refusal("a list inside a Sequential", lambda: judged(nn.Sequential(nn.ModuleList(network()))), "its place"),
    refusal("a list of one network", lambda: judged(nn.ModuleList([network()])), "pass model[0]"),
    refusal("a dictionary of one network", lambda: judged(nn.ModuleDict({"net": network()})), "pass model['net']"),
    refusal("an exported program", lambda: judged(exported()), "the module itself"),
    refusal("Sigmoid at the end", lambda: last(nn.Sigmoid()), "BCEWithLogitsLoss() takes the outputs before it"),
    refusal("Softmax at the end", lambda: last(nn.LogSoftmax(1)), "CrossEntropyLoss() takes the outputs before it"),
    refusal("Flatten at the end", lambda: last(nn.Flatten(0)), "targets of shape (N, c)"),
    *(refusal(f"{kind.__name__}", lambda kind=kind: middle(kind()), "use ReLU")
      for kind in (nn.Mish, nn.Hardswish, nn.CELU, nn.Softsign, nn.LogSigmoid, nn.RReLU)),
    *(refusal(f"{kind.__name__}", lambda kind=kind: middle(kind()), "train without it")
      for kind in (nn.Dropout2d, nn.FeatureAlphaDropout)),
    *(refusal(f"{kind.__name__}", lambda kind=kind: middle(kind(4)), "normalise the inputs beforehand")
      for kind in (nn.RMSNorm, nn.InstanceNorm1d)),
]  # fmt: skip
SETTINGS = [
    refusal("a pos_weight of five classes", lambda: weighted(pos_weight=torch.ones(5)), "one a sample", ValueError),
    refusal("a pos_weight of NaN", lambda: weighted(pos_weight=torch.tensor(torch.nan)), "not positive", ValueError),
    refusal("weights in one axis", lambda: weighted(weight=torch.ones(len(X))), f"({len(X)}, 1)", ValueError),
    refusal("too many class weights", lambda: classes(CLASSES, weight=torch.ones(3)), "one a class", ValueError),
    refusal("classes from 1", lambda: classes(CLASSES + 1), "number the classes from 0", ValueError),
    refusal("classes as floats", lambda: classes(CLASSES.double()), "targets.long()", ValueError),
    refusal("classes in a column", lambda: classes(CLASSES[:, None]), "targets[:, 0]", ValueError),
    refusal("nested targets", lambda: judged(targets=torch.nested.nested_tensor([TARGETS[0]])), "nested", ValueError),
    refusal("targets of NaN", lambda: judged(targets=TARGETS * torch.nan), "of inputs and targets", ValueError),
    refusal("a decay of infinity", lambda: judged(weight_decay=float("inf")), "the number of the training", ValueError),
    refusal("a class of networks", lambda: judged(nn.Sequential), "an instance, the trained model"),
    refusal("a decay of 1e-300", lambda: judged(weight_decay=1e-300), "nearer to the loss", ValueError),
    refusal("a tensor with a mask", lambda: go.ReluUnit(torch.masked.masked_tensor(S, S > 0)), "an ordinary tensor"),
]  # fmt: skip
POLAR = go.polar_of(UNIT)
CALLS: dict[str, Callable[[torch.Tensor], Any]] = {
    "certify": lambda x: go.certify(UNIT, tuple(w + 0 * x.sum() for w in W)).lower_bound,
    "minimise": lambda x: go.minimise(UNIT, tuple(w + 0 * x.sum() for w in W)).objective,
    "solve": lambda x: go.solve(UNIT, start=tuple(w + 0 * x.sum() for w in W)).certificate.lower_bound,
    "solve_path": lambda x: go.solve_path(UNIT, [0.1]),
    "meta_algorithm": lambda x: go.meta_algorithm(UNIT, W),
    "polar_of": lambda x: go.polar_of(UNIT),
    "what polar_of returns": lambda x: POLAR(x[None]).upper,
    "lambda_max": lambda x: go.lambda_max(UNIT),
    "omega": lambda x: go.omega(MATRIX, M[None] + 0 * x.sum())[0],
    "max_relu_sum": lambda x: go.max_relu_sum(S, x).upper,
    "SquaredLoss": lambda x: go.SquaredLoss(x)(x[None]),
    "ReluUnit": lambda x: go.ReluUnit(x),
    "certify_network": lambda x: judged(MODEL),
    "gradient": lambda x: UNIT.gradient(*(w + 0 * x.sum() for w in W))[0],
    "hessian_product": lambda x: UNIT.hessian_product(tuple(w + 0 * x.sum() for w in W), W)[0],
    "output_bias": lambda x: UNIT.output_bias(*(w + 0 * x.sum() for w in W)),
}
"""Functions that decide by numbers, of a tensor as large as Y."""

TRANSFORMS: list[Row] = [
    refusal(f"{name} inside {how}", lambda f=f, call=call: inside(f, call), "call this outside", ValueError)
    for name, call in CALLS.items()
    for how, f in (("vmap", vmap), ("grad", slope))
]
"""A certificate that is differentiated would have the gradient 0 without a word."""
TRANSFORMS += [
    refusal(f"{name} inside {how}", lambda f=f, call=call: f(call)(Y), "call this outside", ValueError)
    for name, call in CALLS.items()
    for how, f in (("make_fx", make_fx), ("FakeTensorMode", faked))
]  # fmt: skip


def traced() -> bool:
    """The objective itself may be traced: the graph computes what it does."""
    graph = make_fx(lambda *w: UNIT(*w))(*W)
    return torch.equal(graph(*(2 * w for w in W)), UNIT(*(2 * w for w in W)))


def mapped() -> bool:
    return torch.equal(vmap(lambda *w: UNIT(*(x[None] for x in w)).sum())(*W), UNIT(*W))


def differentiated() -> bool:
    slopes: Any = grad(lambda w: UNIT(w, *W[1:]).sum())(W[0])
    return torch.allclose(slopes, UNIT.gradient(*W)[1][0])


ANSWERED = [
    answer("the objective inside vmap", mapped),
    answer("the objective inside grad", differentiated),
    answer("the objective inside make_fx", traced),
]
LAYERS_AND_TRANSFORMS = [*LAYERS, *SETTINGS, *TRANSFORMS, *ANSWERED]
