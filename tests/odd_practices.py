"""How else users call the package: networks of other precisions and layers, arrays of numpy, files."""

import copy
import os
import pickle
import tempfile
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

import global_optimality as go
from odd_functions import UNIT, W, Y
from odd_functions import S as DATA
from odd_networks import LABELS, X, changed, flat_copy, judged, network
from odd_networks import Y as TARGETS
from odd_rows import Kind, Row

MODEL = network()
PLAIN = judged(MODEL)


def same(found: Any) -> bool:
    return (found.objective, found.best_possible) == (PLAIN.objective, PLAIN.best_possible)


def solved(targets: Any = Y, inputs: Any = DATA) -> bool:
    problem = go.Problem(go.SquaredLoss(targets), go.ReluUnit(inputs), go.SumOfSquares(), 0.1)
    return go.solve(problem).status is go.Status.GLOBAL


def read_only(x: np.ndarray) -> np.ndarray:
    x = x.copy()
    x.flags.writeable = False
    return x


def highest(S: Any, Q: Any = None) -> bool:
    Q = Y.numpy() if Q is None else Q
    return abs(go.max_relu_sum(S, Q).upper - go.max_relu_sum(DATA, Y).upper) < 1e-12


def saved(change: Callable[[bytes], bytes] = bytes, name: str = "c.json", folder: str = "f") -> bool:
    file = Path(tempfile.mkdtemp(prefix=folder)) / name
    go.save_certificate(file, UNIT, W, go.certify(UNIT, W))
    file.write_bytes(change(file.read_bytes()))
    return go.verify_certificate(file).confirmed


def pipe() -> Path:
    file = Path(tempfile.mkdtemp()) / "pipe"
    os.mkfifo(file)
    return file


def answer(what: str, attempt: Callable[[], Any], holds: Callable[[Any], bool] = bool) -> Row:
    return Row(Kind.SURROUNDINGS, what, attempt, "an answer as ever", holds=holds)


def refusal(what: str, attempt: Callable[[], Any], cure: str, error: type[Exception] = TypeError) -> Row:
    return Row(Kind.TYPE, what, attempt, cure, error)


def layers(*middle: nn.Module) -> nn.Sequential:
    first, last = network()[0], network()[2]
    return flat_copy(first, *middle, last).double()


def tied() -> nn.Sequential:
    model = nn.Sequential(nn.Linear(2, 2, bias=False), nn.ReLU(), nn.Linear(2, 2, bias=False)).double()
    model[2].weight = model[0].weight
    return model


def is_bound(found: Any) -> bool:
    return 0 <= found.best_possible <= found.objective


S, SGD = DATA.numpy(), torch.optim.SGD
NETWORKS = [
    answer("bfloat16", lambda: judged(network().bfloat16(), TARGETS.bfloat16(), inputs=X.bfloat16()), is_bound),
    answer("inputs of float8", lambda: judged(inputs=X.to(torch.float8_e4m3fn)), is_bound),
    answer("ReLU in place", lambda: judged(layers(nn.ReLU(inplace=True))), same),
    answer("inputs that require gradients", lambda: judged(inputs=X.clone().requires_grad_()), same),
    answer("a copy of a network", lambda: judged(copy.deepcopy(MODEL)), same),
    answer("a network from a pickle", lambda: judged(pickle.loads(pickle.dumps(MODEL))), same),
    answer("frozen weights", lambda: judged(changed(lambda m: m.requires_grad_(False))), same),
    answer("whole numbers as targets", lambda: judged(targets=(10 * TARGETS).long()), is_bound),
    answer("true and false", lambda: judged(targets=LABELS > 0, loss=nn.BCEWithLogitsLoss()), is_bound),
    answer("one sample", lambda: judged(inputs=X[:1], targets=TARGETS[:1]), is_bound),
    answer("a column of zeros", lambda: judged(inputs=X * torch.tensor([1.0, 0.0])), is_bound),
    answer("equal targets", lambda: judged(targets=torch.ones_like(TARGETS)), is_bound),
    answer("a decay beyond λ_max", lambda: judged(weight_decay=1e6), is_bound),
    answer("a decay as tensor", lambda: judged(weight_decay=torch.tensor(0.05, dtype=torch.float64)), same),
    refusal("dropout in training", lambda: judged(layers(nn.ReLU(), nn.Dropout())), "train without it"),
    refusal("batch normalization", lambda: judged(layers(nn.BatchNorm1d(4), nn.ReLU())), "normalise the inputs"),
    refusal("Flatten first", lambda: judged(flat_copy(nn.Flatten(), *network())), "inputs.flatten(1)"),
    refusal("GELU", lambda: judged(layers(nn.GELU())), "use ReLU"),
    refusal("a dictionary of weights", lambda: judged(network().state_dict()), "an nn.Module"),
    refusal("tied weights", lambda: judged(tied(), TARGETS.expand(-1, 2)), "untie them", ValueError),
    refusal("no hidden unit", lambda: judged(network(width=0)), "at least one", ValueError),
    refusal("AdamW", lambda: judged(weight_decay=torch.optim.AdamW(MODEL.parameters())), "AdamW", ValueError),
    refusal(
        "another model's optimizer", lambda: judged(weight_decay=SGD(network().parameters())), "number", ValueError
    ),
    refusal("a hook", lambda: judged(changed(hooked)), "remove hooks", ValueError),
    refusal("a loader", lambda: judged(inputs=torch.utils.data.DataLoader(X)), "torch.tensor(X)"),
    refusal("nested inputs", lambda: judged(inputs=torch.nested.nested_tensor([X[0], X[1]])), "nested", ValueError),
    refusal("a loss as function", lambda: judged(loss=nn.functional.mse_loss), "loss=nn.MSELoss()"),
]
ARRAYS = [
    answer("a view with strides", lambda: solved(inputs=torch.stack([DATA, DATA], -1)[..., 0])),
    answer("an expanded target", lambda: solved(Y[:1].expand(6, 1))),
    answer("memory that is read only", lambda: highest(read_only(S))),
    answer("parameters as data", lambda: solved(nn.Parameter(Y.clone()), nn.Parameter(DATA.clone()))),
    answer("negative strides", lambda: highest(S[::-1], Y.numpy()[::-1])),
    answer("columns first", lambda: highest(np.asfortranarray(S))),
    answer("another order of bytes", lambda: highest(S.astype(">f8"))),
    answer("λ of numpy", lambda: go.Problem(UNIT.loss, UNIT.mapping, UNIT.regularizer, np.float32(0.1)).lam > 0),
    answer("λ as fraction", lambda: go.Problem(UNIT.loss, UNIT.mapping, UNIT.regularizer, Fraction(1, 10)).lam == 0.1),
    answer("a pickled solution", lambda: pickle.loads(pickle.dumps(go.solve(UNIT))).certificate.verdict(1e-6)),
    answer("a copied solution", lambda: copy.deepcopy(go.solve(UNIT)).certificate.verdict(1e-6)),
    refusal("objects of numpy", lambda: highest(S.astype(object)), "astype(np.float64)"),
    refusal("words of numpy", lambda: highest(S.astype(str)), "astype(np.float64)"),
    refusal("long doubles", lambda: highest(S.astype(np.longdouble)), "astype(np.float64)"),
    refusal("a table with names", lambda: highest(np.zeros(6, [("a", "f8")])), "astype(np.float64)"),
    refusal("a masked array", lambda: highest(np.ma.array(S)), "torch.as_tensor"),
    refusal("weights from a generator", lambda: go.certify(UNIT, (w for w in W)), "pass a tuple"),
]
FILES = [
    answer("a name that is not ASCII", lambda: saved(name="beweis ✓.json", folder="Zürich 日本 ")),
    answer("line ends of Windows", lambda: saved(lambda text: text.replace(b"\n", b"\r\n"))),
    refusal("a byte order mark", lambda: saved(lambda text: b"\xef\xbb\xbf" + text), "c.json: ", ValueError),
    refusal("UTF-16", lambda: saved(lambda text: text.decode().encode("utf-16")), "not UTF-8", ValueError),
    refusal("a pipe", lambda: go.verify_certificate(pipe()), "a pipe or a device", ValueError),
    refusal("a device", lambda: go.load_certificate("/dev/zero"), "a pipe or a device", ValueError),
    refusal("into a device", lambda: go.save_certificate(pipe(), UNIT, W, go.certify(UNIT, W)), "a pipe", ValueError),
]


def hooked(model: nn.Sequential) -> None:
    model[0].register_forward_hook(lambda module, inputs, output: 2 * output)


PRACTICES = [*NETWORKS, *ARRAYS, *FILES]
