"""A lower bound of any polar: gradient ascent on ⟨Q, φ(w)⟩ / θ(w) from many starts in one batch."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from typing import final

import torch
from torch import Tensor

from ..effort import Clock, Effort, numbers, over
from ..factors import Factors, ordinary, scale, slice_norms
from ..mappings import Mapping
from ..regularizers import Regularizer, SumOfPowers
from ..streams import generator, normal
from .bound import PolarBound, Searching

COPIES = 8
"""Arrays of what φ makes on the way, and of its gradient, that exist at a time."""

Enclosure = Callable[[Tensor, Effort, Clock], PolarBound]
"""Q ``(n, *D)``, limits and the clock of the call → bounds of Ω°(Q)."""


@final
@dataclass(frozen=True, eq=False)
class Climbing(Searching):
    """Any enclosure of a polar with Euclidean norms as an oracle for solvers: its atoms are the ends of an ascent."""

    mapping: Mapping
    enclosure: Enclosure
    starts: int = 64
    steps: int = 100

    def __call__(self, Q: Tensor) -> PolarBound:
        return self.enclosure(Q, self.effort, self.started())

    def atoms(self, Q: Tensor, count: int, above: float) -> Factors:
        none = tuple(Q.new_zeros(1, 0, *shape) for shape in self.mapping.factor_shapes)
        return self.ascend(Q, none, count, above)

    def ascend(self, Q: Tensor, W: Factors, count: int, above: float) -> Factors:
        regularizer = SumOfPowers(self.mapping.degree)
        value, ends = climb(self.mapping, regularizer, Q, starts=self.starts, steps=self.steps, first=W)
        order = value[0].argsort(descending=True)[:count]
        good = order[(value[0, order] > above) | (order == order[0])]
        return _normalised(self.mapping, regularizer, tuple(w[:, good] for w in ends), value[:, good])


def ascend(
    mapping: Mapping,
    regularizer: Regularizer,
    Q: Tensor,
    *,
    starts: int = 256,
    steps: int = 300,
    seed: int = 0,
    first: Factors | None = None,
) -> tuple[Tensor, Factors]:
    """(⟨Q, φ(atom)⟩ ``(n,)``, atom with θ(atom) = 1): the best end of ``climb``.

    Where nothing positive is found, the value is 0 and so is the atom.
    """
    value, W = climb(mapping, regularizer, Q, starts=starts, steps=steps, seed=seed, first=first)
    best = value.argmax(1)
    atom = tuple(w[torch.arange(len(Q), device=Q.device), best][:, None] for w in W)
    atom = _normalised(mapping, regularizer, atom, value.amax(1, keepdim=True))
    return mapping.inner(Q, *atom)[:, 0], atom


def climb(
    mapping: Mapping,
    regularizer: Regularizer,
    Q: Tensor,
    *,
    starts: int,
    steps: int,
    seed: int = 0,
    first: Factors | None = None,
) -> tuple[Tensor, Factors]:
    """⟨Q, φ⟩ / θ ``(n, m)`` at the ends of m ascents, and these subnetworks, climbed in one batch.

    m = ``starts`` random ones and those of ``first`` ``(n, r, *D_k)``, as many at a time as memory allows. When the
    time is up, they end where they are.
    """
    W = tuple(
        normal(generator(seed, "ascent", k, starts), len(Q), starts, *shape, like=Q)
        for k, shape in enumerate(mapping.factor_shapes)
    )
    if first is not None:
        W = tuple(torch.cat([a, b], 1) for a, b in zip(first, W, strict=True))
    W = _unit(regularizer.project(*W))
    most = max(1, numbers(torch.inf, COPIES) // (len(Q) * _numbers(mapping)))
    parts = zip(*(w.split(most, 1) for w in W), strict=True)
    found: list[tuple[Tensor, Factors]] = []
    for part in parts:
        if found and over():
            break
        found.append(_climbed(mapping, regularizer, Q, part, steps))
    ends = zip(*(end for _, end in found), strict=True)
    return torch.cat([value for value, _ in found], 1), tuple(torch.cat(w, 1) for w in ends)


def _numbers(mapping: Mapping) -> int:
    """About as many as φ of one subnetwork makes on the way."""
    data = 0 if mapping.data is None else mapping.data.numel()
    hidden = mapping.shape[0] * sum(shape[-1] for shape in mapping.factor_shapes[:-1])
    return math.prod(mapping.shape) + max(data, hidden)


@torch.no_grad()
def _climbed(mapping: Mapping, regularizer: Regularizer, Q: Tensor, W: Factors, steps: int) -> tuple[Tensor, Factors]:
    """``climb`` from W; each keeps a step length of its own, lengthened after a success and halved after a failure."""
    value, gradient = _climb(mapping, regularizer, Q, W)
    length = torch.full_like(value, 0.3)
    for left in range(steps, 0, -1):
        size = slice_norms(gradient)
        if not _rising(value, length * size, left) or over():
            break
        step = torch.where(size > 0, length / size.clamp(min=1e-300), torch.zeros_like(size))
        trial = _unit(regularizer.project(*(w + s for w, s in zip(W, scale(gradient, step), strict=True))))
        new, slope = _climb(mapping, regularizer, Q, trial)
        better = new > value
        W = _where(better, trial, W)
        gradient = _where(better, slope, gradient)
        value = torch.where(better, new, value)
        length = torch.where(better, 1.5 * length, 0.5 * length)
    return value, W


def _rising(value: Tensor, gain: Tensor, left: int) -> bool:
    """Whether one of the ascents gains more than a rounding, and with as much in each step left is a best one."""
    best = value.amax(1, keepdim=True)
    return bool(((gain > torch.finfo(value.dtype).eps * value.abs()) & (value + left * gain >= best)).any())


def _normalised(mapping: Mapping, regularizer: Regularizer, W: Factors, value: Tensor) -> Factors:
    """Subnetworks scaled to θ = 1; 0 where the value ``(n, m)`` is not positive."""
    theta = regularizer.theta(*W)
    found = (value > 0) & (theta > 0)
    return mapping.scaled(W, found / torch.where(found, theta, torch.ones_like(theta)))


def _climb(mapping: Mapping, regularizer: Regularizer, Q: Tensor, W: Factors) -> tuple[Tensor, Factors]:
    """⟨Q, φ⟩ / θ ``(n, r)`` and its gradient; −∞ where θ is 0 or infinite."""
    value, gradient, fine = _closed_form(mapping, regularizer, Q, W) or _by_autograd(mapping, regularizer, Q, W)
    value = torch.where(fine & torch.isfinite(value), value, -torch.inf)
    return value, tuple(torch.nan_to_num(g) for g in gradient)


def _closed_form(
    mapping: Mapping, regularizer: Regularizer, Q: Tensor, W: Factors
) -> tuple[Tensor, Factors, Tensor] | None:
    """⟨Q, φ⟩ / θ, its gradient and where there is one, if φ and θ have theirs; ⟨Q, φ⟩ by Euler's theorem."""
    slopes, pulled = regularizer.gradient(*W), mapping.pullback(*W)
    if slopes is None or pulled is None:
        return None
    theta = regularizer.theta(*W)
    fine = (theta > 0) & torch.isfinite(theta)
    safe = torch.where(fine, theta, torch.ones_like(theta))
    G = pulled[1](Q)
    along = [(g * w).flatten(2).sum(2) * (k / mapping.degree) for k, g, w in zip(mapping.exponents, G, W, strict=True)]
    value = reduce(torch.add, along) / safe
    ratio = tuple(g - s for g, s in zip(G, scale(slopes, value), strict=True))
    return value, scale(ratio, fine / safe), fine


def _by_autograd(mapping: Mapping, regularizer: Regularizer, Q: Tensor, W: Factors) -> tuple[Tensor, Factors, Tensor]:
    with torch.inference_mode(False), torch.enable_grad():
        Q, leaves = ordinary(Q), tuple(ordinary(w).detach().requires_grad_() for w in W)
        theta = regularizer.theta(*leaves)
        fine = (theta > 0) & torch.isfinite(theta)
        value = mapping.inner(Q, *leaves) / torch.where(fine, theta, torch.ones_like(theta))
        gradient = torch.autograd.grad(torch.where(fine, value, torch.zeros_like(value)).sum(), leaves)
    return value.detach(), gradient, fine


def _unit(W: Factors) -> Factors:
    """Every factor of every subnetwork scaled to length 1 (0 stays 0): balance is best for Euclidean regularizers."""
    sizes = [torch.linalg.vector_norm(w.flatten(2), dim=2) for w in W]
    return tuple(scale((w,), torch.where(s > 0, 1 / s, torch.zeros_like(s)))[0] for w, s in zip(W, sizes, strict=True))


def _where(mask: Tensor, a: Factors, b: Factors) -> Factors:
    return tuple(torch.where(mask.reshape(*mask.shape, *[1] * (x.dim() - 2)), x, y) for x, y in zip(a, b, strict=True))
