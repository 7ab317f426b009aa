"""The polar of rank-one tensors, their spectral norm max Q(w¹, …, wᴷ) over unit vectors: hard, so enclosed."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ..effort import Clock, Effort, numbers, over
from ..factors import Factors
from ..mappings import RankOneTensor
from ..regularizers import SumOfPowers
from .ascent import Climbing, ascend
from .best_first import begin, refine
from .bound import Oracle, PolarBound
from .fans import Points, Relaxation, in_pieces, normalised, orthants, ratio, supports
from .partial_transpose import bytes_needed, partial_transpose_bound
from .relu_cones import COPIES, ROUNDS, WORK
from .spectral import decompose, power_of_two

EFFORT = Effort(nodes=20_000, tolerance=1e-7)
"""Of one Q, unless told otherwise."""

ALTERNATIONS = 50
"""Rounds of alternating ascent from the end of the gradient ascent, which may creep."""

LARGEST = 6
"""All axes but the two longest are searched, if they have together at most so many entries."""


def tensor_polar(mapping: RankOneTensor, effort: Effort = EFFORT) -> Oracle:
    """Below: gradient ascent from many starts, the best end alternated. Above: the least spectral norm of an unfolding
    of one axis against the others, then partial transposition, which is cheapest with the longest axis summed and
    tries others where that was not tight, then branch and bound over unit vectors (as ``deep_relu_polar``) where all
    axes but two are short.
    """
    order = sorted(range(mapping.degree), key=lambda k: mapping.shape[k])

    def polar(Q: Tensor, effort: Effort, clock: Clock) -> PolarBound:
        lower, atom = _alternated(mapping, Q, *ascend(mapping, SumOfPowers(mapping.degree), Q))
        unfolded = [decompose(Q.movedim(k, 1).flatten(2))[3] for k in range(1, Q.dim())]
        upper = torch.stack(unfolded).amin(0)
        for axis in reversed(order):
            upper = _transposed(Q.movedim(axis + 1, 1), lower, upper, effort, clock)
        if sum(mapping.shape[k] for k in order[:-2]) <= LARGEST:
            for i in _open(lower, upper, effort).nonzero()[:, 0].tolist():
                cones = TensorCones(Q[i].permute(order))
                search = refine(begin([cones], lower[i : i + 1]), effort, clock)
                upper[i] = torch.minimum(upper[i], search.upper[0])
        return PolarBound(lower, torch.maximum(upper, lower), atom)

    return Climbing(mapping, polar, effort=effort.otherwise(EFFORT))


def _transposed(Q: Tensor, lower: Tensor, upper: Tensor, effort: Effort, clock: Clock) -> Tensor:
    """``upper`` lowered by partial transposition, Q's first axis summed, as far as memory allows."""
    upper, runs = upper.clone(), effort.fits(bytes_needed(tuple(Q.shape[1:])), len(Q))
    ajar = _open(lower, upper, effort).nonzero()[:, 0]
    for rows in ajar.split(runs) if runs and len(ajar) else ():
        found = partial_transpose_bound(Q[rows], _goal(lower[rows], effort), clock)
        upper[rows] = torch.minimum(upper[rows], found)
    return upper


def _alternated(mapping: RankOneTensor, Q: Tensor, value: Tensor, atom: Factors) -> tuple[Tensor, Factors]:
    """(⟨Q, φ(atom)⟩, atom) after ALTERNATIONS in which each factor in turn is the best one for the others."""
    W, unit = [w[:, 0] for w in atom], power_of_two(Q.flatten(2)).reshape(-1, *[1] * mapping.degree)
    for _ in range(ALTERNATIONS):
        if over():
            break
        for k, w in enumerate(W):
            others = torch.ones_like(value)[:, None]
            for j, v in enumerate(W):
                others = others if j == k else (others[:, :, None] * v[:, None]).flatten(1)
            best = ((Q / unit).movedim(k + 1, 1).flatten(2) @ others[:, :, None])[:, :, 0]
            size = best.norm(dim=1, keepdim=True)
            W[k] = torch.where(size > 0, best / torch.where(size > 0, size, torch.ones_like(size)), w)
    polished = tuple(w[:, None] for w in W)
    attained = mapping.inner(Q, *polished)[:, 0]
    better = attained > value
    kept = tuple(torch.where(better[:, None, None], a, b) for a, b in zip(polished, atom, strict=True))
    return torch.where(better, attained, value), kept


def _goal(lower: Tensor, effort: Effort) -> Tensor:
    """Upper bounds at most this number are low enough."""
    goal = lower * (1 + (effort.tolerance or 0.0))
    return goal if effort.target is None else goal.clamp(min=effort.target)


def _open(lower: Tensor, upper: Tensor, effort: Effort) -> Tensor:
    """Where neither bound is good enough yet."""
    ajar = upper > _goal(lower, effort)
    return ajar if effort.enough is None else ajar & (lower <= effort.enough)


@dataclass(frozen=True, eq=False)
class TensorCones(Relaxation):
    """F(u¹, …, u^{K−2}) = σ₁ of the matrix Q(u¹, …, u^{K−2}, ·, ·), Q ``(d₁, …, d_K)``; a block for each u.

    A norm of something linear in each u is convex in it, so on cones it lies below its interpolant. F(−u) = F(u).
    """

    Q: Tensor

    @property
    def blocks(self) -> tuple[tuple[int, int], ...]:
        return tuple((1, d) for d in self.Q.shape[:-2])

    @property
    def scale(self) -> float:
        """‖Q‖_F."""
        return float(torch.linalg.vector_norm(self.Q))

    @property
    def eps(self) -> float:
        return torch.finfo(self.Q.dtype).eps

    @property
    def evaluation(self) -> int:
        """Each contraction sums d_k products; the spectral norm that remains is proved by ``decompose``."""
        return sum(d + 2 for d in self.Q.shape[:-2]) + 2

    def orthants(self) -> Points:
        blocks = [orthants(1, d, [], self.Q) for d in self.Q.shape[:-2]]
        blocks = [normalised(b[: len(b) // 2]) for b in blocks]
        grid = torch.cartesian_prod(*(torch.arange(len(b), device=self.Q.device) for b in blocks))
        return tuple(b[i] for b, i in zip(blocks, grid.reshape(-1, len(blocks)).T, strict=True))

    def value(self, points: Points) -> Tensor:
        points = tuple(u[:, None] for u in points)
        return in_pieces(lambda p: self._norms(p)[:, 0], self._pieces(points), -torch.inf)

    def bounds(self, cones: Points) -> Tensor:
        return in_pieces(self._bounds, self._pieces(cones), torch.inf)

    def _pieces(self, cones: Points) -> list[Points]:
        combinations = math.prod(v.shape[1] for v in cones)
        size = max(1, numbers(WORK, COPIES) // max(self.Q.numel(), combinations * math.prod(self.Q.shape[-2:])))
        return list(zip(*(v.split(size) for v in cones), strict=True))

    def _bounds(self, cones: Points) -> Tensor:
        norms = self._norms(cones)
        guesses = [v.new_full(v.shape[:2], 1 / v.shape[1]) for v in cones]
        best = norms.new_full((len(norms),), torch.inf)
        for step in range(ROUNDS):
            eta = norms.new_ones(len(norms), 1)
            for v, t in zip(cones, guesses, strict=True):
                eta = (eta[:, :, None] * supports(v, t)[:, None]).flatten(1)
            worst, where = ratio(norms, eta).max(1)
            best = torch.minimum(best, worst)
            for b in reversed(range(len(cones))):
                count = cones[b].shape[1]
                vertex = torch.nn.functional.one_hot(where % count, count).to(norms)
                guesses[b] = guesses[b] + (vertex - guesses[b]) / (step + 2)
                where = where // count
        return best

    def _norms(self, vertices: Points) -> Tensor:
        """F at every combination of vertices ``(B, D, 1, d)`` of the blocks, ``(B, D_1 · …)``."""
        T = self.Q.flatten(1)[None, None]
        for v, d in zip(vertices, (*self.Q.shape[1:-2], None), strict=True):
            T = (v[:, None, :, 0] @ T).flatten(1, 2)
            T = T if d is None else T.reshape(*T.shape[:2], d, -1)
        return decompose(T.reshape(-1, *self.Q.shape[-2:]))[3].reshape(T.shape[:2])
