"""Beyond five features: the scaled residual against the best dual point of the relaxed polar, gap by processor seconds.

The lower bound is max −ℓ*(G) over P(−G) ≤ λ, P a bound of Ω°. Scaling takes G = s∇ℓ. The best G of a relaxation P is
found by column generation: its dual is the training problem over units and pseudo-atoms (``leaves``).
"""

import math
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from claimbook.sweeps import Sweep
from global_optimality import Effort
from global_optimality.descent.scales import best_scales
from global_optimality.factors import Factors
from global_optimality.losses.base import column
from global_optimality.polar.best_first import Search, begin, refine
from global_optimality.polar.relu_enclosure.polar_problem import prepare
from global_optimality.polar.relu_enclosure.row_signs import RowSigns
from global_optimality.problem import Problem
from global_optimality.sliding_frank_wolfe import solve

from ..shared import data
from ..shared.planted_relu import teacher_problem
from ..shared.relu_problems import inputs
from .leaves import Leaves, RelaxedPolar
from .reach import DIABETES, classes, scores

MARKS = (3.0, 6.0, 12.0, 24.0)
"""Processor seconds at which both ways are read off."""

PATIENCE = 8
"""Rounds of the solver that finds the network; its polar is not searched."""

INWARD = 0.4
"""The next dual point is so far from the best one so far towards that of the master problem."""

BATCH = 32
"""Leaves bounded anew at a time."""

EXACT, COARSE, CLOSED = 0.05, 1e-2, 1e-6
"""Bounds over λ are found to this share of the relative gap, at most to COARSE; a gap below CLOSED ends both ways."""

CUTTING = 0.5, 2.5
"""Seconds spent on cuts for each on dual points: usually, and where the master problem's gap is most of the gap."""

MOST = 0.65
FIRST = 0.3
"""Share of the first mark in which leaves are cut at the residual, before other dual points are looked at."""

PROBLEMS: dict[str, Callable[[int], Problem]] = {
    "teacher, λ = 0.6, 60 × 6": lambda seed: teacher_problem(60, 6, 0.6, seed=seed),
    "teacher, λ = 0.5, 30 × 8": lambda seed: teacher_problem(30, 8, 0.5, seed=seed),
    "teacher, λ = 2, 30 × 8": lambda seed: teacher_problem(30, 8, 2.0, seed=seed),
    "teacher, λ = 1, 100 × 8": lambda seed: teacher_problem(100, 8, 1.0, seed=seed),
    "teacher, λ = 1, 100 × 10": lambda seed: teacher_problem(100, 10, 1.0, seed=seed),
    "teacher, λ = 1, 100 × 15": lambda seed: teacher_problem(100, 15, 1.0, seed=seed),
    "teacher, λ = 1, 100 × 20": lambda seed: teacher_problem(100, 20, 1.0, seed=seed),
    "diabetes": lambda seed: scores(data.diabetes(), DIABETES),
    "wine": lambda seed: classes(data.wine(), 1.0),
}
"""λ, samples × features; made of a seed, which only draws what is drawn."""


def dual_points(shared: dict[str, Any], _: list[dict[str, Any]]) -> pd.DataFrame:
    """One row a mark and a way: the gap relative to f, the ratio of upper and lower bound of the polar, leaves."""
    return pd.DataFrame(read(PROBLEMS[shared["problem"]](0), MARKS))


RELU_DUAL_POINTS = Sweep(dual_points, {"problem": list(PROBLEMS)})


def network(problem: Problem, rounds: int = PATIENCE) -> Factors:
    """Weights (one run) that no search for a better unit has improved; nothing is proved of them."""
    return solve(problem, effort=Effort(nodes=1), max_rounds=rounds).weights


def read(problem: Problem, marks: Sequence[float], rounds: int = PATIENCE) -> list[dict[str, object]]:
    """The rows of one problem, on one thread."""
    torch.set_num_threads(1)
    W = network(problem, rounds)
    S, f = inputs(problem), float(problem(*W)[0])
    row = {"N": len(S), "d": S.shape[1], "outputs": problem.loss.Y.shape[-1], "objective": f}
    ways = {"scaled residual": scaled(problem, W, marks), "best dual point": relaxed(problem, W, marks)}
    return [
        {**row, "way": way, "mark": mark, "gap": (f - value) / f, "ratio": ratio, "leaves": leaves}
        for way, found in ways.items()
        for mark, (value, ratio, leaves) in zip(marks, found, strict=True)
    ]


Read = list[tuple[float, float, int]]
"""Lower bound of f, ratio of the polar's bounds at −∇ℓ (NaN where not known), leaves: at each mark."""


@torch.no_grad()
def scaled(problem: Problem, W: Factors, marks: Sequence[float]) -> Read:
    """The residual's polar by branch and bound, then the best scale."""
    G, S, began = residual(problem, W), inputs(problem), time.process_time()
    direction = torch.nn.functional.normalize(W[0][0], dim=1)
    pull = ((direction @ S.mT).clamp(min=0) @ -G[0]).norm(dim=1)
    search: Search = begin([RowSigns(prepare(S, -G), direction[pull.argmax()][None])], G.new_zeros(1))
    found: Read = []
    for mark in marks:
        while time.process_time() - began < mark:
            made, search = search.made, refine(search, Effort(nodes=64, target=problem.lam, tolerance=CLOSED))
            if search.made == made:
                break
        value = bound(problem, G, float(search.upper) / problem.lam)[0]
        found.append((value, float(search.upper / search.lower), len(search.covers[0].open)))
    return found


@torch.no_grad()
def relaxed(problem: Problem, W: Factors, marks: Sequence[float]) -> Read:
    """Dual points in turn with cuts: what is bounded is the point between the best one and that of the master."""
    began = time.process_time()
    G = residual(problem, W)
    relaxation, master = RelaxedPolar(problem, inputs(problem), G), Master(problem, W)
    leaves = cut(relaxation, relaxation.start(G)[0], G, began + FIRST * marks[0])
    best, point, f = -math.inf, G, float(problem(*W)[0])
    found: Read = []
    while len(found) < len(marks):
        start = time.process_time()
        exact = max(CLOSED / 10, min(COARSE, EXACT * (f - best) / f))
        leaves, atoms = at(relaxation, leaves, G, exact)
        value, dual = bound(problem, G, float(leaves.bound.max()) + relaxation.slack(G))
        best, point = (value, dual) if value > best else (best, point)
        least, target = master.enlarged(atoms)
        share = CUTTING[f - least > MOST * (f - best)]
        leaves = cut(relaxation, leaves, G, time.process_time() + share * (time.process_time() - start))
        value, dual = bound(problem, G, float(leaves.bound.max()) + relaxation.slack(G))
        best, point = (value, dual) if value > best else (best, point)
        G = problem.loss.project(INWARD * target + (1 - INWARD) * point)
        while len(found) < len(marks) and (time.process_time() - began >= marks[len(found)] or f - best <= CLOSED * f):
            found.append((best, math.nan, len(leaves)))
    return found


def residual(problem: Problem, W: Factors) -> Tensor:
    """∇ℓ (1, N, c), on the affine hull of dom ℓ*."""
    return problem.loss.project(problem.loss.gradient(problem.mapping.Phi(*W)))


def bound(problem: Problem, G: Tensor, excess: float) -> tuple[float, Tensor]:
    """−ℓ*(sG) and sG for the best s ≤ 1/excess; ``excess`` bounds Ω°(−G)/λ."""
    cap = G.new_tensor([1 / excess if excess > 0 else math.inf])
    dual = column(problem.loss.dual_scale(G, cap), G) * G
    return -float(problem.loss.conjugate(dual)), dual


def at(relaxation: RelaxedPolar, leaves: Leaves, G: Tensor, exact: float) -> tuple[Leaves, Tensor]:
    """The leaves with bounds at G, those that decide found anew, and the pseudo-atoms (m, N, c) of these."""
    q = relaxation.weights(G, leaves.V)
    bounds, fresh = relaxation.again(leaves, q), torch.zeros(len(leaves), dtype=torch.bool)
    atoms = [q.new_zeros(0, len(relaxation.S), G.shape[2])]
    while not bool(fresh.all()):
        least = max(1.0, float(bounds[fresh].max()) if fresh.any() else 0.0)
        old = torch.where(fresh, -math.inf, bounds)
        rows = old.topk(min(BATCH, len(leaves))).indices
        rows = rows[old[rows] > least + exact / 4]
        if not len(rows):
            break
        new, found = relaxation.bounded(leaves[rows], q[rows], 1 - 2 * exact, exact)
        atoms.append(found[new.bound > 1 - exact])
        bounds[rows], fresh[rows] = torch.fmin(new.bound, bounds[rows]), True
        leaves = leaves.with_lines(rows, new)
    kept = Leaves(**{**vars(leaves), "bound": bounds})
    return kept, torch.cat(atoms)


def cut(relaxation: RelaxedPolar, leaves: Leaves, G: Tensor, until: float) -> Leaves:
    """The leaves whose bounds at G are largest, cut again and again until that processor time."""
    while time.process_time() < until:
        rows = leaves.bound.topk(min(BATCH, len(leaves))).indices
        rows = rows[(leaves.bound[rows] > 1) & (leaves.choice[rows] >= 0)]
        if not len(rows):
            break
        rest = torch.ones(len(leaves), dtype=torch.bool).index_fill(0, rows, False)
        halves = relaxation.halves(leaves[rows])
        new, _ = relaxation.bounded(halves, relaxation.weights(G, halves.V), 1.0)
        leaves = leaves[rest] + Leaves(**{**vars(new), "bound": torch.fmin(new.bound, halves.bound)})
    return leaves


class Master:
    """min over c ≥ 0 of ℓ(Σ c_k a_k) + λ Σ c_k, over units of θ = 1 and pseudo-atoms."""

    def __init__(self, problem: Problem, W: Factors):
        theta = problem.regularizer.theta(*W)[0]
        alive = theta > 0
        D = problem.mapping.phi(*(w[:, alive] for w in W))[0] / column(theta[alive], problem.mapping.phi(*W)[0])
        self.problem, self.D, self.scales = problem, D.numpy(), theta[alive].numpy()

    def enlarged(self, atoms: Tensor) -> tuple[float, Tensor]:
        """Its value with these atoms (m, N, c) as well, and its gradient (1, N, c); atoms without use go."""
        loss, lam = self.problem.array_loss, self.problem.lam
        D = np.concatenate([self.D, atoms.numpy()])
        start = np.concatenate([self.scales, np.zeros(len(atoms))])
        scales = best_scales(loss, D, np.full(len(D), lam), start)
        kept = scales > 0
        self.D, self.scales = D[kept], scales[kept]
        X = np.tensordot(self.scales, self.D, 1)
        value = loss(X) + lam * float(self.scales.sum())
        return value, self.problem.loss.project(torch.from_numpy(loss.gradient(X))[None])
