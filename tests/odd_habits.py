"""What people bring besides: tables, views, classes of one kind, half files, odd folders."""

import errno
import json
import os
import signal
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pandas
import torch
from torch import nn

import global_optimality as go
from odd_functions import MATRIX, UNIT, W, Y
from odd_functions import S as DATA
from odd_modules import BUILT
from odd_networks import LABELS, X, judged, network
from odd_networks import Y as TARGETS
from odd_practices import answer, is_bound, refusal, same

CLASSES = LABELS[:, 0].long()
GLOBAL = go.Status.GLOBAL


TABLE = pandas.DataFrame(X.numpy())
COMPLETED = go.solve(MATRIX)


def classes(targets: Any, outputs: int = 2, **options: Any) -> Any:
    return judged(network(outputs), targets, loss=nn.CrossEntropyLoss(**options))


def place(*names: str) -> Path:
    return Path(tempfile.mkdtemp()).joinpath(*names)


def save(file: Any) -> bool:
    go.save_certificate(file, UNIT, W, go.certify(UNIT, W))
    return go.verify_certificate(file).confirmed


def damaged(change: Callable[[bytes], bytes]) -> Any:
    file = place("c.json")
    save(file)
    file.write_bytes(change(file.read_bytes()))
    return go.verify_certificate(file)


def with_entry(name: str, value: Any) -> Any:
    return damaged(lambda text: json.dumps(json.loads(text) | {name: value}).encode())


def inside(folder: Path, attempt: Callable[[], Any]) -> Any:
    before = Path.cwd()
    os.chdir(folder)
    try:
        return attempt()
    finally:
        os.chdir(before)


def on_a_full_disk() -> None:
    """The old file stays as it was."""
    file = place("c.json")
    save(file)
    before, full = file.read_bytes(), OSError(errno.ENOSPC, "No space left on device")
    try:
        with mock.patch.object(Path, "write_text", side_effect=full):
            save(file)
    finally:
        assert file.read_bytes() == before
        assert list(file.parent.iterdir()) == [file]


class Somewhere:
    """A path that is no Path."""

    def __init__(self) -> None:
        self.file = place("c.json")

    def __fspath__(self) -> str:
        return str(self.file)


def interrupted() -> go.Status:
    """Ctrl-C as soon as the solver has begun."""
    problem = go.Problem(
        go.SquaredLoss(DATA.repeat(20, 1)), go.DeepLinear(2, (2, 2), DATA.repeat(20, 1)), UNIT.regularizer, 1e-9
    )
    began = threading.Event()

    def polar(Q: torch.Tensor) -> go.PolarBound:
        if not began.is_set():
            began.set()
            signal.raise_signal(signal.SIGINT)
        return go.polar_of(problem)(Q)

    return go.solve(problem, polar=polar).status


def solved(targets: Any, inputs: Any, **options: Any) -> go.Status:
    problem = go.Problem(go.SquaredLoss(targets), go.ReluUnit(inputs), go.SumOfSquares(), 0.1)
    return go.solve(problem, **options).status


TABLES = [
    refusal("a table of pandas as inputs", lambda: judged(inputs=TABLE), "torch.tensor(X.to_numpy())"),
    refusal("a table as targets", lambda: judged(targets=pandas.DataFrame(TARGETS.numpy())), ".to_numpy()"),
    refusal("a column of a table", lambda: judged(targets=pandas.Series(TARGETS[:, 0].numpy())), ".to_numpy()"),
    refusal("a table as data", lambda: go.ReluUnit(TABLE), "S.to_numpy()"),
    refusal("a table in a sum of units", lambda: go.max_relu_sum(TABLE, TARGETS), "S.to_numpy()"),
    answer("its numbers as inputs", lambda: judged(inputs=torch.tensor(TABLE.to_numpy())), same),
    refusal("whole numbers as inputs", lambda: judged(inputs=(10 * X).long()), "inputs.float()"),
    refusal("complex inputs", lambda: judged(inputs=X + 0j), "real numbers"),
    refusal("targets of three axes", lambda: judged(targets=TARGETS[:, None]), "a column an output", ValueError),
    refusal(
        "equal samples, a free hidden bias",
        lambda: judged(inputs=X[:1].repeat(8, 1), decay_hidden_bias=False),
        "Decay the hidden bias",
        ValueError,
    ),
    refusal("a completed matrix from predict", lambda: COMPLETED.predict(TARGETS), "mapping.Phi(*weights)"),
    refusal("a matrix as module", COMPLETED.to_torch, "mapping.Phi(*weights)"),
    answer("targets of zeros say 0, not −0", lambda: "than 0 (" in str(judged(targets=0 * TARGETS))),
    refusal("float32 of numpy", lambda: go.ReluUnit(X.numpy().astype(np.float32)), "dtype=torch.float64"),
    refusal("a batch of a loader", lambda: judged(inputs=[X, TARGETS]), "torch.cat([x for x, _ in loader])"),
    refusal("a data set", lambda: judged(inputs=torch.utils.data.TensorDataset(X, TARGETS)), "floating tensor"),
    answer("a transposed tensor", lambda: judged(inputs=X.T.contiguous().T), same),
    answer("every second column", lambda: judged(inputs=torch.stack([X, X], -1)[..., 1]), same),
    answer("targets that require gradients", lambda: judged(targets=TARGETS.clone().requires_grad_()), same),
    answer("every row three times", lambda: judged(inputs=X.repeat(3, 1), targets=TARGETS.repeat(3, 1)), is_bound),
    answer("one feature, one sample", lambda: judged(network(inputs=1), TARGETS[:1], inputs=X[:1, :1]), is_bound),
    answer("inputs that are all zero", lambda: judged(inputs=0 * X), is_bound),
    answer("columns twice", lambda: solved(Y, torch.cat([DATA, DATA], 1)) is GLOBAL),
    refusal("one image", lambda: judged(inputs=X[0], targets=TARGETS[0]), "a row a sample", ValueError),
    refusal("fewer targets", lambda: judged(targets=TARGETS[:5]), "make them equal", ValueError),
]
LABEL_KINDS = [
    answer("labels of one class", lambda: classes(0 * CLASSES), is_bound),
    answer("labels of one sign", lambda: judged(targets=0 * LABELS, loss=nn.BCEWithLogitsLoss()), is_bound),
    refusal(
        "one sign and a free output bias",
        lambda: judged(targets=0 * LABELS, loss=nn.BCEWithLogitsLoss(), decay_output_bias=False),
        "decay it",
        ValueError,
    ),
    answer("labels as bytes", lambda: classes(CLASSES.byte()), is_bound),
    answer("classes that weigh", lambda: classes(CLASSES, weight=torch.tensor([1.0, 3.0])), is_bound),
    refusal("one-hot labels", lambda: classes(nn.functional.one_hot(CLASSES)), "targets.argmax(1)", ValueError),
    refusal("labels as true and false", lambda: classes(CLASSES > 0), "class numbers", ValueError),
    refusal("labels to be ignored", lambda: classes(CLASSES - 100 * (CLASSES == 0)), "leave out", ValueError),
    refusal("labels in words", lambda: classes(["a", "b"] * 4), "targets is a list"),
    refusal("smoothed labels", lambda: classes(CLASSES, label_smoothing=0.1), "set it to 0", ValueError),
    refusal("one output for two classes", lambda: classes(CLASSES, 1), "BCEWithLogitsLoss", ValueError),
]
FILES = [
    answer("a relative path", lambda: inside(place(), lambda: save("c.json"))),
    answer("a path that is no Path", lambda: save(Somewhere())),
    answer("a long number for λ", lambda: not with_entry("lam", 10**30).confirmed),
    refusal("a tenth of a file", lambda: damaged(lambda text: text[: len(text) // 10]), "c.json: ", ValueError),
    refusal("all of a file but its end", lambda: damaged(lambda text: text[:-4]), "c.json: ", ValueError),
    refusal("an integer of 400 digits", lambda: with_entry("objective", 10**400), "not finite", ValueError),
    refusal(
        "a file of a later version",
        lambda: with_entry("format", "global-optimality certificate 9"),
        "update the package",
        ValueError,
    ),
    refusal("into a folder that is missing", lambda: save(place("a", "c.json")), "folder that exists", OSError),
    refusal("into a system's folder", lambda: save("/proc/c.json"), "can be written", OSError),
    refusal("onto a folder", lambda: save(place()), "name a file in it", OSError),
    refusal("a name too long", lambda: save(place(300 * "x")), "cannot be written", OSError),
    refusal("a home of ~", lambda: save("~/no such folder/c.json"), "expanduser", OSError),
    refusal("onto a full device", lambda: save("/dev/full"), "a pipe or a device", ValueError),
    refusal("onto a full disk", on_a_full_disk, "No space left", OSError),
]
CALLS = [
    answer("Ctrl-C while solving", lambda: interrupted() is go.Status.INTERRUPTED),
    answer("time without end", lambda: solved(Y, DATA, time_limit=float("inf")) is GLOBAL),
    answer("time as a tensor", lambda: solved(Y, DATA, time_limit=torch.tensor(60.0)) is GLOBAL),
    answer(
        "a start that requires gradients",
        lambda: go.solve(UNIT, start=tuple(w.clone().requires_grad_() for w in W)).status is GLOBAL,
    ),
    answer(
        "λ of numpy, twice and unsorted",
        lambda: [s.problem.lam for s in go.solve_path(UNIT, np.array([0.2, 0.4, 0.2]))] == [0.2, 0.4, 0.2],
    ),
    refusal("a device that is not here", lambda: go.solve(UNIT, device="xpu"), "use torch.device('cpu')", ValueError),
    refusal("weights in one argument", lambda: UNIT(W), "one tensor for each layer", ValueError),
]
HABITS = [*TABLES, *LABEL_KINDS, *BUILT, *FILES, *CALLS]
