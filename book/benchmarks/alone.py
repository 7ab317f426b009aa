"""A call in a process of its own: what it returns, its seconds, the memory that it adds; ended beyond its limits."""

import math
import multiprocessing
import os
import resource
import signal
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from .timing import Seconds, clocked

DONE = "done"


@dataclass(frozen=True)
class Ended:
    """``value`` is None, and ``seconds`` are those that it had, unless ``status`` is DONE.

    ``megabytes`` are what the call added to the peak memory of its process, libraries that it loaded included.
    """

    value: Any
    seconds: Seconds
    megabytes: float
    status: str

    @property
    def done(self) -> bool:
        return self.status == DONE


def alone(
    call: Callable[[], Any],
    *,
    first: Callable[[], Any] | None = None,
    seconds: float = math.inf,
    gigabytes: float = math.inf,
) -> Ended:
    """``call`` in a forked process, which the system ends beyond these limits of processor time and memory.

    It returns no tensors, which processes share and do not send. ``first`` runs before, outside the seconds: what a
    library does at its first call. What is raised is the status; ``ImportError`` is raised here.
    """
    fork = multiprocessing.get_context("fork")
    receiving, sending = fork.Pipe(duplex=False)
    with tempfile.TemporaryDirectory() as folder:  # some peers leave files
        process = fork.Process(target=_work, args=(call, first, seconds, gigabytes, folder, sending))
        process.start()
        sending.close()
        try:
            ended = receiving.recv()
            if isinstance(ended, ImportError):
                raise ended
            return ended
        except EOFError:
            process.join()
            return Ended(None, Seconds(math.nan, seconds), math.nan, _why(-(process.exitcode or 0), seconds, gigabytes))
        finally:
            process.join()


def _work(
    call: Callable[[], Any],
    first: Callable[[], Any] | None,
    seconds: float,
    gigabytes: float,
    folder: str,
    sending: Connection,
) -> None:
    sys.path[:] = [os.path.abspath(place) for place in sys.path]
    os.chdir(folder)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if gigabytes < math.inf:
        most = int(gigabytes * 1e9)
        resource.setrlimit(resource.RLIMIT_DATA, (most, most))
    before = peak()
    try:
        if first is not None:
            first()
        if seconds < math.inf:
            used = resource.getrusage(resource.RUSAGE_SELF)
            most = math.ceil(used.ru_utime + used.ru_stime + seconds)
            resource.setrlimit(resource.RLIMIT_CPU, (most, most))
        value, spent = clocked(call)
        ended = Ended(value, spent, (peak() - before) / 2**20, DONE)
    except ImportError as error:
        ended = error
    except MemoryError:
        ended = Ended(None, Seconds(math.nan, math.nan), math.nan, f"more than {gigabytes:g} GB")
    except Exception as error:
        text = " ".join(str(error).split())[:200]
        ended = Ended(None, Seconds(math.nan, math.nan), math.nan, f"{type(error).__name__}: {text}")
    sending.send(ended)


def _why(number: int, seconds: float, gigabytes: float) -> str:
    if number in (signal.SIGXCPU, signal.SIGKILL) and seconds < math.inf:
        return f"more than {seconds:g} s"
    if number == signal.SIGABRT:
        return f"more than {gigabytes:g} GB" if gigabytes < math.inf else "out of memory"
    return f"ended by {signal.Signals(number).name}" if number else "ended without a result"


def peak() -> int:
    """The largest resident memory of this process so far, in bytes.

    Linux counts it for the program that runs; what getrusage tells there begins with that of the parent.
    """
    told = Path("/proc/self/status")
    if told.is_file():
        return 1024 * next(int(line.split()[1]) for line in told.read_text().splitlines() if line.startswith("VmHWM"))
    largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return largest if sys.platform == "darwin" else 1024 * largest
