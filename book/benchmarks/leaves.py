"""The relaxed polar as a function of the dual point: a tree over signs of rows, all leaves kept, bounded at any Q.

A leaf's relaxation is, for one network output, max over moments M of Σ q_i a_i, with a_i between what the moments allow
for a rectified row: a support function of q. Its maximiser a is a *pseudo-atom*: ⟨Q, a⟩ is the leaf's bound.
"""

from dataclasses import dataclass, fields
from functools import cached_property
from typing import Self

import torch
from torch import Tensor

from global_optimality.polar.best_first import Open
from global_optimality.polar.relu_enclosure.barrier import State
from global_optimality.polar.relu_enclosure.majorants import Majorants
from global_optimality.polar.relu_enclosure.outputs import covering
from global_optimality.polar.relu_enclosure.polar_problem import prepare
from global_optimality.polar.relu_enclosure.row_signs import CENTRED, FALL, ROOT, WARM, RowSigns
from global_optimality.problem import Problem

CHUNK = 256
"""Leaves bounded at a time by old multipliers."""

STEPS = 30
"""Of Newton's method on one leaf, at most."""


@dataclass(frozen=True, eq=False)
class Leaves:
    """One leaf a line: signs (B, N) of the rows, cone V (B, k, k) of output directions, moments M to start from.

    ``bound`` (B,) over λ, and the multipliers that proved it for the weights q (B, N): κ, β and y of each row. ``tau``
    is √E z² there, ``choice`` the row to cut next.
    """

    signs: Tensor
    V: Tensor
    M: Tensor
    q: Tensor
    kappa: Tensor
    beta: Tensor
    y: Tensor
    tau: Tensor
    bound: Tensor
    choice: Tensor

    def __len__(self) -> int:
        return len(self.bound)

    def __getitem__(self, rows: Tensor) -> Self:
        return type(self)(*(getattr(self, f.name)[rows] for f in fields(self)))

    def __add__(self, other: Self) -> Self:
        return type(self)(*(torch.cat([getattr(self, f.name), getattr(other, f.name)]) for f in fields(self)))

    def with_lines(self, rows: Tensor, other: Self) -> Self:
        return type(self)(*(getattr(self, f.name).index_copy(0, rows, getattr(other, f.name)) for f in fields(self)))


class RelaxedPolar:
    """Leaves of the polar of one hidden ReLU layer over λ, for dual points in the row space of a first one."""

    def __init__(self, problem: Problem, S: Tensor, G: Tensor):
        """S (N, d) holds the inputs, no row of zeros and none twice; G (1, N, c) is the first dual point."""
        self.problem, self.S = problem, S
        self.method = RowSigns(prepare(S, -G), S[:1])
        self.order = torch.unique(S, dim=0, return_inverse=True)[1]
        self.length = S.norm(dim=1)
        if len(self.method.S) != len(S):
            raise ValueError("rows of zeros or equal rows: merge them first.")
        weighted = G[0] * self.length[:, None]
        k = self.method.Q.shape[2]
        self.basis = torch.linalg.eigh(weighted.mT @ weighted).eigenvectors[:, -k:]

    @cached_property
    def root(self) -> Leaves:
        cells = self.method.start()[0]
        signs, V, M, choice = cells.cells
        z = torch.zeros(signs.shape, dtype=V.dtype)
        y = z[:, :, None].repeat(1, 1, self.S.shape[1])
        return Leaves(signs, V, M, z, z, z, y, z + 1, torch.full_like(cells.bound, torch.inf), choice)

    def weights(self, G: Tensor, V: Tensor) -> Tensor:
        """q (B, N) over λ of the sorted unit rows at the dual point G (1, N, c)."""
        inner = (-G[0] * self.length[:, None]) @ self.basis
        return (covering(V) @ torch.zeros_like(inner).index_copy(0, self.order, inner).mT) / self.problem.lam

    def slack(self, G: Tensor) -> float:
        """What rounding, and a part of G outside the row space, add to a bound over λ."""
        missed = G[0] - (G[0] @ self.basis) @ self.basis.mT if G.shape[2] > 1 else torch.zeros_like(G[0])
        size = self.length @ G[0].norm(dim=1)
        outside = self.length @ missed.norm(dim=1)
        return float(self.method.polar.rounding(0) * size + 2 * outside) / self.problem.lam

    def again(self, leaves: Leaves, q: Tensor) -> Tensor:
        """Bounds (B,) at other weights q, by the old multipliers times each row's weight: valid, and to first order
        right. A row whose weight changed its sign begins anew."""
        bounds = [torch.zeros(0, dtype=q.dtype)]
        for old, now in zip(leaves_of(leaves), q.split(CHUNK), strict=True):
            before, rows = self.method.rows(old.q, old.signs), self.method.rows(now, old.signs)
            w = rows.weight
            ratio = torch.where(before.weight > 0, w / before.weight, 0.0)
            same = before.upper == rows.upper
            lower = ratio * (same & ~rows.upper)
            fresh = w / (2 * old.tau)
            beta = torch.where(rows.upper, torch.where(same & (old.beta > 0), old.beta * ratio, fresh), 0.0)
            room = 1 + 8 * torch.finfo(q.dtype).eps
            gamma = torch.where(beta > 0, w.square() / (4 * beta.clamp(min=torch.finfo(q.dtype).tiny)) * room, 0.0)
            shrink = 1 / room
            kappa, y = old.kappa * lower * shrink, old.y * (lower * shrink)[:, :, None]
            size = rows.linear.abs() + 3 * w
            bounds.append(Majorants(self.method.S, rows.linear - kappa, beta, gamma, y, size).bound())
        return torch.cat(bounds)

    def bounded(
        self, leaves: Leaves, q: Tensor, goal: float, exact: float = 1e-2, start: float = WARM
    ) -> tuple[Leaves, Tensor]:
        """The leaves with bounds at q, found to ``exact`` or at most ``goal``, and their pseudo-atoms (B, N, c)."""
        barrier, rows = self.method.barrier, self.method.rows(q, leaves.signs)
        M, warm = leaves.M.clone(), leaves.M.clone()
        mu = torch.full_like(leaves.bound, start)
        best, below = torch.full_like(mu, torch.inf), torch.full_like(mu, -torch.inf)
        active, proof = torch.arange(len(leaves)), None
        for _ in range(STEPS):
            x = barrier.state(M[active], rows[active], mu[active])
            dM, reach, decrement = barrier.direction(x)
            majorants = barrier.majorants(x, dM)
            bound = majorants.bound()
            better = bound < best[active]
            proof = majorants if proof is None else proof.updated(active[better], majorants[better])
            best[active] = torch.fmin(best[active], bound)
            x = barrier.ahead(x, dM, reach)
            below[active] = torch.fmax(below[active], x.value())
            M[active] = x.M
            early = mu[active] >= WARM
            warm[active[early]] = x.M[early]
            mu[active] = torch.where(decrement < CENTRED, FALL * mu[active], mu[active])
            unsure = best[active] - below[active]
            active = active[(best[active] > goal) & (unsure > exact) & (mu[active] > 1e-12)]
            if not len(active):
                break
        assert proof is not None
        x = barrier.state(M, rows, mu)
        choice = self.method.choose(q, leaves.V, x, best, torch.ones_like(best))
        proved = rows.linear - proof.alpha, proof.beta, proof.Y, x.square.sqrt()
        atoms = self._pseudo_atoms(q, leaves.signs, x)[:, self.order] * self.length
        directions = covering(leaves.V) @ self.basis.mT
        new = Leaves(leaves.signs, leaves.V, warm, q, *proved, best, choice)
        return new, atoms[:, :, None] * directions[:, None]

    @staticmethod
    def _pseudo_atoms(q: Tensor, signs: Tensor, x: State) -> Tensor:
        """What the moments believe of each unit row's rectifier (B, N): the gradient of the relaxed maximum in q."""
        most = torch.maximum(x.mean.abs(), x.r2.sqrt())
        free = (x.mean + torch.where(q > 0, x.square.sqrt(), most)) / 2
        inside = torch.where(q > 0, 2 * x.mean - most, most)
        outside = (x.mean + most) * torch.where(q > 0, -1.0, 1.0)
        return torch.where(signs == 0, free, torch.where(signs > 0, inside, outside))

    def halves(self, leaves: Leaves) -> Leaves:
        """Both halves of each leaf, not bounded yet."""
        none = torch.zeros(len(leaves), dtype=torch.long)
        cells = Open((leaves.signs, leaves.V, leaves.M, leaves.choice), none, leaves.bound, none)
        signs, V, M, choice = self.method.children(cells).cells
        both = leaves + leaves
        return Leaves(signs, V, M, both.q, both.kappa, both.beta, both.y, both.tau, both.bound, choice)

    def start(self, G: Tensor) -> tuple[Leaves, Tensor]:
        """The root's cells, bounded at G, and their pseudo-atoms."""
        return self.bounded(self.root, self.weights(G, self.root.V), 0.0, start=ROOT)


def leaves_of(leaves: Leaves) -> list[Leaves]:
    """In chunks of CHUNK."""
    return [leaves[rows] for rows in torch.arange(len(leaves)).split(CHUNK)]
