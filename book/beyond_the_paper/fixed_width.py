"""Exact training at a fixed small width, d = 2, by enumeration of activation patterns; and at free width, by ``solve``.

Given the cell and the output sign of each of r units, f is convex in the weights w = |v| u: ½‖y − Σ_k A_k w_k‖² +
λ Σ_k ‖w_k‖ over w_k in the cell, a sector of the plane. N samples make 2N sectors, so C(4N, r) convex programs.
"""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, combinations

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from global_optimality.problem import Problem
from global_optimality.sliding_frank_wolfe import solve

from ..shared.relu_problems import inputs
from .optima import Setting

CHUNK = 100_000
"""Programs in one batch."""

STEPS, ROUNDS = 25, 400
"""Accelerated steps between two looks at the bounds, and looks at most."""

CLOSED = 1e-7
"""A program is done when its own gap, or its distance from the best of all, is below CLOSED, relative."""


@dataclass(frozen=True)
class Sectors:
    """The cells of a plane: bounding rays ``(P, 2)`` in counter-clockwise order, and who is active ``(P, N)``."""

    first: Tensor
    last: Tensor
    active: Tensor


@dataclass(frozen=True)
class FixedWidth:
    """``value`` and ``lower_bound`` of the minimum over networks of the given width; ``programs`` in all."""

    value: float
    lower_bound: float
    programs: int


def sectors(S: Tensor) -> Sectors:
    """The sectors into which the lines s_iᵀu = 0 cut the plane, S ``(N, 2)``, N ≥ 2 lines in general position."""
    angle = torch.atan2(S[:, 1], S[:, 0])
    ends = torch.cat([angle + math.pi / 2, angle - math.pi / 2]).remainder(2 * math.pi).sort().values
    following = torch.cat([ends[1:], ends[:1] + 2 * math.pi])
    middle = (ends + following) / 2
    return Sectors(_ray(ends), _ray(following), _ray(middle) @ S.T > 0)


def _ray(angle: Tensor) -> Tensor:
    return torch.stack([angle.cos(), angle.sin()], -1)


def train(problem: Problem, width: int) -> FixedWidth:
    """The minimum of f over networks of ``width`` units, enclosed: every program is solved or excluded."""
    S, y = inputs(problem), problem.loss.Y[:, 0]
    plane = sectors(S)
    P = len(plane.active)
    gated = plane.active[:, :, None] * S  # (P, N, 2)
    signs = torch.cat([torch.ones(P), -torch.ones(P)]).to(S)
    cell = torch.arange(P).repeat(2)
    pull = signs[:, None] * torch.einsum("pnd,n->pd", gated, y)[cell]
    flat = gated.transpose(0, 1).reshape(len(S), 2 * P)
    gram = (flat.T @ flat).reshape(P, 2, P, 2).transpose(1, 2)
    square, zero = float(y @ y), 0.5 * float(y @ y)
    best, bound, count = zero, math.inf, math.comb(2 * P, width)
    chosen = np.fromiter(
        (i for units in combinations(range(2 * P), width) for i in units), dtype=np.int64, count=count * width
    )
    for part in torch.from_numpy(chosen).reshape(count, width).split(CHUNK):
        G = (
            gram[cell[part][:, :, None], cell[part][:, None]]
            * (signs[part][:, :, None] * signs[part][:, None])[..., None, None]
        )
        programs = Programs(
            G=G.transpose(2, 3).reshape(len(part), 2 * width, 2 * width),
            b=pull[part].flatten(1),
            first=plane.first[cell[part]], last=plane.last[cell[part]], square=square, lam=problem.lam,
        )  # fmt: skip
        best, lower = programs.minimise(best)
        bound = min(bound, lower)
    return FixedWidth(best, min(bound, best), count)


@dataclass(frozen=True)
class Programs:
    """B programs ½wᵀGw − bᵀw + ½‖y‖² + λ Σ_k ‖w_k‖, w_k ``(2,)`` in a sector; G ``(B, 2r, 2r)``, ``square`` = ‖y‖²."""

    G: Tensor
    b: Tensor
    first: Tensor
    last: Tensor
    square: float
    lam: float

    def minimise(self, best: float) -> tuple[float, float]:
        """(the least value found, or ``best``; a lower bound of the least value of all)."""
        alive, bound = self, math.inf
        w = torch.zeros_like(self.b)
        lower = torch.full_like(self.b[:, 0], -math.inf)
        previous, momentum = w, 1.0
        for _ in range(ROUNDS):
            inverse = 1 / torch.linalg.matrix_norm(alive.G).clamp(min=1e-300)[:, None]
            for _ in range(STEPS):
                faster = (1 + math.sqrt(1 + 4 * momentum**2)) / 2
                ahead = w + (momentum - 1) / faster * (w - previous)
                previous, momentum = w, faster
                w = alive.shrunk(ahead - inverse * alive.slope(ahead), inverse)
            value, proved = alive.value(w), alive.bound(w)
            lower = torch.maximum(lower, proved)
            best = min(best, float(value.min()))
            done = (lower >= best * (1 - CLOSED)) | (value - lower <= CLOSED * value)
            if bool(done.any()):
                bound = min(bound, float(lower[done].min()))
            if bool(done.all()):
                return best, bound
            keep = ~done
            alive, w, previous, lower = alive.take(keep), w[keep], previous[keep], lower[keep]
            if momentum > 4 * STEPS:
                momentum = 1.0  # a restart: accelerated steps of convex functions overshoot
        return best, min(bound, float(lower.min()))

    def take(self, rows: Tensor) -> "Programs":
        """Some of the programs."""
        return Programs(self.G[rows], self.b[rows], self.first[rows], self.last[rows], self.square, self.lam)

    def slope(self, w: Tensor) -> Tensor:
        """Gw − b = −Aᵀ(y − Aw)."""
        return (self.G @ w[:, :, None])[:, :, 0] - self.b

    def value(self, w: Tensor) -> Tensor:
        """f of the network."""
        lengths = w.reshape(len(w), -1, 2).norm(dim=2).sum(1)
        return 0.5 * ((self.slope(w) - self.b) * w).sum(1) + 0.5 * self.square + self.lam * lengths

    def bound(self, w: Tensor) -> Tensor:
        """The best dual value of the residual R = y − Aw, scaled until every sector's pull is at most λ."""
        slope = self.slope(w)
        along = self.square - (self.b * w).sum(1)
        size = along + (slope * w).sum(1)
        pull = self.inside(-slope).norm(dim=2).amax(1)
        cap = torch.where(pull > 0, self.lam / pull.clamp(min=1e-300), torch.inf)
        t = torch.minimum((along / size.clamp(min=1e-300)).clamp(min=0), cap)
        return t * along - 0.5 * t.square() * size

    def inside(self, z: Tensor) -> Tensor:
        """The nearest points ``(B, r, 2)`` of the sectors to z ``(B, 2r)``."""
        z = z.reshape(len(z), -1, 2)
        within = (_cross(self.first, z) >= 0) & (_cross(z, self.last) >= 0)
        ends = [(z * ray).sum(2, keepdim=True).clamp(min=0) * ray for ray in (self.first, self.last)]
        longer = ends[0].norm(dim=2, keepdim=True) >= ends[1].norm(dim=2, keepdim=True)
        return torch.where(within[:, :, None], z, torch.where(longer, ends[0], ends[1]))

    def shrunk(self, z: Tensor, step: Tensor) -> Tensor:
        """The proximal point of step · (λ Σ‖w_k‖, w_k in its sector): project, then shorten."""
        near = self.inside(z)
        length = near.norm(dim=2, keepdim=True)
        share = (1 - step[:, :, None] * self.lam / length.clamp(min=1e-300)).clamp(min=0)
        return (share * near).flatten(1)


def _cross(a: Tensor, b: Tensor) -> Tensor:
    return a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]


def timings(
    widths: dict[int, Sequence[int]], free: Sequence[int], *, draws: Sequence[int], share: float = 0.03
) -> pd.DataFrame:
    """Processor seconds against N: exact training at each width, and at free width to a gap of CLOSED; one row a run.

    ``excess`` of the width's minimum over F*, relative; ``gap`` between the enumeration's two bounds, relative.
    """
    rows = []
    for draw in draws:
        problems = {N: Setting("teacher, d = 2", N, share).problem(draw) for N in {*free, *chain(*widths.values())}}
        optima = {}
        for N, problem in problems.items():
            began = time.process_time()
            solution = solve(problem, tol=CLOSED)
            optima[N] = float(solution.certificate.lower_bound[0])
            rows.append((draw, N, "free", time.process_time() - began, 1, solution.relative_gap, 0.0, solution.size))
        for width, sizes in widths.items():
            for N in sizes:
                began = time.process_time()
                found = train(problems[N], width)
                seconds = time.process_time() - began
                gap, excess = 1 - found.lower_bound / found.value, found.value / optima[N] - 1
                rows.append((draw, N, str(width), seconds, found.programs, gap, excess, width))
    return pd.DataFrame(rows, columns=["draw", "N", "width", "cpu_seconds", "programs", "gap", "excess", "size"])


def exponents(table: pd.DataFrame, column: str = "cpu_seconds") -> pd.DataFrame:
    """The exponent b of ``column`` ∝ N^b on each draw and width: one row a draw."""
    rows = [
        (width, draw, float(np.polyfit(np.log(part["N"]), np.log(part[column]), 1)[0]))
        for (width, draw), part in table.groupby(["width", "draw"])
    ]
    return pd.DataFrame(rows, columns=["width", "draw", "exponent"])


def means(table: pd.DataFrame) -> pd.DataFrame:
    """Geometric means over the draws of processor time and programs, by width and N."""
    columns = ["cpu_seconds", "programs"]
    logs = table.assign(**{column: np.log(table[column]) for column in columns})
    averages = logs.groupby(["width", "N"]).agg(dict.fromkeys(columns, "mean")).reset_index()
    return averages.assign(**{column: np.exp(averages[column]) for column in columns})


def against_free(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of fixed width, each with the size that ``solve`` found on the same data, ``free_size``."""
    free = table.loc[table["width"] == "free", ["draw", "N", "size"]].rename(columns={"size": "free_size"})
    rows = table[table["width"] != "free"].rename(columns={"size": "width_number"})
    return rows.merge(free.drop_duplicates(["draw", "N"]), on=["draw", "N"])
