"""A descent method is a value: how to start its memory, and how to make one step of all runs."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import final

import torch
from torch import Tensor

from ..effort import over
from ..settings import number, whole
from .point import Objective, Point

Stop = Callable[[], bool]
"""Asked before every step: whether the time is up."""


def never() -> bool:
    """No limit of time."""
    return False


Memory = tuple[Tensor, ...]
"""What a method remembers of every run, each tensor with the run axis first."""


MOST_POINTS = 10_000
"""Points that may be looked at inside of a step: each costs an evaluation of f, and no limit of time comes between."""

DECREASE = 0.25
"""Share of the predicted decrease that a gradient step must reach: on a quadratic, steps up to 1.5/curvature."""


@dataclass(frozen=True)
class Method(ABC):
    """One local descent method. ``interior`` > 0 makes f non-increasing also at that many points inside each step."""

    interior: int = field(default=0, kw_only=True)

    def __post_init__(self) -> None:
        whole("interior", self.interior, most=MOST_POINTS)

    @property
    def handles_cones(self) -> bool:
        """Whether the steps respect a regularizer that is +∞ somewhere."""
        return False

    @abstractmethod
    def start(self, point: Point) -> Memory:
        """The memory before the first step."""

    @abstractmethod
    def step(self, f: Objective, point: Point, memory: Memory) -> tuple[Point, Memory, Tensor]:
        """One step of every run: the new point, the new memory, and which runs moved ``(n,)``."""

    def leave(self, f: Objective, point: Point) -> tuple[Point, Tensor] | None:
        """From a stationary point, a lower point along negative curvature and which runs found it, or None."""
        return None


@final
@dataclass(frozen=True)
class GradientDescent(Method):
    """Projected gradient descent with the step doubled or halved until f decreases enough (Armijo).

    Where the change of f is below rounding, the slopes decide, as in ``weak_wolfe``.
    """

    first_step: float = 1.0
    halvings: int = 60

    def __post_init__(self) -> None:
        super().__post_init__()
        number("first_step", self.first_step, finite=True)
        whole("halvings", self.halvings, 1)

    @property
    def handles_cones(self) -> bool:
        return True

    def start(self, point: Point) -> Memory:
        return (torch.full_like(point.value, self.first_step),)

    def step(self, f: Objective, point: Point, memory: Memory) -> tuple[Point, Memory, Tensor]:
        (length,) = memory
        length = 2 * length
        best, moved = point, torch.zeros_like(point.value, dtype=torch.bool)
        for _ in range(self.halvings):
            if over():
                break
            trial = f.at(f.project(point.x - length[:, None] * point.gradient))
            change = (point.gradient * (trial.x - point.x)).sum(1)
            new_change = (trial.gradient * (trial.x - point.x)).sum(1)
            floor = f.noise * point.value.abs()
            decreases = (trial.value <= point.value + DECREASE * change) & (-change > floor)
            decreases |= (trial.value <= point.value + floor) & (new_change <= (2 * DECREASE - 1) * change)
            decreases &= (change < 0) & torch.isfinite(trial.gradient).all(1)
            if self.interior:
                decreases &= ~f.rises_between(point, trial, self.interior)
            new = decreases & ~moved
            best, moved = trial.where(new, best), moved | new
            if moved.all():
                break
            length = torch.where(moved, length, length / 2)
        return best, (length,), moved
