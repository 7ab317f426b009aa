"""The time and the memory of one solve: what is kept for the last proof, and what descents may take."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from ..effort import Clock, Effort
from ..factors import Factors
from ..problem import Problem

KEPT, UNKNOWN = 0.5, 0.25
"""At most KEPT of all the time is kept for the last proof, where proofs cannot be cut short; until one was made,
UNKNOWN of it."""

PROOF = 1.5
"""So many times as long as an ascent of the polar does the first proof take, where it cannot be cut short."""

LAST, SCALINGS = 10, 2
"""Evaluations of f, and searches for the best scale of a dual point, between the end of a descent's time and that of
the solve; each lasts as long as the longest of its kind."""

HELD, FLOOR = 9, 2**26
"""Arrays of the outputs that exist at a time, whatever is done; a limit below FLOOR bytes only bounds the steps."""


@dataclass(eq=False)
class Budget:
    """What is known of the seconds that a solve's parts take: of a proof, and the most of the other kinds."""

    clock: Clock
    proof: float = 0.0
    longest: dict[str, float] = field(default_factory=lambda: {"evaluation": 0.0, "scaling": 0.0, "ascent": 0.0})

    def spare(self) -> float:
        """Seconds until the last proof has to begin."""
        limit = self.clock.effort.seconds
        if math.isinf(self.clock.left) or limit is None:
            return self.clock.left
        kept = min(self.proof or max(UNKNOWN * limit, PROOF * self.longest["ascent"]), KEPT * limit)
        return max(0.0, self.clock.left - kept - self.around())

    def around(self) -> float:
        """Seconds of what a certificate needs beside its polar."""
        return LAST * self.longest["evaluation"] + SCALINGS * self.longest["scaling"]

    def late(self) -> bool:
        return self.spare() == 0

    def hurried(self) -> bool:
        """Whether the time that is left is for the last dual point alone."""
        return self.clock.left < SCALINGS * self.longest["scaling"]

    def in_time(self, find: Callable[..., Factors], *arguments: object, share: float = 1.0) -> Factors | None:
        """``find(*arguments)``; None if it needs more than a share of the time that no last proof needs."""
        spare = share * self.spare()
        with Effort(seconds=None if math.isinf(spare) else spare).started("solve").interruptible():
            return find(*arguments)
        return None

    @contextmanager
    def measuring(self, kind: str) -> Iterator[None]:
        """The block is one of that kind."""
        began = self.clock.spent
        yield
        self.longest[kind] = max(self.longest[kind], self.clock.spent - began)


def check_memory(problem: Problem, limit: float) -> None:
    """``ValueError`` where not even f and a certificate fit into ``limit`` bytes."""
    least = 8 * HELD * problem.card
    if least > max(limit, FLOOR):
        raise ValueError(
            f"memory_limit = {limit:g}: f and its certificate alone take about {least:.2g} bytes, {HELD} arrays of the "
            "outputs: pass at least so many, or fewer samples."
        )
