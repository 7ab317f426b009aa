"""Where chunks are computed: in this process, on a cluster of this machine, or on any cluster of `dask.distributed`.

Dask is transport only: it may lose a result or compute it twice. What counts is written by the client, once, under the
chunk's key.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any

import psutil

from ..project import BookError, BuildFailed
from ..shortage import cure_of
from .arithmetic import arithmetic_of, difference
from .code import module_of
from .grid import Chunk, Plan, Sweep
from .perform import of_the_machine, perform
from .store import Store

TRIES = 5
"""A chunk whose worker dies, or lacks memory, so many times is left for the next start."""

WORKERLESS = 10.0
"""Seconds without any worker after which a cluster of this machine is started anew."""

SHARE = 0.75
"""Of the machine's memory, for the chunks that are under way; the rest is for what is not counted."""

FETCH = 5.0
"""Seconds for which a result may be on its way."""

Outcome = tuple[bytes, float] | BaseException | None
"""Packed rows and their seconds; the error that the machine made; None where another client has stored the rows."""


@dataclass(frozen=True)
class Workers:
    """``count`` processes of this machine, or the workers of a ``scheduler`` at an address; neither: this process.

    ``memory`` limits each process of this machine, in bytes: one that exceeds it is killed and its chunk tried again
    (default: its share of the machine's memory). No more processes are started than have room for a chunk each.
    """

    count: int = 0
    scheduler: str | None = None
    memory: float | None = None

    def __post_init__(self) -> None:
        if self.count < 0 or (self.memory is not None and not self.memory > 0):
            raise BookError("workers are counted from 0, which computes in this process, and need some memory")
        if self.count and self.scheduler:
            raise BookError("name a number of workers or the address of a scheduler, not both")
        if self.memory is not None and not self.count:
            raise BookError("memory limits workers of this machine: name their number too, 1 or more")

    def placed(self, plan: Plan) -> Plan:
        """The sweep as these workers compute it: of a scheduler, the kind of machine that its workers are.

        It waits for the first one. BookError where there are several kinds.
        """
        if self.scheduler is None or not isinstance(plan, Sweep) or plan.arithmetic is not None:
            return plan
        with self._client() as client:
            client.wait_for_workers(1)
            kinds = list(client.run(arithmetic_of, module_of(plan.run)).values())
        for other in kinds[1:]:
            if other != kinds[0]:
                told = difference(kinds[0], other)
                raise BookError(f"the workers are machines of several kinds ({told}): one table is of one kind")
        return plan.on(kinds[0])

    def fitting(self, plan: Plan) -> Workers:
        """As many processes of this machine as have room for a chunk each in SHARE of its memory, or as were asked for.

        BookError where a chunk is larger than the ``memory`` of a worker.
        """
        size = plan.bytes_of_a_chunk
        if self.memory is not None and size > self.memory:
            few = f"{self.memory / 1e9:g} GB are too few for a chunk of {size / 1e9:.2g} GB"
            raise BookError(f"{few}: give the workers more, or the sweep a smaller `memory`")
        room = SHARE * psutil.virtual_memory().total
        return replace(self, count=max(1, min(self.count, int(room // size)))) if self.count and size else self

    def outcomes(self, plan: Plan, waiting: Sequence[Chunk], store: Store) -> Iterator[tuple[Chunk, Outcome]]:
        """Every chunk once, as they end."""
        if not waiting:
            return
        if not (self.count or self.scheduler):
            for chunk in waiting:
                yield chunk, _here(plan, chunk, store)
            return
        if plan.specification["run"].startswith("__main__:"):
            raise BookError("workers cannot import a script: put the function of the sweep into a module")
        left, idle = {chunk.key: chunk for chunk in waiting}, 0
        while left:
            before = len(left)
            try:
                with self._client() as client:
                    for chunk, outcome in _on_dask(client, plan, list(left.values()), store):
                        del left[chunk.key]
                        yield chunk, outcome
            except _NoWorkersError:  # killed while they started: Dask replaces none of those
                idle = idle + 1 if len(left) == before else 0
                if idle == TRIES:
                    raise BuildFailed("all workers are gone: start again") from None

    @contextmanager
    def _client(self) -> Iterator[Any]:
        try:
            import distributed
        except ModuleNotFoundError:
            raise BookError("workers need dask.distributed: pip install distributed") from None
        if self.scheduler:
            try:
                client = distributed.Client(self.scheduler, timeout=20, set_as_default=False)
            except (OSError, ValueError) as error:
                raise BookError(f"no scheduler answers at {self.scheduler}: {error}") from None
            with client:
                yield client
            return
        with self._processes() as cluster, distributed.Client(cluster, set_as_default=False) as client:
            yield client

    @contextmanager
    def _processes(self) -> Iterator[Any]:
        """A cluster of this machine with Dask's own settings: the user's are for clusters of theirs.

        BookError where it does not start.
        """
        import dask.config
        import distributed

        limit: Any = "auto" if self.memory is None else int(self.memory)
        usual = dask.config.merge(*dask.config.defaults)
        with dask.config.set(usual), ExitStack() as stack:
            try:
                cluster = distributed.LocalCluster(
                    n_workers=self.count, threads_per_worker=1, memory_limit=limit, dashboard_address=":0",
                    silence_logs=50,
                )  # fmt: skip
                stack.enter_context(cluster)
            except RuntimeError as error:
                cure = cure_of(str(error)) or "compute in one process (--jobs 1)"
                raise BookError(f"no workers on this machine: {error}: {cure}") from None
            yield cluster


def _here(plan: Plan, chunk: Chunk, store: Store) -> Outcome:
    if store.has(chunk.key):
        return None
    try:
        return perform(plan.specification, chunk.shared, list(chunk.batch))
    except Exception as error:
        if not of_the_machine(error):
            raise
        return error


class _NoWorkersError(Exception):
    """A cluster whose workers do not come back."""


class _UnderWay:
    """Chunks that a cluster works on: two a thread, so that two clients share the work and a kill loses little."""

    def __init__(self, client: Any, plan: Plan, waiting: Sequence[Chunk], store: Store) -> None:
        from distributed import as_completed

        self._client, self._plan, self._store = client, plan, store
        self._local = client.cluster is not None  # elsewhere workers may wait in a queue for hours
        self._queue, self._tries = iter(waiting), Counter[str]()
        self.chunks: dict[Any, Chunk] = {}
        self.ended = as_completed(loop=client.loop)

    def send(self, chunk: Chunk) -> bool:
        """Whether the chunk is sent; not after TRIES times."""
        self._tries[chunk.key] += 1
        if self._tries[chunk.key] > TRIES:
            return False
        key = f"{chunk.key}-{self._tries[chunk.key]}"
        arguments = self._plan.specification, chunk.shared, list(chunk.batch)
        future = self._client.submit(perform, *arguments, key=key, pure=False)
        self.watch(future, chunk)
        return True

    def watch(self, future: Any, chunk: Chunk) -> None:
        """Wait for a future."""
        self.chunks[future] = chunk
        self.ended.add(future)

    def next(self) -> Any:
        """The next future that has ended; _NoWorkersError where a cluster of this machine has lost its workers."""
        seen = checked = time.monotonic()
        while not self.ended.has_ready():
            time.sleep(0.01)
            if (now := time.monotonic()) > checked + 1:
                checked = now
                seen = now if self._client.nthreads() else seen
                if self._local and now > seen + WORKERLESS:
                    raise _NoWorkersError
        return next(self.ended)

    def fill(self) -> Iterator[tuple[Chunk, Outcome]]:
        """Send what there is room for; yield the chunks that are stored by now."""
        room = max(2, 2 * sum(self._client.nthreads().values()))
        while len(self.chunks) < room and (chunk := next(self._queue, None)) is not None:
            if self._store.has(chunk.key):
                yield chunk, None
            else:
                self.send(chunk)


def _on_dask(client: Any, plan: Plan, waiting: Sequence[Chunk], store: Store) -> Iterator[tuple[Chunk, Outcome]]:
    from distributed.scheduler import KilledWorker

    work = _UnderWay(client, plan, waiting, store)
    yield from work.fill()
    while work.chunks:
        future = work.next()
        chunk = work.chunks.pop(future)
        error = future.exception() if future.status == "error" else None
        if future.status == "finished":
            try:
                found = future.result(timeout=FETCH)
            except TimeoutError:  # its worker has died since: another one computes it again, if there is one
                work.watch(future, chunk)
                continue
            yield chunk, found
        elif error is not None and not (isinstance(error, KilledWorker) or of_the_machine(error)):
            raise error
        elif not work.send(chunk):
            yield chunk, error or ConnectionError("the scheduler has lost it")
        future.release()
        yield from work.fill()
