"""Newton's method in a trust region (Steihaug 1983), which leaves strict saddles along negative curvature."""

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from ..effort import look, over
from ..settings import whole
from ..streams import checked_seed, generator, normal
from ..symmetric import eigh
from .methods import Memory, Method
from .point import Objective, Point

CURVATURE = 1e-7
"""Curvature above −CURVATURE · f^{1−2/p} λ^{2/p} counts as not negative: √eps, the accuracy of a Ritz value here."""


@final
@dataclass(frozen=True)
class NewtonCG(Method):
    """Trust-region Newton with truncated conjugate gradients; at stationary points Lanczos looks for a way down."""

    inner_steps: int = 200
    lanczos_steps: int = 60
    seed: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        whole("inner_steps", self.inner_steps, 1)
        whole("lanczos_steps", self.lanczos_steps, 1)
        checked_seed(self.seed)

    def start(self, point: Point) -> Memory:
        return (0.1 * (1 + torch.linalg.vector_norm(point.x, dim=1)),)

    def step(self, f: Objective, point: Point, memory: Memory) -> tuple[Point, Memory, Tensor]:
        (radius,) = memory
        step, predicted = self._steihaug(f, point, radius)
        trial = f.at(point.x + step)
        floor = f.noise * point.value.abs()
        ratio = (point.value - trial.value + floor) / (predicted + floor)
        good = (ratio > 1e-4) & torch.isfinite(trial.gradient).all(1) & (trial.value <= point.value + floor)
        if self.interior:
            good &= ~f.rises_between(point, trial, self.interior)
        length = torch.linalg.vector_norm(step, dim=1)
        grown = torch.where((ratio > 0.75) & (length > 0.9 * radius), 2 * radius, radius)
        radius = torch.where(good & (ratio > 0.25), grown, 0.25 * torch.minimum(radius, length))
        alive = radius > 1e-15 * (1 + torch.linalg.vector_norm(point.x, dim=1))
        return trial.where(good, point), (radius,), alive

    def _steihaug(self, f: Objective, point: Point, radius: Tensor) -> tuple[Tensor, Tensor]:
        """An approximate minimiser of the quadratic model in the ball, and the decrease the model predicts."""
        g = point.gradient
        size = torch.linalg.vector_norm(g, dim=1)
        goal = torch.minimum(torch.full_like(size, 0.1), (size / (1 + size)).sqrt()) * size
        z, r, d = torch.zeros_like(g), g.clone(), -g
        Hz = torch.zeros_like(g)
        active = size > 0
        for _ in range(min(self.inner_steps, 2 * g.shape[1])):
            runs = active.nonzero()[:, 0]
            if over() or not len(runs):
                break
            zr, rr, dr = z[runs], r[runs], d[runs]
            Hd = f.curvature(point.x[runs], dr)
            bend = (dr * Hd).sum(1)
            rho = rr.square().sum(1)
            alpha = rho / bend
            ahead = zr + alpha[:, None] * dr
            leaves = (bend <= 0) | (torch.linalg.vector_norm(ahead, dim=1) >= radius[runs])
            tau = torch.where(leaves, _to_boundary(zr, dr, radius[runs]), alpha)
            z[runs] = zr + tau[:, None] * dr
            Hz[runs] = Hz[runs] + tau[:, None] * Hd
            new_r = rr + tau[:, None] * Hd
            r[runs] = new_r
            d[runs] = -new_r + (new_r.square().sum(1) / rho)[:, None] * dr
            active[runs] = ~leaves & (torch.linalg.vector_norm(new_r, dim=1) > goal[runs])
        return z, -(g * z).sum(1) - 0.5 * (z * Hz).sum(1)

    def leave(self, f: Objective, point: Point) -> tuple[Point, Tensor] | None:
        ritz, v = self._lowest_curvature(f, point.x)
        p = f.problem.regularizer.degree
        scale = point.value.clamp(min=0) ** (1 - 2 / p) * f.problem.lam ** (2 / p)
        negative = ritz < -CURVATURE * scale
        v = torch.where((v * point.gradient).sum(1, keepdim=True) > 0, -v, v)
        best, left = point, torch.zeros_like(negative)
        length = 0.5 * (1 + torch.linalg.vector_norm(point.x, dim=1))
        for _ in range(40):
            if over() or not (negative & ~left).any():
                break
            trial = f.at(point.x + length[:, None] * v)
            lower = trial.value < point.value + 0.1 * ritz * length.square() - f.noise * point.value.abs()
            if self.interior:
                lower &= ~f.rises_between(point, trial, self.interior)
            new = negative & ~left & lower
            best, left = trial.where(new, best), left | new
            length = torch.where(left, length, length / 2)
        return best, left

    def _lowest_curvature(self, f: Objective, x: Tensor) -> tuple[Tensor, Tensor]:
        """Smallest Ritz value ``(n,)`` and vector of ∇²f after Lanczos with full reorthogonalisation."""
        n, m = x.shape
        k = min(self.lanczos_steps, m)
        start = normal(generator(self.seed, "lanczos", m), m, like=x)
        basis = [(start / start.norm()).expand(n, m)]
        images = []
        for _ in range(k):
            look()
            image = f.curvature(x, basis[-1].contiguous())
            images.append(image)
            Q = torch.stack(basis, 2)
            residual = image
            for _ in range(2):
                residual = residual - (Q @ (Q.mT @ residual[:, :, None]))[:, :, 0]
            length = residual.norm(dim=1, keepdim=True)
            size = image.norm(dim=1, keepdim=True)
            if len(basis) == k or bool((length <= 1e-12 * size).all()):
                break
            basis.append(torch.where(length > 1e-12 * size, residual / length, torch.zeros_like(residual)))
        Q = torch.stack(basis[: len(images)], 2)
        T = Q.mT @ torch.stack(images, 2)
        # zero vectors in the basis would read as curvature zero: that is harmless, only negative values matter
        values, vectors = eigh((T + T.mT) / 2)
        v = (Q @ vectors[:, :, :1])[:, :, 0]
        return values[:, 0], v / v.norm(dim=1, keepdim=True).clamp(min=1e-300)


def _to_boundary(z: Tensor, d: Tensor, radius: Tensor) -> Tensor:
    """The τ ≥ 0 with ‖z + τd‖ = radius."""
    a, b, c = d.square().sum(1), (z * d).sum(1), z.square().sum(1) - radius.square()
    return (-c) / (b + (b.square() - a * c).clamp(min=0).sqrt()).clamp(min=1e-300)
