"""Proofs by splits that max qᵀ(Su)₊ ≤ λ over ‖u‖ = 1 for q = −G and q = G, one output, any number of columns.

A tree is the list of its nodes, each followed by its two subtrees. Any multipliers at a leaf prove something; the leaf
holds if that is at most λ.

rows: {"row": i} fixes s_iᵀu ≥ 0 in the first subtree, ≤ 0 in the second. A leaf gives every row α, β ≥ 0, γ ≥ 0, and
some rows i a vector y and ρ ≥ ‖y‖ ("y": [[i, ρ, y], …], else 0), with q·z₊ + ρ|z| ≤ αz + βz² + γ for every z that the
row may take; and μ, t with [[μI − A, g/2], [gᵀ/2, t]] ⪰ 0, g = Sᵀα, A = Sᵀdiag(β)S − ½ Σ (s_i yᵀ + y s_iᵀ). For ‖u‖ = 1
each q·z₊ is then at most αz + βz² − z·yᵀu + γ, and gᵀu + uᵀAu ≤ μ + t. The leaf holds if Σγ + μ + t ≤ λ.

cones: one tree for each orthant, the signs +1 before −1, the first coordinate slowest; its vertices are the signed unit
vectors. {"edge": [a, b], "at": [x, y]}, x, y > 0: the new vertex x·V_a + y·V_b replaces V_a in the first subtree, V_b
in the second. A leaf gives y and shares m_i in [0, 1] ("shares": [[i, m_i], …], else 0): q·(s_iᵀu)₊ is at most the
linear interpolant of q·max(s_iᵀV_k, 0) for q ≥ 0, and m_i·q·s_iᵀu for q < 0 where the row takes both signs. The leaf
holds if ‖y‖ ≤ λ and V_kᵀy is at least the sum of these at every vertex.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from .file import number, vector
from .forms import negative_direction
from .numbers import integers, matrix

Vertex = tuple[list[int], int]
"""(m, k): the vector m / 2^k."""


class ProofError(ValueError):
    """A leaf or the shape of a tree does not hold; the message says where."""


@dataclass(frozen=True)
class Instance:
    """max qᵀ(Su)₊ ≤ λ over ‖u‖ = 1, S over 2^k."""

    S: Sequence[Sequence[int]]
    k: int
    q: Sequence[float]
    lam: Fraction


def check_proof(S: Sequence[Sequence[float]], G: Sequence[Sequence[float]], lam: float, proof: dict[str, Any]) -> None:
    """Raise ``ProofError`` unless both trees of the proof hold; ``ValueError`` where it is damaged."""
    if set(proof) != {"split", "plus", "minus"} or proof["split"] not in ("rows", "cones"):
        raise ValueError("damaged: 'proof' needs 'split' (rows or cones), 'plus' and 'minus'.")
    if len(G[0]) != 1:
        raise ProofError(f"{len(G[0])} outputs: trees prove certificates of one output.")
    numbers, k = matrix(S)
    for side, sign in (("plus", -1.0), ("minus", 1.0)):
        instance = Instance(numbers, k, [sign * row[0] for row in G], Fraction(lam))
        tree = Reader(proof[side], side)
        _rows(tree, instance) if proof["split"] == "rows" else _cones(tree, instance)
        tree.end()


class Reader:
    """The nodes of one tree, in their order."""

    def __init__(self, nodes: Any, side: str):
        if not isinstance(nodes, list) or not all(isinstance(node, dict) for node in nodes):
            raise ValueError(f"damaged: the tree {side!r} is not a list of objects.")
        self.nodes, self.side, self.place = nodes, side, 0

    def next(self) -> dict[str, Any]:
        if self.place == len(self.nodes):
            raise ProofError(f"The tree {self.side!r} ends before all its parts are proved.")
        self.place += 1
        return self.nodes[self.place - 1]

    def end(self) -> None:
        if self.place < len(self.nodes):
            raise ProofError(f"The tree {self.side!r} goes on after all its parts are proved.")

    def demand(self, holds: bool, what: str) -> None:
        if not holds:
            raise ProofError(f"Node {self.place - 1} of the tree {self.side!r}: {what}.")


def index(x: Any, count: int) -> int:
    """x as one of the numbers 0, …, count − 1."""
    if isinstance(x, bool) or not isinstance(x, int) or not 0 <= x < count:
        raise ValueError(f"damaged: {str(x)[:40]!r} is no index below {count}.")
    return x


def _rows(tree: Reader, instance: Instance) -> None:
    todo: list[dict[int, int]] = [{}]
    while todo:
        fixed = todo.pop()
        node = tree.next()
        if set(node) == {"row"}:
            i = index(node["row"], len(instance.S))
            todo += [fixed | {i: -1}, fixed | {i: 1}] if i not in fixed else [fixed]
            tree.demand(i not in fixed, f"row {i} is split twice")
        elif set(node) - {"y"} == {"alpha", "beta", "gamma", "mu", "t"}:
            _rows_leaf(tree, instance, node, fixed)
        else:
            raise ValueError("damaged: a node of a tree of rows is a row, or alpha, beta, gamma, mu, t and perhaps y.")


def _rows_leaf(tree: Reader, instance: Instance, leaf: dict[str, Any], fixed: dict[int, int]) -> None:
    count, d = len(instance.S), len(instance.S[0])
    alpha, beta, gamma = (vector(name, leaf[name]) for name in ("alpha", "beta", "gamma"))
    mu, t = (Fraction(number(name, leaf[name])) for name in ("mu", "t"))
    if not len(alpha) == len(beta) == len(gamma) == count:
        raise ValueError(f"damaged: alpha, beta and gamma of a leaf need {count} numbers each.")
    turns = _turns(tree, leaf, count, d)
    for i, (q, *multipliers) in enumerate(zip(instance.q, alpha, beta, gamma, strict=True)):
        a, b, c = map(Fraction, multipliers)
        rho = turns[i][0] if i in turns else Fraction(0)
        tree.demand(b >= 0 and c >= 0, f"beta or gamma of row {i} is negative")
        for sign, lack in ((1, Fraction(q) - a + rho), (-1, a + rho)):  # the slopes on z ≥ 0 and on z ≤ 0
            if fixed.get(i) != -sign and lack > 0:
                tree.demand(4 * b * c >= lack * lack, f"the majorant of row {i} is too low")
    (A, ka), (B, kb) = integers(alpha), integers(beta)
    g = [sum(a * s[j] for a, s in zip(A, instance.S, strict=True)) for j in range(d)]
    form = [[Fraction(0)] * (d + 1) for _ in range(d + 1)]
    for j in range(d):
        for i in range(j + 1):
            entry = -sum(b * s[i] * s[j] for b, s in zip(B, instance.S, strict=True))
            form[i][j] = form[j][i] = _over(entry, kb + 2 * instance.k) + (mu if i == j else 0)
        form[j][d] = form[d][j] = _over(g[j], ka + instance.k + 1)
    form[d][d] = t
    for row, (_, y) in turns.items():
        s = [_over(x, instance.k) for x in instance.S[row]]
        for i in range(d):
            for j in range(d):
                form[i][j] += (s[i] * y[j] + s[j] * y[i]) / 2
    scale = max(x.denominator for row in form for x in row)  # all are powers of two
    whole = [[int(x * scale) for x in row] for row in form]
    tree.demand(negative_direction(whole) is None, "its matrix is not positive semidefinite")
    tree.demand(sum(map(Fraction, gamma)) + mu + t <= instance.lam, "it proves less than λ")


def _turns(tree: Reader, leaf: dict[str, Any], count: int, d: int) -> dict[int, tuple[Fraction, list[Fraction]]]:
    """By row, ρ and y with ‖y‖ ≤ ρ."""
    found: dict[int, tuple[Fraction, list[Fraction]]] = {}
    given = leaf.get("y", [])
    if not isinstance(given, list) or not all(isinstance(entry, list) and len(entry) == 3 for entry in given):
        raise ValueError("damaged: y of a leaf is a list of a row, a number and a vector each.")
    for row, length, turn in given:
        i, rho, y = index(row, count), Fraction(number("rho", length)), [Fraction(x) for x in vector("y", turn)]
        if len(y) != d:
            raise ValueError(f"damaged: y of a row needs {d} numbers.")
        tree.demand(i not in found, f"y of row {i} is given twice")
        tree.demand(rho >= 0 and sum(x * x for x in y) <= rho * rho, f"y of row {i} is longer than its number says")
        found[i] = rho, y
    return found


def _over(m: int, k: int) -> Fraction:
    return Fraction(m, 1 << k) if k >= 0 else Fraction(m << -k)


def _cones(tree: Reader, instance: Instance) -> None:
    d = len(instance.S[0])
    for signs in itertools.product((1, -1), repeat=d):
        todo: list[list[Vertex]] = [[([s * (i == j) for j in range(d)], 0) for i, s in enumerate(signs)]]
        while todo:
            cone = todo.pop()
            node = tree.next()
            if set(node) == {"edge", "at"}:
                todo += _split(tree, cone, node)
            elif set(node) in ({"y"}, {"y", "shares"}):
                _cones_leaf(tree, instance, node, [v for v, _ in cone])  # a multiple of a vertex serves as well
            else:
                raise ValueError("damaged: a node of a tree of cones is an edge and where it is cut, or y and shares.")


def edge_of(node: dict[str, Any], count: int) -> tuple[int, int, list[float]]:
    """Which of ``count`` vertices a node of a tree of cones joins, and where: ``ValueError`` where it is damaged."""
    edge, at = node["edge"], vector("at", node.get("at"))
    if not isinstance(edge, list) or len(edge) != 2 or len(at) != 2:
        raise ValueError("damaged: an edge joins two vertices, and is cut at two positive numbers.")
    a, b = (index(x, count) for x in edge)
    return a, b, at


def leaf_of(tree: Reader, leaf: dict[str, Any], count: int, rows: int) -> tuple[list[float], dict[int, float]]:
    """y, of ``count`` numbers, and the shares by row; ``ValueError`` where they are damaged."""
    y, given = vector("y", leaf.get("y")), leaf.get("shares", [])
    if len(y) != count:
        raise ValueError(f"damaged: y of a leaf needs {count} numbers.")
    if not isinstance(given, list) or not all(isinstance(pair, list) and len(pair) == 2 for pair in given):
        raise ValueError("damaged: shares are pairs of a row and a number.")
    shares: dict[int, float] = {}
    for row, value in given:
        i, share = index(row, rows), number("shares", value)
        tree.demand(0 <= share <= 1 and i not in shares, f"the share of row {i} is outside [0, 1] or given twice")
        shares[i] = share
    return y, shares


def _split(tree: Reader, cone: list[Vertex], node: dict[str, Any]) -> list[list[Vertex]]:
    """The second cone, then the first: the stack turns them round."""
    a, b, at = edge_of(node, len(cone))
    tree.demand(a != b and min(at) > 0, "an edge joins two vertices, and is cut at two positive numbers")
    (x, y), scale = integers(at)
    (v, kv), (w, kw) = cone[a], cone[b]
    k = max(kv, kw)
    new = [x * (p << (k - kv)) + y * (q << (k - kw)) for p, q in zip(v, w, strict=True)], k + scale
    return [[new if i == k else v for i, v in enumerate(cone)] for k in (b, a)]


def _cones_leaf(tree: Reader, instance: Instance, leaf: dict[str, Any], cone: list[list[int]]) -> None:
    turn, shares = leaf_of(tree, leaf, len(cone), len(instance.S))
    y, ky = integers(turn)
    q, kq = integers(instance.q)
    m, km = integers(shares.get(i, 0.0) for i in range(len(q)))
    unit, km = (1 << km, km) if km >= 0 else (1, 0)
    total = [0] * len(cone)  # over 2^(k + kq + km)
    for s, weight, share in zip(instance.S, q, m, strict=True):
        z = [sum(a * b for a, b in zip(s, v, strict=True)) for v in cone]
        if max(z) <= 0 or not weight:
            continue
        if min(z) >= 0:
            share = unit
        elif weight > 0:
            z, share = [max(a, 0) for a in z], unit
        if share:
            total = [a + weight * share * b for a, b in zip(total, z, strict=True)]
    up = instance.k + kq + km
    lift, drop = (up - ky, 0) if up >= ky else (0, ky - up)
    for v, bound in zip(cone, total, strict=True):
        reached = sum(a * b for a, b in zip(v, y, strict=True)) << lift
        tree.demand(reached >= bound << drop, "y is below the bound at a vertex")
    tree.demand(_over(sum(a * a for a in y), 2 * ky) <= instance.lam**2, "‖y‖ is above λ")
