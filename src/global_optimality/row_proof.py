"""A proof by signs of rows that max qᵀ(Su)₊ ≤ λ over ‖u‖ = 1, for the exact checkers: cells, cut until all leaves hold.

Leaves are proved by row majorants (``polar.relu_enclosure``), whose float64 multipliers are moved by a few roundings so
that they hold exactly: γ up, ‖y‖ down, the multiplier μ of ‖u‖ = 1 and t up.
"""

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from .effort import Effort, check_effort
from .polar.best_first import Open
from .polar.relu_enclosure.branch_and_bound import LARGEST_MOMENTS
from .polar.relu_enclosure.majorants import Majorants
from .polar.relu_enclosure.polar_problem import PolarProblem
from .polar.relu_enclosure.row_signs import RowSigns
from .proof_units import STUCK, ProofUnits

Array = npt.NDArray[np.float64]

HAIR = 1e-11
"""Relative room that leaves leave below λ, for multipliers moved so that they hold exactly."""

NUDGE = 1e-14
"""Relative size of such a move of one number: some tens of roundings."""

LEAST = 1e-140
"""Of what has the size of 1, so little that its square is all that float64 can divide by."""


@np.errstate(under="ignore")
def prove_by_rows(S: Array, q: Array, lam: float, effort: Effort | None = None) -> dict[str, Any]:
    """The file's ``proof`` for S ``(N, d)`` and q = −G ``(N,)``, both signs; ``ValueError`` where effort ends first.

    ``effort.nodes`` limits the cells (default 20 000). ``TypeError`` and ``ValueError`` for other arrays and numbers.
    """
    check_effort(effort)
    nodes = 20_000 if effort is None or effort.nodes is None else effort.nodes
    given, (units, S, q, lam) = q, ProofUnits.taken_out(S, q, lam)
    if S.shape[1] > LARGEST_MOMENTS:
        raise ValueError(
            f"S has {S.shape[1]} columns, and a proof by signs of rows takes the square of their square at every cell: "
            f"project S on at most {LARGEST_MOMENTS} directions and train there, or certify without a proof."
        )
    if (short := np.flatnonzero(S.any(1) & (np.abs(S).max(1) < LEAST))).size:
        raise ValueError(
            f"row {short[0]} of S is {LEAST:g} of the longest or shorter: change it to zeros, or multiply it."
        )
    rows, weights = torch.from_numpy(S), torch.from_numpy(q)[None, :, None]
    size = weights.norm(dim=2) @ rows.norm(dim=1)
    method = RowSigns(PolarProblem(rows, weights, size, len(S)), rows[:1])
    trees = _Trees(method, S, q, lam)
    trees.search(nodes) if len(trees.kept) else trees.without_rows()
    a, b = units.rows, units.weights
    own = {"alpha": b, "beta": b - a, "gamma": a + b, "mu": a + b, "t": a + b}
    idle = np.where(S.any(1), 0.0, np.asarray(given, dtype=np.float64))
    room = NUDGE * math.ldexp(lam, a + b)
    sides = {"plus": (trees.listed("+"), idle), "minus": (trees.listed("-"), -idle)}
    return {"split": "rows"} | {
        side: _with_idle(_with_turns(units.outside(tree, own), b), weights, room)
        for side, (tree, weights) in sides.items()
    }


def _with_idle(nodes: list[dict[str, Any]], q: Array, room: float) -> list[dict[str, Any]]:
    """The nodes with majorants of rows that are zero, of weight q: z = 0 there, so any β costs nothing."""
    at = np.flatnonzero(q > 0)
    with np.errstate(over="ignore", divide="ignore"):
        beta = q[at] * (q[at] / (4 * room)) * (1 + NUDGE)
    if not np.isfinite(beta).all():
        raise ValueError("q is too large at rows of S that are zero: set it to 0 there, where it counts nothing.")
    for node in nodes:
        for name, values in (("alpha", q[at]), ("beta", beta), ("gamma", np.full(len(at), room))):
            if name in node:
                for i, value in zip(at.tolist(), values.tolist(), strict=True):
                    node[name][i] = value
    return nodes


def _with_turns(nodes: list[dict[str, Any]], e: int) -> list[dict[str, Any]]:
    """The nodes with ρ and y of each row times 2^e."""

    def turned(i: int, rho: float, y: list[float]) -> list[Any]:
        return [i, float(np.ldexp(rho, e)), np.ldexp(y, e).tolist()]

    return [node | ({"y": [turned(*turn) for turn in node["y"]]} if "y" in node else {}) for node in nodes]


class _Trees:
    """Nodes by name: the side, then + or − for each sign on the way."""

    def __init__(self, method: RowSigns, S: Array, q: Array, lam: float):
        self.method, self.S, self.q, self.lam = method, S, q, lam
        self.kept = method.kept.nonzero()[:, 0].numpy()
        self.nodes: dict[str, dict[str, Any]] = {}

    def search(self, most: int) -> None:
        """Cut and prove cells, at most so many."""
        method = self.method
        cells, names = method.children(method.start()[0]), ["+", "-"]
        made, threshold = 0, torch.tensor([self.lam * (1 - HAIR)], dtype=torch.float64, device="cpu")
        while len(cells):
            here = torch.arange(len(cells), device="cpu") < method.batch
            now, later = cells[here], cells[~here]
            found, _, proof = method.bounded(now, threshold)
            made += len(now)
            if made > most:
                raise ValueError(
                    f"no proof within {most} cells: pass effort=Effort(nodes=...) with more, or proof=... of your own."
                )
            closed = self.leaves(found, proof, names[: len(now)])
            cut = [k for k in range(len(now)) if not closed[k]]
            halves = method.children(found[torch.tensor(cut, dtype=torch.long, device="cpu")])
            names = names[len(now) :] + self.cut(found, cut, names)
            cells = later + halves

    def without_rows(self) -> None:
        """One leaf a side: no row has both a length and a weight, and the function is 0."""
        none = torch.zeros(1, 0, dtype=torch.float64, device="cpu")
        nothing = torch.zeros(1, 0, self.S.shape[1], dtype=torch.float64, device="cpu")
        proof = Majorants(none, none, none, none, nothing, none)
        for name, side in (("+", 1.0), ("-", -1.0)):
            self.nodes[name] = self._leaf(np.zeros(0, np.int8), proof, 0, 1.0, side)

    def leaves(self, cells: Open, proof: Majorants, names: list[str]) -> list[bool]:
        """Which of the bounded cells have a leaf that holds; it becomes their node."""
        scale = float(self.method.scale(torch.tensor([self.lam * (1 - HAIR)], dtype=torch.float64, device="cpu"))[0])
        closed = (cells.bound <= self.lam).tolist()
        for k, name in enumerate(names):
            if closed[k]:
                leaf = self._leaf(cells.cells[0][k].numpy(), proof, k, scale, 1.0 if name[0] == "+" else -1.0)
                closed[k] = leaf is not None
                self.nodes |= {name: leaf} if leaf is not None else {}
        return closed

    def cut(self, cells: Open, which: list[int], names: list[str]) -> list[str]:
        """The names of the halves, in the order of ``RowSigns.children``: all first ones, then all second ones."""
        for k in which:
            choice = int(cells.cells[3][k])
            if choice < 0:
                raise ValueError(STUCK)
            self.nodes[names[k]] = {"row": int(self.kept[choice])}
        return [names[k] + sign for sign in "+-" for k in which]

    def listed(self, name: str) -> list[dict[str, Any]]:
        """The tree as the file has it: each node, then its two subtrees."""
        found, todo = [], [name]
        while todo:
            name = todo.pop()
            found.append(self.nodes[name])
            todo += [name + "-", name + "+"] if "row" in self.nodes[name] else []
        return found

    def _leaf(self, signs: npt.NDArray[np.int8], proof: Majorants, k: int, scale: float, side: float) -> Any:
        """The multipliers in the units of S and q, moved to hold exactly; None if they then prove less than λ."""
        q, length = side * self.q[self.kept], np.linalg.norm(self.S[self.kept], axis=1)
        alpha = proof.alpha[k].numpy() * scale / length
        beta = proof.beta[k].numpy() * scale / length**2
        y = proof.Y[k].numpy() * (scale / length)[:, None]
        convex = beta > 0
        alpha = np.where(~convex & (signs >= 0), np.maximum(alpha, q), alpha)
        alpha = np.where(~convex & (signs <= 0), np.minimum(alpha, 0.0), alpha)
        lack = np.maximum(np.where(signs < 0, -np.inf, q - alpha), np.where(signs > 0, -np.inf, alpha))
        norm = np.linalg.norm(y, axis=1)
        rho = np.maximum(-lack, 0.0) * (1 - NUDGE)
        y = y * np.where(norm > rho * (1 - NUDGE), rho * (1 - NUDGE) / np.where(norm > 0, norm, 1.0), 1.0)[:, None]
        y[convex] = 0
        over = np.where(convex, np.maximum(lack, 0.0), 0.0)
        gamma = np.where(over > 0, over**2 / (4 * np.where(convex, beta, 1.0)) * (1 + NUDGE), 0.0)
        S = self.S[self.kept]
        bent = y.T @ S / 2
        A, g = (S.T * beta) @ S - bent - bent.T, S.T @ alpha
        mu, t = _trust_region(A, g, self.lam)
        if not float(gamma.sum()) + mu + t <= self.lam * (1 - NUDGE * (len(self.S) + 1)):
            return None
        return {
            "alpha": self._whole(alpha).tolist(),
            "beta": self._whole(beta).tolist(),
            "gamma": self._whole(gamma).tolist(),
            "mu": mu,
            "t": t,
            "y": [[int(i), float(r), v.tolist()] for i, r, v in zip(self.kept, rho, y, strict=True) if v.any()],
        }

    def _whole(self, x: Array) -> Array:
        """For all rows: 0 for those that are 0 or have no weight."""
        every = np.zeros(len(self.S))
        every[self.kept] = x
        return every


def _trust_region(A: Array, g: Array, lam: float) -> tuple[float, float]:
    """μ and t with [[μI − A, g/2], [gᵀ/2, t]] ⪰ 0 and room for rounding, μ + t nearly as small as it can be."""
    values, V = np.linalg.eigh(A)
    h = V.T @ g
    low, high = values[-1], values[-1] + np.linalg.norm(g) / 2
    for _ in range(100):  # bisection to the last bit
        mu = (low + high) / 2
        steep = (h**2 / (4 * np.maximum(mu - values, LEAST) ** 2)).sum() > 1
        low, high = (mu, high) if steep else (low, mu)
    mu = float(high + HAIR / 100 * lam)
    t = float((h**2 / (4 * (mu - values))).sum() * (1 + NUDGE) + HAIR / 100 * lam)
    return mu, t
