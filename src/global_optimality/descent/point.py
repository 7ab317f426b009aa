"""The objective as a function of flat weights, and what descent knows at one point of each run."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from ..factors import Factors, flatten, unflatten
from ..problem import Problem

NOISE = 16 * torch.finfo(torch.float64).eps
"""Relative size below which a change of f is rounding: f is a sum of non-negative terms, added pairwise."""


class Point(NamedTuple):
    """Flat weights ``(n, m)``, objective ``(n,)`` and gradient ``(n, m)``."""

    x: Tensor
    value: Tensor
    gradient: Tensor

    def where(self, mask: Tensor, other: "Point") -> "Point":
        """This point for the runs in mask, the other point for the rest."""
        return Point(
            *(torch.where(mask.reshape(-1, *[1] * (a.dim() - 1)), a, b) for a, b in zip(self, other, strict=True))
        )

    def take(self, runs: Tensor) -> "Point":
        return Point(*(a[runs] for a in self))


class Objective:
    """f_r of flat weights; every method takes any number of runs, so finished runs can be left out."""

    def __init__(self, problem: Problem, like: Factors) -> None:
        problem.check(like)
        self.problem, self._like = problem, tuple(w[:1] for w in like)
        self.noise = max(NOISE, 16 * torch.finfo(like[0].dtype).eps)

    def weights(self, x: Tensor) -> Factors:
        return unflatten(x, self._like)

    def at(self, x: Tensor) -> Point:
        value, gradient = self.problem.gradient(*self.weights(x))
        return Point(x, value, flatten(gradient))

    def value(self, x: Tensor) -> Tensor:
        with torch.no_grad():
            return self.problem(*self.weights(x))

    def curvature(self, x: Tensor, v: Tensor) -> Tensor:
        """∇²f(x) v."""
        return flatten(self.problem.hessian_product(self.weights(x), self.weights(v)))

    def project(self, x: Tensor) -> Tensor:
        return flatten(self.problem.regularizer.project(*self.weights(x)))

    def stationarity(self, point: Point) -> Tensor:
        """‖∇f‖, or ‖W − proj(W − ∇f)‖ under a cone, ``(n,)``: zero exactly at stationary points."""
        if self.problem.regularizer.constrained:
            return torch.linalg.vector_norm(point.x - self.project(point.x - point.gradient), dim=1)
        return torch.linalg.vector_norm(point.gradient, dim=1)

    def rises_between(self, start: Point, end: Point, interior: int) -> Tensor:
        """Whether f rises somewhere on the segment from start to end, looked at in ``interior`` points, ``(n,)``."""
        lowest, rises = start.value, torch.zeros_like(start.value, dtype=torch.bool)
        for j in range(1, interior + 2):
            inside = start.x + (j / (interior + 1)) * (end.x - start.x)
            value = self.value(inside) if j <= interior else end.value
            rises |= value > lowest + self.noise * lowest.abs()
            lowest = torch.minimum(lowest, value)
        return rises


def largest_rise(objective: Tensor) -> float:
    """The largest increase of f ``(T,)`` over any earlier point of a path, relative to f there; 0 if it never rises."""
    lowest = torch.cummin(objective, 0).values
    return float(((objective - lowest) / lowest.abs().clamp(min=torch.finfo(lowest.dtype).tiny)).max())


Observer = Callable[[Factors, Tensor], object]
"""Called with the weights and objectives ``(n,)`` after every step; all runs still active are passed."""
