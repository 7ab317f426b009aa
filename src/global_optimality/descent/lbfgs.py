"""Limited-memory BFGS, all runs at once: what it knows of its pairs is their inner products."""

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from ..settings import fits, whole
from .line_search import weak_wolfe
from .methods import Memory, Method
from .point import Objective, Point


@final
@dataclass(frozen=True)
class LBFGS(Method):
    """Limited-memory BFGS with a weak Wolfe line search (Nocedal and Wright 2006, algorithms 7.4 and 7.5)."""

    memory: int = 5

    def __post_init__(self) -> None:
        super().__post_init__()
        whole("memory", self.memory, 1)

    def start(self, point: Point) -> Memory:
        """Pairs (s; y) in a ring ``(n, 2m, D)``, their products, those with ∇f, which hold, the scale γ, the count."""
        (n, D), m = point.x.shape, self.memory
        fits(f"LBFGS: {m} pairs", n * 2 * m * (D + 2 * m), "take a smaller memory.")
        shapes = (2 * m, D), (2 * m, 2 * m), (2 * m,), (m,), (), ()
        pairs, products, slopes, inverse, gamma, count = (point.x.new_zeros(n, *shape) for shape in shapes)
        return pairs, products, slopes, inverse, gamma, count

    def step(self, f: Objective, point: Point, memory: Memory) -> tuple[Point, Memory, Tensor]:
        pairs, products, slopes, inverse, gamma, count = memory
        m, slot = self.memory, int(count[0]) % self.memory  # all runs write the same slot of their ring in one step
        known = gamma > 0
        scale = torch.where(known, gamma, 1.0)
        weights = self._coefficients(products, slopes, inverse, scale, slot)
        direction = torch.addcmul((weights[:, None] @ pairs)[:, 0], scale[:, None], point.gradient).neg_()
        downhill = torch.linalg.vecdot(direction, point.gradient) < 0
        if not bool(downhill.all()):
            direction = torch.where(downhill[:, None], direction, -point.gradient)
        fresh = ~known | ~downhill
        first = torch.ones_like(gamma)
        if bool(fresh.any()):
            size = point.gradient.norm(dim=1).clamp(min=torch.finfo(point.x.dtype).tiny)
            first = torch.where(fresh, (1 + point.x.norm(dim=1)) / (10 * size), first)
        new, moved = weak_wolfe(f, point, direction, first, self.interior)
        pairs[:, slot], pairs[:, m + slot] = new.x - point.x, new.gradient - point.gradient
        latest = torch.stack([pairs[:, slot], pairs[:, m + slot], new.gradient], 1) @ pairs.mT
        products[:, slot], products[:, m + slot] = latest[:, 0], latest[:, 1]
        products[:, :, slot], products[:, :, m + slot] = latest[:, 0], latest[:, 1]
        ss, sy, yy = latest[:, 0, slot], latest[:, 0, m + slot], latest[:, 1, m + slot]
        curved = sy > 1e-12 * (ss * yy).sqrt()
        inverse[:, slot] = torch.where(curved, 1 / sy, 0.0)
        gamma = torch.where(curved, sy / yy, gamma)
        # a run whose line search failed along the quasi-Newton direction forgets it and tries the gradient once
        retry = ~moved & ~fresh
        inverse = torch.where(retry[:, None], 0.0, inverse)
        gamma = torch.where(retry, 0.0, gamma)
        return new, (pairs, products, latest[:, 2], inverse, gamma, count + 1), moved | retry

    def _coefficients(self, products, slopes, inverse, gamma, slot) -> Tensor:
        """c ``(n, 2m)`` with H∇f = γ∇f + Σ c_j pair_j: the two-loop recursion on inner products alone.

        The newest pair comes first; ``slot`` holds the oldest; pairs with 1/sᵀy = 0 change nothing.
        """
        m = self.memory
        oldest_first = [(slot + j) % m for j in range(m)]
        sy, yy = products[:, :m, m:], products[:, m:, m:]
        by_s, by_y = torch.zeros_like(inverse), torch.zeros_like(inverse)  # coefficients of s and of −y
        for j in reversed(oldest_first):
            by_y[:, j] = inverse[:, j] * (slopes[:, j] - (by_y * sy[:, j]).sum(1))
        across = gamma[:, None] * (slopes[:, m:] - (yy @ by_y[:, :, None])[:, :, 0])
        for j in oldest_first:
            by_s[:, j] = by_y[:, j] - inverse[:, j] * (across[:, j] + (by_s * sy[:, :, j]).sum(1))
        return torch.cat([by_s, -gamma[:, None] * by_y], 1)
