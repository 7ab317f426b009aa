"""The child process that executes one notebook through papermill: `python execute.py JOB`, or forked (fork_server).

As a script it imports nothing of this package, so that it starts fast. JOB is a JSON file with the paths `notebook`,
`output` and `cwd`; with `goes_on` a cell that fails does not end the run. It reports events as JSON lines on standard
output: kernel, cell, failed, died, done (with the kernel's seconds of processor time), ended (with a status). When its
standard input closes (the builder has died) it kills the kernel and leaves.
"""

import json
import os
import resource
import runpy
import signal
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import nbformat
import psutil
from jupyter_client.provisioning import local_provisioner
from nbclient.exceptions import DeadKernelError
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import Engine, papermill_engines
from papermill.exceptions import PapermillExecutionError
from papermill.execute import execute_notebook

_EVENTS: list[int] = []
_KERNEL: list[Any] = []
_NOTEBOOK: list = []


def report(**event):
    """One event, a JSON object on a line, for the parent."""
    os.write(_EVENTS[0], json.dumps(event).encode() + b"\n")


class ForkedKernel(psutil.Process):
    """A process forked before this one has threads and an event loop: it becomes a kernel when it is told which.

    To jupyter_client it is what its own `launch_kernel` returns, a `subprocess.Popen`.
    """

    stdin = stdout = stderr = None

    def __init__(self):
        (told, self._tell), (ready, leads) = os.pipe(), os.pipe()
        pid = os.fork()
        if not pid:
            os.setsid()
            for end in (leads, ready, self._tell):
                os.close(end)
            become_kernel(told)
        for end in (leads, told):
            os.close(end)
        os.read(ready, 1)  # its end: the process leads a session of its own
        os.close(ready)
        super().__init__(pid)

    def poll(self):
        """The status it ended with, or None while it runs."""
        try:
            return self.wait(0)
        except psutil.TimeoutExpired:
            return None

    def launch_kernel(self, command, *, env, cwd=None, **_):
        """Tell it how to start; in the place of jupyter_client's function of this name."""
        with os.fdopen(self._tell, "w") as line:
            json.dump([command, {**env, "JPY_PARENT_PID": str(os.getpid())}, cwd or os.getcwd()], line)
        return self


def become_kernel(told):
    """Wait until it is said which kernel; then be it, to the end of the process."""
    with os.fdopen(told) as line:
        said = line.read()
    if not said:  # the process that would have told has ended
        os._exit(0)
    command, environment, folder = json.loads(said)
    os.close(_EVENTS[0])
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    module, *arguments = command[command.index("-m") + 1 :]
    # ipykernel, loaded before this process was, has not seen JPY_PARENT_PID: without it a kernel outlives its parent
    sys.argv = [module, *arguments, f"--IPKernelApp.parent_handle={os.getppid()}"]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
    sys.exit()


def leave_with_parent():
    """Wait for the end of standard input, then kill the kernel's process group and this process."""
    while os.read(0, 1024):
        pass
    for kernel in _KERNEL:
        if kernel.poll() is None:  # else its number may be another's by now
            with suppress(OSError):
                os.killpg(kernel.pid, signal.SIGKILL)
    os._exit(70)


class Client(PapermillNotebookClient):
    """Reports the kernel's process, and is short with one that does not end."""

    km: Any

    def create_kernel_manager(self):
        manager: Any = super().create_kernel_manager()
        manager.shutdown_wait_time = 0.5  # seconds, half of them before SIGTERM: its threads at times await each other
        return manager

    def papermill_execute_cells(self):
        _KERNEL.append(self.km.provisioner.process)
        report(event="kernel", pid=_KERNEL[0].pid)
        super().papermill_execute_cells()


class BookEngine(Engine):
    """papermill's engine with our client: no time limit of its own, the parent holds the clock."""

    @classmethod
    def execute_managed_notebook(cls, nb_man, kernel_name, goes_on=False, **_):
        _NOTEBOOK.append(nb_man.nb)
        client = Client(
            nb_man,
            kernel_name=kernel_name,
            startup_timeout=120,
            timeout=None,
            allow_errors=goes_on,
            record_timing=False,
            coalesce_streams=True,
            on_cell_execute=lambda cell, cell_index: report(event="cell", index=cell_index),
        )
        client.execute()


def main(file, forked=False):
    """Run the notebook that the job in `file` names and report every step; leave when the parent does."""
    _EVENTS.append(os.dup(1))
    os.dup2(2, 1)  # nothing but events on standard output
    if forked:
        local_provisioner.launch_kernel = ForkedKernel().launch_kernel  # pyright: ignore[reportPrivateImportUsage]
    status = 70
    try:
        status = run(json.loads(file.read_text()))
    finally:
        report(event="ended", status=status)
    return status


def run(job):
    """Run the notebook; 0 where it came to its end."""
    threading.Thread(target=leave_with_parent, daemon=True).start()
    papermill_engines.register("book", BookEngine)
    notebook = nbformat.read(job["notebook"], as_version=4)
    try:
        done = execute_notebook(
            notebook, None, engine_name="book", cwd=job["cwd"], progress_bar=False, goes_on=job["goes_on"]
        )
    except PapermillExecutionError as error:
        if not job["goes_on"]:
            report(event="failed", index=error.cell_index, error=f"{error.ename}: {error.evalue}")
            return 1
        done = _NOTEBOOK[-1]
        done.cells = [c for c in done.cells if "papermill-error-cell-tag" not in c.metadata.get("tags", [])]
    except DeadKernelError:
        report(event="died")
        return 1
    finally:
        for unfinished in _NOTEBOOK:
            nbformat.write(unfinished, job["output"])
    nbformat.write(done, job["output"])
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    report(event="done", cpu=used.ru_utime + used.ru_stime)
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
