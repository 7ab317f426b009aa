"""In what surroundings users call the package: modes of PyTorch and numpy, threads, a fork, streams that are closed."""

import asyncio
import contextlib
import io
import os
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch

import global_optimality as go
from global_optimality import progress
from global_optimality.cone_proof import prove_by_cones
from global_optimality.row_proof import prove_by_rows
from odd_functions import UNIT, W, Y
from odd_functions import S as DATA
from odd_networks import judged
from odd_practices import MODEL, answer, same, saved


def usual() -> bool:
    """Certificates, solver, descent, files and proofs as ever, wherever this is called."""
    return (
        same(judged(MODEL))
        and go.solve(UNIT).status is go.Status.GLOBAL
        and go.minimise(UNIT, W).weights[0].ndim == 3
        and saved()
        and all(prove(DATA.numpy(), Y[:, 0].numpy(), 99.0)["plus"] for prove in (prove_by_cones, prove_by_rows))
    )


def within(block: Callable[[], contextlib.AbstractContextManager[Any]]) -> bool:
    with block():
        return usual()


@contextmanager
def setting(change: Callable[[Any], Any], value: Any, back: Any) -> Iterator[None]:
    change(value)
    try:
        yield
    finally:
        change(back)


@contextmanager
def errors_from_warnings() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


@contextmanager
def talking_to(stream: Any) -> Iterator[None]:
    """Progress from the first second on, to that standard error."""
    with (
        mock.patch.object(progress, "PATIENCE", 0.0),
        mock.patch.dict(os.environ),
        mock.patch.object(sys, "stderr", stream),
    ):
        os.environ.pop(progress.QUIET, None)
        yield


class Broken(io.StringIO):
    def write(self, text: str) -> int:
        raise BrokenPipeError(32, "Broken pipe")


def closed() -> io.StringIO:
    stream = io.StringIO()
    stream.close()
    return stream


def in_threads() -> bool:
    found: list[bool] = []
    threads = [threading.Thread(target=lambda: found.append(usual())) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found == [True, True]


def in_a_pool() -> bool:
    """Several at once are the same, to the last digit, as one after the other."""
    lams = [0.05, 0.1, 0.2, 0.4]
    problems = [go.Problem(UNIT.loss, UNIT.mapping, UNIT.regularizer, lam) for lam in lams]
    alone = [go.solve(problem).certificate.lower_bound for problem in problems]
    with ThreadPoolExecutor(len(lams)) as pool:
        together = [solution.certificate.lower_bound for solution in pool.map(go.solve, problems)]
    return torch.equal(torch.cat(alone), torch.cat(together))


def in_a_fork() -> bool:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path or "." for path in sys.path)}
    return subprocess.run([sys.executable, Path(__file__).with_name("forked.py")], env=environment).returncode == 0


async def coroutine() -> bool:
    return usual()


MODES = [
    answer("under no_grad", lambda: within(torch.no_grad)),
    answer("under autocast", lambda: within(lambda: torch.autocast("cpu", dtype=torch.bfloat16))),
    answer("under anomaly detection", lambda: within(lambda: torch.autograd.set_detect_anomaly(True))),
    answer("another default device", lambda: within(lambda: torch.device("meta"))),
    answer("default dtype float16", lambda: within(lambda: setting(torch.set_default_dtype, torch.half, torch.float))),
    answer("deterministic", lambda: within(lambda: setting(torch.use_deterministic_algorithms, True, False))),
    answer("without denormals", lambda: within(lambda: setting(torch.set_flush_denormal, True, False))),
    answer("numpy that raises", lambda: within(lambda: np.errstate(all="raise"))),
    answer("warnings as errors", lambda: within(errors_from_warnings)),
    answer("a clock in the past", lambda: within(lambda: mock.patch.object(time, "time", return_value=0.0))),
    answer("a loop that runs", lambda: asyncio.run(coroutine())),
    answer("a default device that was set", lambda: within(lambda: setting(torch.set_default_device, "meta", None))),
    answer(
        "default dtype float64", lambda: within(lambda: setting(torch.set_default_dtype, torch.double, torch.float))
    ),
    answer("gradients switched off", lambda: within(lambda: setting(torch.set_grad_enabled, False, True))),
    answer("threads", in_threads),
    answer("a pool of threads", in_a_pool),
    answer("a forked process", in_a_fork),
    answer("no standard error", lambda: within(lambda: talking_to(None))),
    answer("a closed standard error", lambda: within(lambda: talking_to(closed()))),
    answer("a standard error that nobody reads", lambda: within(lambda: talking_to(Broken()))),
]
