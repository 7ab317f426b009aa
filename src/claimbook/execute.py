"""The child process that executes one notebook through papermill: `python execute.py JOB`.

It is started as a script and imports nothing of this package, so that it starts fast. JOB is a JSON file with the
paths `notebook`, `output` and `cwd`; with `goes_on` a cell that fails does not end the run. It reports events as JSON
lines on standard output:
kernel, cell, failed, done (with the kernel's seconds of processor time). When its standard input closes (the builder
has died) it kills the kernel and leaves.
"""

import json
import os
import resource
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import nbformat
from nbclient.exceptions import DeadKernelError
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import Engine, papermill_engines
from papermill.exceptions import PapermillExecutionError
from papermill.execute import execute_notebook

_REPORT = os.fdopen(os.dup(1), "w", buffering=1)
_KERNEL: list[subprocess.Popen] = []
_NOTEBOOK: list = []


def report(**event):
    """One event, a JSON object on a line, for the parent."""
    _REPORT.write(json.dumps(event) + "\n")


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
    """Reports the kernel's process."""

    km: Any

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


def main():
    """Run the notebook that the job names and report every step; leave when the parent does."""
    job = json.loads(Path(sys.argv[1]).read_text())
    threading.Thread(target=leave_with_parent, daemon=True).start()
    os.dup2(2, 1)  # nothing but events on standard output
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
    sys.exit(main())
