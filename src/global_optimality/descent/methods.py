"""A descent method is a value: how to start its memory, and how to make one step of all runs."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import final

import torch
from torch import Tensor

from .line_search import weak_wolfe
from .point import Objective, Point

Memory = tuple[Tensor, ...]
"""What a method remembers of every run, each tensor with the run axis first."""


DECREASE = 0.25
"""Share of the predicted decrease that a gradient step must reach: on a quadratic, steps up to 1.5 over the curvature."""


@dataclass(frozen=True)
class Method(ABC):
    """One local descent method. ``interior`` > 0 makes f non-increasing also at that many points inside each step."""

    interior: int = field(default=0, kw_only=True)

    def __post_init__(self) -> None:
        if self.interior < 0:
            raise ValueError(f"interior = {self.interior} points inside a step: it must not be negative.")

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
        if not self.first_step > 0 or self.halvings < 1:
            raise ValueError(
                f"first_step = {self.first_step} must be positive and halvings = {self.halvings} at least 1."
            )

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


@final
@dataclass(frozen=True)
class LBFGS(Method):
    """Limited-memory BFGS with a weak Wolfe line search (Nocedal and Wright 2006, algorithm 7.5)."""

    memory: int = 10

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.memory < 1:
            raise ValueError(f"memory = {self.memory} pairs: it must be at least 1.")

    def start(self, point: Point) -> Memory:
        n, m = point.x.shape
        empty = point.x.new_zeros(n, self.memory, m)
        return empty, empty.clone(), point.x.new_zeros(n, self.memory), point.x.new_zeros(n)

    def step(self, f: Objective, point: Point, memory: Memory) -> tuple[Point, Memory, Tensor]:
        S, Y, rho, gamma = memory
        direction = -self._times_inverse(point.gradient, S, Y, rho, gamma)
        downhill = (direction * point.gradient).sum(1) < 0
        direction = torch.where(downhill[:, None], direction, -point.gradient)
        size = point.gradient.norm(dim=1).clamp(min=1e-300)
        fresh = (gamma == 0) | ~downhill
        first = torch.where(fresh, (1 + point.x.norm(dim=1)) / (10 * size), torch.ones_like(size))
        new, moved = weak_wolfe(f, point, direction, first, self.interior)
        s, y = new.x - point.x, new.gradient - point.gradient
        sy = (s * y).sum(1)
        curved = sy > 1e-12 * s.norm(dim=1) * y.norm(dim=1)
        keep = curved[:, None, None]
        S = torch.where(keep, torch.cat([S[:, 1:], s[:, None]], 1), S)
        Y = torch.where(keep, torch.cat([Y[:, 1:], y[:, None]], 1), Y)
        rho = torch.where(curved[:, None], torch.cat([rho[:, 1:], (1 / sy)[:, None]], 1), rho)
        gamma = torch.where(curved, sy / y.square().sum(1), gamma)
        # a run whose line search failed along the quasi-Newton direction forgets it and tries the gradient once
        retry = ~moved & ~fresh
        forget = retry[:, None]
        rho, gamma = torch.where(forget, torch.zeros_like(rho), rho), torch.where(retry, torch.zeros_like(gamma), gamma)
        return new, (S, Y, rho, gamma), moved | retry

    def _times_inverse(self, g: Tensor, S: Tensor, Y: Tensor, rho: Tensor, gamma: Tensor) -> Tensor:
        """The two-loop recursion; empty slots have ρ = 0 and change nothing."""
        q, alphas = g, []
        for j in reversed(range(self.memory)):
            alpha = rho[:, j] * (S[:, j] * q).sum(1)
            q = q - alpha[:, None] * Y[:, j]
            alphas.append(alpha)
        q = torch.where(gamma > 0, gamma, torch.ones_like(gamma))[:, None] * q
        for j, alpha in zip(range(self.memory), reversed(alphas), strict=True):
            beta = rho[:, j] * (Y[:, j] * q).sum(1)
            q = q + (alpha - beta)[:, None] * S[:, j]
        return q
