"""Upper bounds of ‖Qᵀ h(v)‖ over cones of weights, h a ReLU network: linear interpolants with free multipliers.

On a cone, v = Σ_k t_k V_k. A value p linear in t has relu(p) ≤ Σ_k t_k relu(p_k) (convexity) and relu(p) ≥ μp for every
multiplier μ in [slope, 1]. Both are linear in t again, so they pass through layers of either sign, and through products
with the weights of the next block, which are linear in their own t. Where p has one sign on the cone both are exact.
The multipliers are those of a guess of the maximiser (μ = 1 where p > 0 there), which is the dual solution at a kink.
"""

import itertools
import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ..effort import numbers, over
from ..mappings.chains import relu
from .fans import Points, Relaxation, in_pieces, normalised, orthants, ratio, supports

ROUNDS = 8
"""Guesses of the maximiser tried on each cone: the centre first, then towards the vertex that bounds worst."""

INSIDE = 0.25
"""An edge is cut where a preactivation vanishes, if within INSIDE of its middle (as shares), else in the middle: cones
then come to lie along kinks, where maxima sit, and the bound becomes exact after finitely many cuts.
"""

WORK, COPIES = 2**21, 16
"""Numbers in the largest intermediate array: cones are bounded in pieces of that size, which fit a cache; and how many
such arrays exist at a time."""


@dataclass(frozen=True, eq=False)
class ReluCones(Relaxation):
    """F = ‖Qᵀh‖ for h = relu(Σ_u σ_u relu(H z_u)), H the hidden layer of width ``widths[-1]`` of a network on S.

    Blocks: the weight matrices of the layers ``widths`` (Frobenius norm), then (z_1, …, z_m) with Σ‖z_u‖; ``signs`` is
    σ ``(m,)``. Without ``outer`` the last relu is left out: a single hidden layer, m = 1. Where two units of equal sign
    are active on the same samples throughout a cone, their sum does as well: it is left to the search of m − 1 units.
    """

    S: Tensor
    Q: Tensor
    widths: tuple[int, ...]
    signs: Tensor
    slope: float
    outer: bool

    @property
    def _inputs(self) -> tuple[int, ...]:
        return (self.S.shape[1], *self.widths)

    @property
    def blocks(self) -> tuple[tuple[int, int], ...]:
        layers = ((1, a * b) for a, b in itertools.pairwise(self._inputs))
        return (*layers, (len(self.signs), self._inputs[-1]))

    @property
    def scale(self) -> float:
        """Σ_i ‖q_i‖ ‖s_i‖: with layers of norm at most 1, |h_i| ≤ ‖s_i‖, and so are its interpolants."""
        return float((self.Q.norm(dim=1) * self.S.norm(dim=1)).sum())

    @property
    def eps(self) -> float:
        return torch.finfo(self.S.dtype).eps

    @property
    def evaluation(self) -> int:
        """A layer sums as many products as it has inputs, off by that many eps + 2 of ‖s_i‖, and passes on the errors
        before it, as its norm is at most 1; then sums over units, samples and outputs. Twice: low and high, their mean.
        """
        sums = sum(self._inputs) + 2 * len(self._inputs) + len(self.signs) + len(self.S) + self.Q.shape[1]
        return 2 * (sums + 6)

    def orthants(self) -> Points:
        sigma = self.signs.tolist()
        alike = [[u for u, s in enumerate(sigma) if s == side] for side in (1.0, -1.0)]
        blocks = [orthants(1, a * b, [], self.S) for a, b in itertools.pairwise(self._inputs)]
        blocks.append(orthants(len(sigma), self._inputs[-1], alike, self.S))
        grid = torch.cartesian_prod(*(torch.arange(len(b), device=self.S.device) for b in blocks))
        return tuple(normalised(b[i]) for b, i in zip(blocks, grid.reshape(-1, len(blocks)).T, strict=True))

    def value(self, points: Points) -> Tensor:
        return in_pieces(lambda p: torch.linalg.vector_norm(self.output(p), dim=1), self._pieces(points), -torch.inf)

    def output(self, points: Points) -> Tensor:
        """Qᵀh ``(B, c)``: the direction of the best last layer."""
        h = self.S.expand(len(points[0]), -1, -1)
        for w, (a, b) in zip(points, itertools.pairwise(self._inputs), strict=False):
            h = relu(h @ w.reshape(-1, a, b), self.slope)
        h = relu(h @ points[-1].mT, self.slope) @ self.signs
        return (relu(h, self.slope) if self.outer else h) @ self.Q

    def bounds(self, cones: Points) -> Tensor:
        return in_pieces(self._bounds, self._pieces(cones), torch.inf)

    @property
    def held(self) -> int:
        """Bytes of the arrays of one cone."""
        return 8 * COPIES * self._numbers(math.prod(units * size for units, size in self.blocks))

    def _numbers(self, vertices: int) -> int:
        """In the largest array of a cone with so many combinations of vertices; of a point, which has one."""
        return len(self.S) * vertices * max(units * size for units, size in self.blocks)

    def _pieces(self, blocks: Points) -> list[Points]:
        vertices = math.prod(v.shape[1] for v in blocks if v.dim() == 4)
        size = max(1, numbers(WORK, COPIES) // self._numbers(vertices))
        return list(zip(*(v.split(size) for v in blocks), strict=True))

    def _bounds(self, cones: Points) -> Tensor:
        guesses = [v.new_full(v.shape[:2], 1 / v.shape[1]) for v in cones]
        best = cones[0].new_full((len(cones[0]),), torch.inf)
        for step in range(ROUNDS):
            worst, where = self._vertex_bounds(cones, guesses).flatten(1).max(1)
            best = torch.minimum(best, worst)
            if over():
                break
            for b in reversed(range(len(cones))):
                count = cones[b].shape[1]
                vertex = torch.nn.functional.one_hot(where % count, count).to(guesses[b])
                guesses[b] = guesses[b] + (vertex - guesses[b]) / (step + 2)
                where = where // count
        return best

    def _vertex_bounds(self, cones: Points, guesses: list[Tensor]) -> Tensor:
        """U / Πη at every combination of vertices of the blocks, ``(B, D_1 · … · D_b)``."""
        low = high = self.S[None, None]
        t = eta = guesses[0].new_ones(len(guesses[0]), 1)
        spare = torch.zeros_like(t[:, 0], dtype=torch.bool)
        for b, v in enumerate(cones):
            last = b == len(cones) - 1
            w = v.mT if last else v.reshape(*v.shape[:2], self._inputs[b], self._inputs[b + 1])
            low, high = _times(low, high, w)
            t = (t[:, :, None] * guesses[b][:, None]).flatten(1)
            eta = (eta[:, :, None] * supports(v, guesses[b])[:, None]).flatten(1)
            if last:
                spare = self._spare(low, high)
            low, high = self._relu(low, high, t)
        plus, minus = self.signs.clamp(min=0), (-self.signs).clamp(min=0)
        low, high = low @ plus - high @ minus, high @ plus - low @ minus
        if self.outer:
            low, high = self._relu(low, high, t)
        majorant = ((low + high) / 2 @ self.Q).norm(dim=2) + (high - low) / 2 @ self.Q.norm(dim=1)
        return torch.where(spare[:, None], -torch.inf, ratio(majorant, eta))

    def _spare(self, low: Tensor, high: Tensor) -> Tensor:
        """Whether two units of equal sign have the same active samples all over the cone, ``(B,)``."""
        on, off = (low >= 0).all(1), (high <= 0).all(1)
        spare = torch.zeros_like(on[:, 0, 0])
        for a, b in itertools.combinations(range(len(self.signs)), 2):
            if self.signs[a] == self.signs[b]:
                spare |= ((on[:, :, a] & on[:, :, b]) | (off[:, :, a] & off[:, :, b])).all(1)
        return spare

    def at(self, block: int, cones: Points, i: Tensor, j: Tensor) -> Tensor:
        """The zero of a preactivation nearest to the middle, with the other blocks at their centres."""
        rows = torch.arange(len(i), device=i.device)
        h = self.S[None, None]
        zeros = []
        for b, v in enumerate(cones):
            last = b == len(cones) - 1
            ends = torch.stack([v[rows, i], v[rows, j]], 1) if b == block else normalised(v.sum(1, keepdim=True))
            w = ends.mT if last else ends.reshape(*ends.shape[:2], self._inputs[b], self._inputs[b + 1])
            p = h @ w
            zeros.append(p)
            h = relu(p, self.slope)
        if self.outer:
            zeros.append((h @ self.signs)[..., None])
        ends = torch.cat([p.flatten(2) for p in zeros if p.shape[1] == 2], 2)
        one, two = ends[:, 0], ends[:, 1]
        crossing = one * two < 0
        at = torch.where(crossing, one / torch.where(crossing, one - two, torch.ones_like(one)), torch.inf)
        off, where = (at - 0.5).abs().min(1)
        return torch.where(off < INSIDE, at.gather(1, where[:, None])[:, 0], 0.5)

    def _relu(self, low: Tensor, high: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        """Interpolants of relu(p) from those of p, vertices on axis 1; one multiplier for all vertices of a cone."""
        weights = t.reshape(*t.shape, *[1] * (low.dim() - 2))
        guess = (weights * (low + high)).sum(1, keepdim=True) > 0
        on = (guess | (low >= 0).all(1, keepdim=True)) & ~(high <= 0).all(1, keepdim=True)
        mu = torch.where(on, torch.ones_like(low[:, :1]), self.slope)
        return mu * low, relu(high, self.slope)


def _times(low: Tensor, high: Tensor, w: Tensor) -> tuple[Tensor, Tensor]:
    """Interpolants of H w from those ``(B, P, N, a)`` of H and vertices w ``(B, D, a, b)``: ``(B, P · D, N, b)``.

    Each product is at most max(w · low, w · high), which is convex in w's t for fixed H, hence below its interpolant.
    """
    if low is high:
        product = low[:, :, None] @ w[:, None]
        product = product.flatten(1, 2)
        return product, product
    w = w[:, None, :, None]
    one, two = w * low[:, :, None, :, :, None], w * high[:, :, None, :, :, None]
    return torch.minimum(one, two).sum(4).flatten(1, 2), torch.maximum(one, two).sum(4).flatten(1, 2)
