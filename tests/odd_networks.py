"""Odd torch networks, data and losses, as users bring them to ``certify_network``."""

import tempfile
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn.utils import parametrizations, prune

from cases import randn
from global_optimality import certification_cost, certify_network
from odd_rows import Kind, Row

N = 8
X = randn("odd inputs", N, 2)
Y = X.abs()[:, :1].contiguous()
LABELS = (Y.median() < Y).double()


def network(outputs: int = 1, inputs: int = 2, width: int = 4) -> nn.Sequential:
    model = nn.Sequential(nn.Linear(inputs, width), nn.ReLU(), nn.Linear(width, outputs)).double()
    with torch.no_grad():
        for k, p in enumerate(model.parameters()):
            p.copy_(0.5 * randn(f"odd network {k}", *p.shape))
    return model


def judged(model: nn.Module | None = None, targets: Any = Y, *, inputs: Any = X, loss: Any = None, **options: Any):
    model = network() if model is None else model
    loss = nn.MSELoss() if loss is None else loss
    return certify_network(model, inputs, targets, loss=loss, **{"weight_decay": 0.05, **options})


def as_the_plain_one(found: Any) -> bool:
    plain = judged()
    same = found.objective == plain.objective and found.best_possible == plain.best_possible
    return same and found.verdict is plain.verdict


def inside_inference_mode() -> Any:
    with torch.inference_mode():
        return judged(inputs=X.clone(), targets=Y.clone())


def on_one_process(model: nn.Module) -> nn.Module:
    """DistributedDataParallel over a group of this process alone."""
    if not torch.distributed.is_initialized():
        store = torch.distributed.FileStore(tempfile.mkstemp()[1], 1)
        torch.distributed.init_process_group("gloo", store=store, rank=0, world_size=1)
    return nn.parallel.DistributedDataParallel(model)


def changed(change: Callable[[nn.Sequential], object]) -> nn.Sequential:
    model = network()
    change(model)
    return model


class Wrapped(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.net = network()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.net(x)


def lazy() -> nn.Sequential:
    return nn.Sequential(nn.LazyLinear(4), nn.ReLU(), nn.LazyLinear(1))


def run_once(model: nn.Sequential) -> nn.Sequential:
    model(X.float())
    return model


def flat_copy(*layers: nn.Module) -> nn.Sequential:
    return nn.Sequential(*layers)


NETWORKS = [
    Row(Kind.SHAPE, "inputs of other width", lambda: judged(inputs=X[:, :1]), "expected (N, 2)", ValueError),
    Row(Kind.SHAPE, "targets (N,)", lambda: judged(targets=Y[:, 0]), "targets[:, None]", ValueError),
    Row(Kind.SETTING, "no tolerance", lambda: judged(tol=0.0), "tol = 0.0", ValueError),
    Row(
        Kind.SURROUNDINGS,
        "inside torch.inference_mode()",
        inside_inference_mode,
        "the plain answer",
        holds=as_the_plain_one,
    ),
    Row(
        Kind.SURROUNDINGS,
        "torch.compile",
        lambda: judged(torch.compile(network(), backend="eager")),
        "the same",
        holds=as_the_plain_one,
    ),
    Row(
        Kind.SURROUNDINGS,
        "DataParallel",
        lambda: judged(nn.DataParallel(network())),
        "the same",
        holds=as_the_plain_one,
    ),
    Row(
        Kind.SURROUNDINGS,
        "DistributedDataParallel",
        lambda: judged(on_one_process(network())),
        "the same",
        holds=as_the_plain_one,
    ),
    Row(
        Kind.SURROUNDINGS,
        "a Sequential inside another, with Identity",
        lambda: judged(flat_copy(network()[:2], nn.Identity(), network()[2])),
        "the same",
        holds=as_the_plain_one,
    ),
    Row(Kind.TYPE, "a module that holds the network", lambda: judged(Wrapped()), "pass model.net", TypeError),
    Row(Kind.TYPE, "a function", lambda: judged(lambda x: x), "an nn.Module, but the model is a function", TypeError),
    Row(Kind.TYPE, "a lazy layer before any data", lambda: judged(lazy()), "call the model once on data", TypeError),
    Row(
        Kind.TYPE, "a lazy layer after data", lambda: judged(run_once(lazy())), "a verdict", holds=lambda c: c.gap >= 0
    ),
    Row(
        Kind.TYPE,
        "a pruned layer",
        lambda: judged(changed(lambda m: prune.l1_unstructured(m[0], "weight", 0.5))),
        "prune.remove",
        ValueError,
    ),
    Row(
        Kind.TYPE,
        "a pruned bias",
        lambda: judged(changed(lambda m: prune.l1_unstructured(m[2], "bias", 1))),
        "prune.remove(layer, 'bias')",
        ValueError,
    ),
    Row(
        Kind.TYPE,
        "a model in parallel within a Sequential",
        lambda: judged(nn.Sequential(nn.DataParallel(network()))),
        "layer.module",
        TypeError,
    ),
    Row(
        Kind.TYPE,
        "pruning made permanent",
        lambda: judged(changed(lambda m: prune.remove(prune.l1_unstructured(m[0], "weight", 0.5), "weight"))),
        "a verdict",
        holds=lambda c: c.gap >= 0,
    ),
    Row(
        Kind.TYPE,
        "weight norm",
        lambda: judged(changed(lambda m: parametrizations.weight_norm(m[0]))),
        "remove_parametrizations",
        TypeError,
    ),
    Row(
        Kind.TYPE,
        "orthogonal weights",
        lambda: judged(changed(lambda m: parametrizations.orthogonal(m[2]))),
        "remove_parametrizations",
        TypeError,
    ),
    Row(
        Kind.TYPE,
        "a layer on the meta device",
        lambda: judged(nn.Sequential(nn.Linear(2, 3, device="meta"), nn.ReLU(), nn.Linear(3, 1))),
        "load weights first",
        ValueError,
    ),
    Row(Kind.TYPE, "complex weights", lambda: judged(network().to(torch.complex128)), "real weights", ValueError),
    Row(
        Kind.NUMBERS,
        "labels −1 and +1",
        lambda: judged(targets=2 * LABELS - 1, loss=nn.BCEWithLogitsLoss()),
        "SoftMargin",
        ValueError,
    ),
    Row(
        Kind.NUMBERS,
        "probabilities",
        lambda: judged(targets=LABELS / 2, loss=nn.BCEWithLogitsLoss()),
        "0 and 1 only",
        ValueError,
    ),
    Row(Kind.NUMBERS, "inputs with NaN", lambda: judged(inputs=X * torch.nan), "leave those samples out", ValueError),
    Row(Kind.TYPE, "inputs from numpy", lambda: judged(inputs=X.numpy()), "torch.tensor(X).float()", TypeError),
    Row(
        Kind.SETTING, "a decay in words", lambda: judged(weight_decay="0.1"), "pass the number given to SGD", TypeError
    ),
    Row(
        Kind.SETTING,
        "a scheduler",
        lambda: judged(
            weight_decay=torch.optim.lr_scheduler.StepLR(torch.optim.SGD(network().parameters(), lr=1.0), 1)
        ),
        "scheduler.optimizer",
        TypeError,
    ),
    Row(
        Kind.NUMBERS,
        "targets times 1e-160",
        lambda: judged(targets=1e-160 * Y),
        "multiply the targets and λ",
        ValueError,
    ),
    Row(
        Kind.NUMBERS, "targets times 1e160", lambda: judged(targets=1e160 * Y), "multiply the targets and λ", ValueError
    ),
    Row(Kind.TYPE, "the Huber loss", lambda: judged(loss=nn.HuberLoss()), "take MSELoss, and clip", TypeError),
    Row(
        Kind.NUMBERS,
        "a pos_weight for each class",
        lambda: judged(
            network(2), LABELS.expand(-1, 2), loss=nn.BCEWithLogitsLoss(pos_weight=torch.tensor([1.0, 2.0]))
        ),
        "weigh whole samples",
        ValueError,
    ),
    Row(
        Kind.SETTING,
        "no decay of the biases",
        lambda: judged(decay_hidden_bias=False, decay_output_bias=False),
        "a bound",
        holds=lambda c: 0 < c.best_possible <= c.objective,
    ),
]

COSTS = [
    Row(Kind.SETTING, "no samples", lambda: certification_cost(0, 3), "N = 0: it must be at least 1", ValueError),
    Row(Kind.SETTING, "half a column", lambda: certification_cost(9, 2.5), "pass a whole number", TypeError),
    Row(Kind.SETTING, "any size", lambda: certification_cost(10**9, 784, 10), "", holds=lambda cost: cost.seconds > 1),
]
