"""The examples for clusters do what they say: several GPUs, one a worker; Slurm, here a pretended one."""

import io
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from unittest.mock import Mock

import dask.config
import distributed
import pytest
import toy_sweep
from throwaway import REPOSITORY

from claimbook.progress import Progress
from claimbook.project import BookError
from claimbook.sweeps import Sweep, Workers, carry_out

HERE = Path(__file__).parent
TEXT = (REPOSITORY / "book/benchmarks/cluster.md").read_text(encoding="utf-8")
BIN = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
SBATCH = """#!/bin/sh
cp "$1" {folder}/job.sh
setsid bash {folder}/job.sh > {folder}/job.log 2>&1 &
echo $! > {folder}/job.pid
echo Submitted batch job 17
"""


@contextmanager
def worker(command: str, **variables: str) -> Iterator[None]:
    """A worker as the text starts it, without the process that would start it anew; ended with its children."""
    own = {**os.environ, "PATH": BIN, "PYTHONPATH": str(HERE), **variables}
    process = subprocess.Popen(
        ["bash", "-c", f"{command} --no-nanny"],
        env=own, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@pytest.mark.slow
def test_each_worker_sees_a_gpu_of_its_own(tmp_path: Path) -> None:
    line = re.search(r"CUDA_VISIBLE_DEVICES=\$gpu dask worker (tcp://\S+) .*(?= &)", TEXT)
    assert line is not None
    with distributed.LocalCluster(n_workers=0, processes=True, dashboard_address=":0", silence_logs=50) as cluster:
        address: str = cluster.scheduler.address  # type: ignore[union-attr]
        command = line[0].replace(line[1], address)
        with worker(command, gpu="0"), worker(command, gpu="1"):
            with distributed.Client(cluster, set_as_default=False) as client:
                client.wait_for_workers(2)
            plan, at = Sweep(toy_sweep.where, {"k": range(6)}), Workers(scheduler=address)
            table = carry_out(plan, tmp_path, workers=at, progress=Progress(io.StringIO()))
    assert set(table["gpu"]) == {"0", "1"}


def test_workers_of_this_machine_have_dasks_own_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """The user's name folders and encryption of other clusters; a cluster that does not start names the cure."""
    odd, seen = {"temporary-directory": "/proc/none", "distributed.comm.require-encryption": True}, {}

    def starts(**_: object) -> None:
        seen.update({name: dask.config.get(name) for name in odd})
        raise RuntimeError("Cluster failed to start: [Errno 24] Too many open files")

    monkeypatch.setattr(distributed, "LocalCluster", starts)
    with dask.config.set(odd):
        refused = pytest.raises(BookError, match=r"no workers on this machine: .*ulimit -n")
        with refused, Workers(2)._client():  # no other way in without a sweep
            pass
        assert dask.config.get("temporary-directory") == "/proc/none", "the user's stay the user's"
    assert seen == dict.fromkeys(odd)


def test_workers_of_two_kinds_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    kinds = {"tcp://a": {"blas": "Haswell", "device": "a GPU"}, "tcp://b": {"blas": "Haswell", "device": "cpu"}}
    client = Mock(run=lambda function, module: kinds)
    monkeypatch.setattr(Workers, "_client", lambda self: nullcontext(client))  # no other way in without a scheduler
    plan = Sweep(toy_sweep.where, {"k": range(6)})
    with pytest.raises(BookError, match=r"machines of several kinds \(device a GPU here, cpu there\)"):
        Workers(scheduler="tcp://a:8786").placed(plan)
    client.wait_for_workers.assert_called_once_with(1)


@pytest.fixture
def interrupts() -> Iterator[None]:
    """dask-jobqueue takes over what Ctrl-C does to a process that imports it: other tests keep theirs."""
    before = signal.getsignal(signal.SIGINT)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interrupts")
def test_the_workers_of_a_pretended_slurm_carry_a_sweep_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commands = tmp_path / "bin"
    commands.mkdir()
    stop = f"#!/bin/sh\nkill -- -$(cat {tmp_path}/job.pid)\n"
    for name, text in (("sbatch", SBATCH.format(folder=tmp_path)), ("scancel", stop)):
        (commands / name).write_text(text)
        (commands / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{commands}{os.pathsep}{BIN}")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(HERE), os.environ.get("PYTHONPATH", "")]))
    block = re.search(r"# cluster\.py\n(.*?)print\(", TEXT, re.S)
    assert block is not None
    smaller = {'"ib0"': '"lo"', "cores=16": "cores=1", "processes=16": "processes=1", "jobs=8": "jobs=1", "…": "short"}
    text = block[1].replace("64GB", "1GB")
    for old, new in smaller.items():
        assert old in text
        text = text.replace(old, new)
    made: dict = {}
    exec(text, made)
    with made["cluster"] as cluster:
        assert "#SBATCH -p short" in cluster.job_script()
        at = Workers(scheduler=cluster.scheduler_address)
        table = carry_out(toy_sweep.plan(2), tmp_path / "kept", workers=at, progress=Progress(io.StringIO()))
    assert len(table) == 12
    directive = re.search(r'job_extra_directives=\["(--gres=gpu:1)"\]', TEXT)
    assert directive is not None
    with type(cluster)(cores=1, processes=1, memory="1GB", job_extra_directives=[directive[1]]) as on_gpus:
        assert "#SBATCH --gres=gpu:1" in on_gpus.job_script()
