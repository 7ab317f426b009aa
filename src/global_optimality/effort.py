"""How much a search may cost and when it may end: an argument of everything that can take long."""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from numbers import Real
from typing import final

from torch import Tensor

from .progress import Reporter
from .settings import instance, number, real, whole

TWICE = 1.0
"""Two interrupts from the keyboard within so many seconds end the program, not only the search."""


SPEED, SHARE = 2e9, 0.1
"""Multiplications a second that a core makes in products of matrices; and of the time left that one step may take."""

MEMORY = 2 * 2**30
"""Bytes that what is enumerated, and the arrays of a step, may take where the caller sets no limit: safe on 16 GB."""

LEAST = 2**20
"""Bytes that the arrays of a step may always take: in less a step is calls of PyTorch and hardly any numbers."""


@final
@dataclass(frozen=True)
class Effort:
    """Limits of a search; None leaves a limit to what is searched. Bounds hold wherever the search ends.

    ``nodes``: cones or boxes that a branch and bound may bound in one call. ``seconds`` of one call. ``tolerance``: the
    relative distance of the two bounds at which to stop. ``target``: an upper bound at most this number is low enough;
    in units of what is bounded. ``enough``: a value attained above this number is high enough; likewise. ``memory``:
    bytes that what is enumerated may take; cells are searched where it would be more.
    ``ValueError`` for limits that are negative or NaN.
    """

    nodes: int | None = None
    seconds: float | None = None
    tolerance: float | None = None
    target: float | None = None
    enough: float | None = None
    memory: float | None = None

    def __post_init__(self) -> None:
        if self.nodes is not None:
            whole("Effort: nodes", self.nodes)
        for name in ("seconds", "tolerance", "memory"):
            if getattr(self, name) is not None:
                number(f"Effort: {name}", getattr(self, name), positive=False)
        for name in ("target", "enough"):
            limit = getattr(self, name)
            if limit is not None and not isinstance(limit, Real):
                raise TypeError(f"Effort: {name} = {limit!r}: pass a number to be compared with both bounds.")
            if limit is not None and math.isnan(real(f"Effort: {name}", limit)):
                raise ValueError(f"Effort({name}=nan): pass a number to be compared with both bounds.")

    def otherwise(self, other: "Effort") -> "Effort":
        """These limits, and those of ``other`` where there is none."""
        missing = {name: limit for name, limit in vars(other).items() if vars(self)[name] is None}
        return replace(self, **missing)

    def met(self, lower: Tensor, upper: Tensor) -> bool:
        """Whether these bounds ``(n,)`` are close, low or high enough, so that nothing more is asked for."""
        close = upper <= lower * (1 + (self.tolerance or 0.0))
        low = upper <= (-math.inf if self.target is None else self.target)
        high = lower > (math.inf if self.enough is None else self.enough)
        return bool((close | low | high).all())

    def allows(self, size: float) -> bool:
        """Whether what takes ``size`` bytes may be enumerated."""
        return size <= self._held

    def fits(self, size: float, most: int) -> int:
        """How many of ``most`` things of ``size`` bytes each may be held at once."""
        return int(min(most, self._held // size))

    @property
    def _held(self) -> float:
        """Bytes: these, and no more than the calls around this one may take."""
        return room() if self.memory is None else min(self.memory, room())

    def scaled(self, unit: float) -> "Effort":
        """The same limits where what is bounded is ``unit`` times as large."""
        target, enough = (None if limit is None else limit * unit for limit in (self.target, self.enough))
        return replace(self, target=target, enough=enough)

    def started(self, task: str = "search") -> "Clock":
        """A clock of these limits that starts now; ``task`` is what progress calls the work."""
        return Clock(self, task)


def check_effort(effort: object) -> None:
    """``TypeError`` for what is neither None nor an ``Effort``."""
    if effort is not None:
        instance("effort", effort, Effort, f"pass Effort(seconds={effort!r}), or the limit that you mean.")


@final
@dataclass(eq=False)
class Clock:
    """A started ``Effort``, shared by all parts of one call: the seconds run down for all of them together."""

    effort: Effort
    task: str = "search"
    interrupted: bool = field(default=False, init=False)
    _began: float = field(default_factory=lambda: time.monotonic(), init=False)
    _progress: Reporter = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._progress = Reporter(self.task)

    @property
    def spent(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._began

    @property
    def left(self) -> float:
        """Seconds left, never negative: +∞ without a limit, 0 after an interrupt."""
        if self.interrupted:
            return 0.0
        return math.inf if self.effort.seconds is None else max(0.0, self.effort.seconds - self.spent)

    @property
    def over(self) -> bool:
        """Whether the time is up, that of a call around this one is, or the user has interrupted."""
        return self.left == 0 or any(clock.left == 0 for clock in _running.get() if clock is not self)

    @property
    def rest(self) -> Effort:
        """The limits that are left: the same, with the seconds that remain."""
        return replace(self.effort, seconds=None if math.isinf(self.left) else self.left)

    def part(self, share: float) -> "Clock":
        """A clock for this share of the seconds left; this one where they have no limit."""
        return self if math.isinf(self.left) else replace(self.effort, seconds=share * self.left).started(self.task)

    def suffices(self, began: float, done: int, parts: int) -> bool:
        """Whether time is left for all of so many equal parts: ``done`` of them took what passed since ``began``."""
        return (self.spent - began) * (parts - done) <= self.left * done

    def say(self, state: Callable[[], str]) -> None:
        """Show how far the work is, if it has taken some seconds (see ``progress``)."""
        self._progress.say(state)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Inside, ``over``, ``look`` and ``numbers`` know these limits, however deep what asks them is called."""
        token = _running.set((*_running.get(), self))
        try:
            yield
        finally:
            _running.reset(token)

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        """Inside, Ctrl-C ends the block and sets ``interrupted``, so that its user returns the best so far.

        So does ``look`` once this clock's time is up.

        It ends the time of all blocks around this one as well: a proof that is cut short ends the solver that asked.
        What the block assigns must be sound at any moment: one immutable state, replaced in one assignment. A second
        Ctrl-C within a second is raised.
        """
        global _last_interrupt
        token = _running.set((*_running.get(), self))
        try:
            yield
        except OutOfTimeError:
            if self.left > 0:
                raise  # the time of a clock around this one
        except KeyboardInterrupt:
            for clock in _running.get():
                clock.interrupted = True
            before, _last_interrupt = _last_interrupt, time.monotonic()
            if _last_interrupt - before < TWICE:
                raise
        finally:
            _running.reset(token)
            self._progress.end()


class OutOfTimeError(Exception):
    """Raised by ``look`` in the middle of a step too long for the time left; whoever has a result catches it."""


def over() -> bool:
    """Whether the time of a call around this one is up: asked wherever what was found so far is of use."""
    return any(clock.left == 0 for clock in _running.get())


def look() -> None:
    """End a long step whose parts are of no use: ``OutOfTimeError`` where the time of a call around this one is up."""
    if over():
        raise OutOfTimeError


def seconds_left() -> float:
    """Of the call around this one with the least; +∞ without a limit."""
    return min((clock.left for clock in _running.get()), default=math.inf)


def work() -> float:
    """Multiplications that one step may make: a SHARE of the time left, at SPEED; +∞ without a limit."""
    return SHARE * SPEED * seconds_left()


def room() -> float:
    """Bytes, at least LEAST, that the arrays of a step may take in the calls around this one; ``MEMORY`` where none is
    limited."""
    return max(LEAST, min((c.effort.memory for c in _running.get() if c.effort.memory is not None), default=MEMORY))


def beside(size: float) -> AbstractContextManager[None]:
    """Inside, the arrays of a step have the room that ``size`` bytes leave."""
    return Effort(memory=max(0.0, room() - size)).started().running()


def numbers(most: float, copies: int) -> int:
    """At most ``most``: how many numbers an array may hold while ``copies`` of its size exist; at least 1."""
    return int(max(1, min(most, room() / (8 * copies))))


_last_interrupt = -math.inf
_running: ContextVar[tuple[Clock, ...]] = ContextVar("running", default=())
