"""A process that has loaded what chapters import, and from which they are forked: each starts at once.

`python -m claimbook.fork_server ROOT MODULE ...`, for the book at ROOT, loads the modules and waits. A request, over
the socket that is its standard input, is a JSON object with three open files, the standard streams of the new process,
and is answered with the number of that process, which leads a session of its own. The server ends when the socket
closes.
"""

from __future__ import annotations

import gc
import io
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO

import psutil

from .project import ROOT

_HEAD = 8
"""Bytes that say how long a request is."""

ALWAYS = (
    *("claimbook.execute", "ipykernel.kernelapp", "ipykernel.ipkernel", "bs4"),
    *("matplotlib_inline.backend_inline", "matplotlib.backends.backend_svg", "matplotlib.backends.backend_pdf"),
)
"""What every chapter needs."""


def forks_are_safe() -> bool:
    """Whether a process may go on after a fork without starting a program: not so with Apple's libraries."""
    return sys.platform.startswith("linux")


class Forked:
    """A process that the server has forked: what `subprocess.Popen` says of one, but for the status it ends with."""

    def __init__(self, pid: int, stdin: io.FileIO, stdout: io.BufferedReader[io.FileIO]) -> None:
        self.pid, self.stdin, self.stdout = pid, stdin, stdout
        self._process: psutil.Process | None = None
        with suppress(psutil.NoSuchProcess):
            self._process = psutil.Process(pid)

    def poll(self) -> int | None:
        """None while it runs."""
        return None if self._process is not None and self._process.is_running() else 0

    def wait(self) -> None:
        """Wait for its end."""
        if self._process is not None:
            self._process.wait()


class Server:
    """The server, from the side of the process that asks it; `environment` is that in which the modules are loaded."""

    def __init__(self, modules: Sequence[str], environment: dict[str, str], stderr: BinaryIO) -> None:
        self._line, theirs = socket.socketpair()
        command = [sys.executable, "-P", "-m", "claimbook.fork_server", environment[ROOT], *modules]
        with theirs:
            self._process = subprocess.Popen(
                command,
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=stderr,
                env=environment,
                start_new_session=True,
            )

    def start(self, request: dict[str, Any], stderr: BinaryIO) -> Forked:
        """A process at work on the request; OSError where the server cannot fork, or is no more."""
        (theirs_in, ours_in), (ours_out, theirs_out) = os.pipe(), os.pipe()
        stdin, stdout = io.FileIO(ours_in, "wb"), io.BufferedReader(io.FileIO(ours_out))
        try:
            said = json.dumps(request).encode()
            socket.send_fds(self._line, [len(said).to_bytes(_HEAD)], [theirs_in, theirs_out, stderr.fileno()])
            self._line.sendall(said)
            pid = int.from_bytes(_read(self._line, _HEAD))
            if not pid:
                raise OSError("the process that chapters are forked from cannot fork")
        except BaseException:
            stdin.close()
            stdout.close()
            raise
        finally:
            os.close(theirs_in)
            os.close(theirs_out)
        return Forked(pid, stdin, stdout)

    def stop(self) -> None:
        """End the server; what it has forked goes on."""
        self._line.close()
        self._process.wait()


def _read(line: socket.socket, count: int) -> bytes:
    said = b""
    while len(said) < count:
        more = line.recv(count - len(said))
        if not more:
            raise OSError("the process that chapters are forked from has ended")
        said += more
    return said


def _become(request: dict[str, Any], streams: Sequence[int]) -> int:
    """In the forked process: its own session, streams and environment, then its work."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.environ.clear()
    os.environ.update(request["environment"])
    return import_module("claimbook.execute").main(Path(request["job"]), forked=True)


def _reap(signum: int, frame: object) -> None:
    """Wait for what has ended: its time then counts as the server's, and as that of the process that waits for it."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def serve(modules: Sequence[str]) -> int:
    """Load the modules, fork what is asked for until nobody asks; in a forked process, do its work."""
    line = socket.socket(fileno=os.dup(0))
    for name in (*ALWAYS, *modules):
        with suppress(Exception):  # the chapter that imports it says why that fails
            import_module(name)
    if threading.active_count() > 1:
        return 1
    gc.freeze()
    signal.signal(signal.SIGCHLD, _reap)
    while True:
        head, streams, _, _ = socket.recv_fds(line, _HEAD, 3)
        if not head:
            return 0
        request = json.loads(_read(line, int.from_bytes(head)))
        try:
            pid = os.fork()
        except OSError:
            line.sendall(bytes(_HEAD))
        else:
            if not pid:
                os.setsid()
                line.sendall(os.getpid().to_bytes(_HEAD))
                line.close()
                return _become(request, streams)
        for stream in streams:
            os.close(stream)


if __name__ == "__main__":
    sys.exit(serve(sys.argv[2:]))
