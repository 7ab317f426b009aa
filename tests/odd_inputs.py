"""Bad and odd inputs, as users bring them: what each is, the answer it gets, and the cure that answer names.

A row with an error is refused with it, and ``cure`` is in its message; a row without is answered, and ``cure`` says
what must hold of the answer. ``test_odd_inputs`` runs every row, and demands rows of each kind for every public name.
"""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn.utils import parametrizations, prune

from cases import randn
from global_optimality import certify_network


@dataclass(frozen=True)
class Row:
    """``attempt`` raises ``error`` with ``cure`` in its message, or (no error) returns what ``holds`` is true of."""

    what: str
    attempt: Callable[[], Any]
    cure: str
    error: type[Exception] | None = None
    holds: Callable[[Any], bool] | None = None


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
    Row("inside torch.inference_mode()", inside_inference_mode, "the plain answer", holds=as_the_plain_one),
    Row("torch.compile", lambda: judged(torch.compile(network(), backend="eager")), "the same", holds=as_the_plain_one),
    Row("DataParallel", lambda: judged(nn.DataParallel(network())), "the same", holds=as_the_plain_one),
    Row("DistributedDataParallel", lambda: judged(on_one_process(network())), "the same", holds=as_the_plain_one),
    Row(
        "a Sequential inside another, with Identity",
        lambda: judged(flat_copy(network()[:2], nn.Identity(), network()[2])),
        "the same",
        holds=as_the_plain_one,
    ),
    Row("a module that holds the network", lambda: judged(Wrapped()), "pass model.net", TypeError),
    Row("a function", lambda: judged(lambda x: x), "an nn.Module, but the model is a function", TypeError),
    Row("a lazy layer before any data", lambda: judged(lazy()), "call the model once on data", TypeError),
    Row("a lazy layer after data", lambda: judged(run_once(lazy())), "a verdict", holds=lambda c: c.gap >= 0),
    Row(
        "a pruned layer",
        lambda: judged(changed(lambda m: prune.l1_unstructured(m[0], "weight", 0.5))),
        "prune.remove",
        ValueError,
    ),
    Row(
        "pruning made permanent",
        lambda: judged(changed(lambda m: prune.remove(prune.l1_unstructured(m[0], "weight", 0.5), "weight"))),
        "a verdict",
        holds=lambda c: c.gap >= 0,
    ),
    Row(
        "weight norm",
        lambda: judged(changed(lambda m: parametrizations.weight_norm(m[0]))),
        "remove_parametrizations",
        TypeError,
    ),
    Row(
        "orthogonal weights",
        lambda: judged(changed(lambda m: parametrizations.orthogonal(m[2]))),
        "remove_parametrizations",
        TypeError,
    ),
    Row(
        "a layer on the meta device",
        lambda: judged(nn.Sequential(nn.Linear(2, 3, device="meta"), nn.ReLU(), nn.Linear(3, 1))),
        "load weights first",
        ValueError,
    ),
    Row("complex weights", lambda: judged(network().to(torch.complex128)), "real weights", ValueError),
    Row(
        "labels −1 and +1",
        lambda: judged(targets=2 * LABELS - 1, loss=nn.BCEWithLogitsLoss()),
        "SoftMargin",
        ValueError,
    ),
    Row("probabilities", lambda: judged(targets=LABELS / 2, loss=nn.BCEWithLogitsLoss()), "0 and 1 only", ValueError),
    Row("inputs with NaN", lambda: judged(inputs=X * torch.nan), "leave those samples out", ValueError),
    Row("inputs from numpy", lambda: judged(inputs=X.numpy()), "torch.tensor(X).float()", TypeError),
    Row("a decay in words", lambda: judged(weight_decay="0.1"), "pass the number given to SGD", TypeError),
    Row(
        "a scheduler",
        lambda: judged(
            weight_decay=torch.optim.lr_scheduler.StepLR(torch.optim.SGD(network().parameters(), lr=1.0), 1)
        ),
        "scheduler.optimizer",
        TypeError,
    ),
    Row("targets times 1e-160", lambda: judged(targets=1e-160 * Y), "multiply the targets and λ", ValueError),
    Row("targets times 1e160", lambda: judged(targets=1e160 * Y), "multiply the targets and λ", ValueError),
]

TABLE = {"certify_network": NETWORKS}
