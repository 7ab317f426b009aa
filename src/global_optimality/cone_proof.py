"""A proof by cones that max qᵀ(Su)₊ ≤ λ over ‖u‖ = 1, for the exact checkers: the orthants, cut until all leaves hold.

On a cone V the function is at most a linear ℓ(t), u = Σ t_k V_k (convexity where q > 0, a share m of the row where
q < 0). The leaf's y is the shortest with Vᵀy ≥ ℓ at the vertices: non-negative least squares. Then qᵀ(Su)₊ ≤ ‖y‖‖u‖.
"""

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import nnls

from .effort import Effort, check_effort
from .proof_units import STUCK, ProofUnits

Array = npt.NDArray[np.float64]

ROUNDS = 6
"""Guesses of a cone's maximiser: each gives shares, which give a y, the next guess."""

HAIR = 1e-12
"""Rows within HAIR of a cone's wall are given a share, since exactly they may lie on either side."""

THIN = 1e14
"""A cone's condition at which float64 no longer tells its vertices apart."""

INSIDE = 0.1
"""An edge is cut where a row vanishes on it if that leaves at least INSIDE on both sides, else in the middle."""


@dataclass(frozen=True)
class Leaf:
    """‖y‖ bounds the function on the cone; ``shares`` as the file holds them."""

    y: Array
    shares: list[list[float]]
    length: float


@np.errstate(under="ignore")
def prove_by_cones(S: Array, q: Array, lam: float, effort: Effort | None = None) -> dict[str, Any]:
    """The file's ``proof`` for S ``(N, d)`` and q = −G ``(N,)``, both signs; ``ValueError`` where effort ends first.

    ``effort.nodes`` limits the cones (default 20 000). Leaves must hold by a part in 1e12, so that they hold exactly.
    ``TypeError`` and ``ValueError`` for other arrays and numbers.
    """
    check_effort(effort)
    nodes = 20_000 if effort is None or effort.nodes is None else effort.nodes
    units, S, q, lam = ProofUnits.taken_out(S, q, lam)
    plus = _tree(S, q, lam, nodes)
    trees = {"plus": plus, "minus": _tree(S, -q, lam, nodes - len(plus))}
    of_y = {"y": units.rows + units.weights}
    return {"split": "cones"} | {side: units.outside(tree, of_y) for side, tree in trees.items()}


def _tree(S: Array, q: Array, lam: float, nodes: int) -> list[dict[str, Any]]:
    d, lengths = S.shape[1], np.linalg.norm(S, axis=1)
    tree: list[dict[str, Any]] = []
    for signs in itertools.product((1.0, -1.0), repeat=d):
        todo = [np.diag(signs)]  # a column a vertex
        while todo:
            V = todo.pop()
            if len(tree) >= nodes:
                raise ValueError(
                    f"no proof within {nodes} cones: pass effort=Effort(nodes=...) with more, or proof=... of your own."
                )
            Z = S @ V
            if np.linalg.cond(V) > THIN:
                raise ValueError(STUCK)
            leaf = _leaf(V, Z, q, lengths, lam)
            if leaf.length <= lam * (1 - HAIR):
                tree.append({"y": leaf.y.tolist()} | ({"shares": leaf.shares} if leaf.shares else {}))
                continue
            if d == 1:
                raise ValueError(STUCK)
            a, b, x, y = _cut(V, Z, q)
            tree.append({"edge": [a, b], "at": [x, y]})
            new = x * V[:, a] + y * V[:, b]
            for k in (b, a):
                child = V.copy()
                child[:, k] = new
                todo.append(child)
    return tree


def _leaf(V: Array, Z: Array, q: Array, lengths: Array, lam: float) -> Leaf:
    """The best leaf of a few guesses of the maximiser, the first of them the middle of the cone."""
    near = HAIR * lengths
    low, high = Z.min(axis=1), Z.max(axis=1)
    rising = q > 0
    open_rows = (low < near) & (high > 0) & (q < 0)  # their share matters, or may
    fixed = (low >= 0) & ~open_rows
    base = (q * rising) @ np.maximum(Z, 0) + (q * (fixed & ~rising)) @ Z
    dual = np.linalg.inv(V).T
    middle = V.mean(axis=1)
    ease = float(np.min(V.T @ middle))  # positive: all vertices lie in one orthant
    u, best = V.sum(axis=1), Leaf(np.zeros(len(V)), [], np.inf)
    for _ in range(ROUNDS):
        share = open_rows & (Z @ np.linalg.solve(V, u) > 0)
        bound = base + (q * share) @ Z
        t, _ = nnls(V, dual @ bound)
        y = V @ t
        lack = float(np.max(bound - V.T @ y))  # of rounding, unless the cone is thin
        y += max(lack + HAIR / 4 * lam, 0.0) / ease * middle
        length = float(np.linalg.norm(y))
        if length < best.length:
            best = Leaf(y, [[int(i), 1.0] for i in np.flatnonzero(share)], length)
        if length <= lam * (1 - HAIR) or not np.any(open_rows):
            break
        u = u / np.linalg.norm(u) + y / max(length, 1e-300)
    return best


def _cut(V: Array, Z: Array, q: Array) -> tuple[int, int, float, float]:
    """The edge on which rows change their sign most, and where: the new vertex is x·V_a + y·V_b, of unit length."""
    d = V.shape[1]
    pairs = np.array(list(itertools.combinations(range(d), 2)))
    first, second = Z[:, pairs[:, 0]], Z[:, pairs[:, 1]]
    change = np.abs(q)[:, None] * np.where(first * second < 0, np.minimum(np.abs(first), np.abs(second)), 0.0)
    weight = change.sum(axis=0)
    if np.any(weight > 0):
        e = int(np.argmax(weight))
        i = int(np.argmax(change[:, e]))
        share = abs(second[i, e]) / (abs(first[i, e]) + abs(second[i, e]))
    else:
        e = int(np.argmin((V.T @ V)[pairs[:, 0], pairs[:, 1]]))
        share = 0.5
    a, b = (int(k) for k in pairs[e])
    if not INSIDE <= share <= 1 - INSIDE:
        share = 0.5
    length = float(np.linalg.norm(share * V[:, a] + (1 - share) * V[:, b]))
    return a, b, share / length, (1 - share) / length
