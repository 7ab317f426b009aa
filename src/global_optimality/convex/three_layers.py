"""Networks with two hidden ReLU layers, inner width two, as finitely many convex problems (CVXPY and Clarabel).

A subnetwork ((S W)₊ a)₊ b with units w_1, w_2 of the first layer and one of the second costs ‖W‖_F ‖a‖ |b|. With
z_u = |a_u b| w_u, σ_u = sign a_u, it is ± (σ_1 (S z_1)₊ + σ_2 (S z_2)₊)₊, and its least cost is ‖z_1‖ + ‖z_2‖ (Cauchy
and Schwarz). Fix σ, which samples each unit sees, and the sign of the sum on every sample: what is left is linear in
z on a convex cone. So both the polar and training over all sizes are convex, once all patterns are listed.
"""

import itertools
from dataclasses import dataclass

import cvxpy as cp
import numpy as np
from scipy import optimize

from ..arrays import Matrix, real
from .inputs import Mask, accuracy, boolean, in_range, positive, unit

SIGNS = ((1.0, 1.0), (1.0, -1.0))
"""Of σ up to the order of units; two minus signs leave nothing."""


INTERIOR = 1e-9
"""Cones narrower than this have no interior points; those with ties among the samples have none at all."""


@dataclass(frozen=True)
class Pattern:
    """On the cone A z ≥ 0, z = (z_1, z_2), the subnetwork's output is M z; M ``(N, 2d)``, A ``(m, 2d)``, finite."""

    M: Matrix
    A: Matrix

    def __post_init__(self) -> None:
        object.__setattr__(self, "M", real("M", self.M, ("N", "2d")))
        object.__setattr__(self, "A", real("A", self.A, ("m", self.M.shape[1])))
        if self.M.shape[1] % 2:
            raise ValueError(f"M has {self.M.shape[1]} columns, expected 2d: those of z_1 and of z_2.")


def cells_in_the_plane(S: Matrix) -> Mask:
    """Which samples are active, for every cell of the circle of first-layer weights; S ``(N, 2)``, cells ``(P, N)``.

    ``ValueError`` for other shapes, NaN, and samples that are zero: they cut nothing.
    """
    S = real("S", S, ("N", 2))
    if not S.any(1).all():
        raise ValueError("S has a zero row: no weight sees that sample, leave it out.")
    angles = np.sort(np.concatenate([np.arctan2(S[:, 0], -S[:, 1]), np.arctan2(-S[:, 0], S[:, 1])]))
    following = np.append(angles[1:], angles[0] + 2 * np.pi)
    middles = ((angles + following) / 2)[following - angles > 1e-12]
    return np.unique(np.stack([np.cos(middles), np.sin(middles)], 1) @ S.T > 0, axis=0)


def patterns(S: Matrix, cells: Mask, signs: tuple[tuple[float, float], ...] = SIGNS) -> list[Pattern]:
    """All patterns of two first-layer units and the second layer whose cones have interior points: they cover the rest.

    The sign of the sum is split sample by sample; one that no unit sees is left out. ``TypeError`` or ``ValueError``
    for other shapes, cells that are not boolean, and NaN.
    """
    S = real("S", S, ("N", "d"))
    cells = boolean("cells", cells, ("P", len(S)))
    pairs = isinstance(signs, tuple | list) and all(isinstance(pair, tuple | list) for pair in signs)
    if not pairs or not {(1.0, 1.0), (1.0, -1.0), (-1.0, 1.0)} >= {tuple(pair) for pair in signs}:
        raise ValueError("signs are no pairs of +1 and −1, not both −1: pass SIGNS, or some of them.")
    found = []
    for sigma in signs:
        for first, second in itertools.product(cells, repeat=2):
            inner = np.hstack([sigma[0] * first[:, None] * S, sigma[1] * second[:, None] * S])
            one, two = (2.0 * first - 1)[:, None] * S, (2.0 * second - 1)[:, None] * S
            sides = np.vstack([np.hstack([one, np.zeros_like(S)]), np.hstack([np.zeros_like(S), two])])
            cones = [(sides, np.zeros(len(S)))]
            for i in np.flatnonzero(first | second):
                on = np.eye(len(S))[i]
                both = [(np.vstack([A, side * inner[i]]), m + (side > 0) * on) for A, m in cones for side in (1, -1)]
                cones = [cone for cone in both if _has_interior(cone[0])]
            found += [Pattern(m[:, None] * inner, A) for A, m in cones if m.any()]
    return found


def _has_interior(A: Matrix) -> bool:
    """Whether A z > 0 has a solution: the largest t ≤ 1 with A z ≥ t, |z| ≤ 1, rows of A scaled to length 1."""
    length = np.linalg.norm(A, axis=1, keepdims=True)
    if not length.all():
        return False
    rows, n = A / length, A.shape[1]
    best = optimize.linprog(
        np.append(np.zeros(n), -1.0),
        A_ub=np.hstack([-rows, np.ones((len(rows), 1))]),
        b_ub=np.zeros(len(rows)),
        bounds=[(-1, 1)] * n + [(None, 1)],
    )
    return -best.fun > INTERIOR


def three_layer_polar(kinds: list[Pattern], q: Matrix, *, tolerance: float = 1e-9) -> float:
    """max ± qᵀ(Σ_u σ_u (S z_u)₊)₊ over ‖z_1‖ + ‖z_2‖ ≤ 1: one second-order cone program a pattern and sign.

    Without the cone the maximum is max_u ‖(Mᵀq)_u‖: largest first, until that is not above the best value found. q is
    ``(N,)``. ``ValueError`` for another shape, NaN, or no pattern.
    """
    length = _length(kinds)
    q = real("q", q, (len(kinds[0].M),))
    size, tolerance = length * unit(q), accuracy("tolerance", tolerance)
    kinds, q = [Pattern(p.M / length, _unit_rows(p.A)) for p in kinds], q / unit(q)
    d = kinds[0].M.shape[1] // 2
    z, c = cp.Variable(2 * d), cp.Parameter(2 * d)
    programs: dict[int, tuple[cp.Parameter, cp.Problem]] = {}
    options = {"tol_gap_abs": tolerance, "tol_gap_rel": tolerance, "tol_feas": tolerance}
    linear = [(p.M.T @ side, p.A) for p in kinds for side in (q, -q)]
    bounds = [max(np.linalg.norm(slope[:d]), np.linalg.norm(slope[d:])) for slope, _ in linear]
    best = 0.0
    for k in np.argsort(bounds)[::-1]:
        if bounds[k] <= best * (1 + tolerance):
            break
        slope, cone = linear[k]
        if len(cone) not in programs:
            A = cp.Parameter(cone.shape)
            ball = cp.norm(z[:d], 2) + cp.norm(z[d:], 2) <= 1
            programs[len(cone)] = A, cp.Problem(cp.Maximize(c @ z), [A @ z >= 0, ball])
        A, program = programs[len(cone)]
        A.value, c.value = cone, slope
        best = max(best, float(program.solve(solver=cp.CLARABEL, **options)))  # type: ignore[arg-type]
    return best * size


@dataclass(frozen=True)
class ThreeLayers:
    """Training over all sizes: outputs ``(N,)``, the objective recomputed from them, patterns in the program."""

    x: Matrix
    objective: float
    patterns: int


def three_layers(kinds: list[Pattern], y: Matrix, lam: float, *, tolerance: float = 1e-10) -> ThreeLayers:
    """min ½‖Σ_p M_p (z_p − z'_p) − y‖² + λ Σ_p N(z_p) + N(z'_p), A_p z_p ≥ 0, A_p z'_p ≥ 0, N(z) = ‖z_1‖ + ‖z_2‖.

    Its minimum is that of ½‖Φ_r − y‖² + λΘ_r over all r, as Ω is the gauge of the hull of all patterns' sets.
    Solved in units in which M and y are about 1; y is ``(N,)``. ``ValueError`` for another shape, NaN, no pattern, or
    if the conic solver ends without a solution.
    """
    length = _length(kinds)
    y, lam = real("y", y, (len(kinds[0].M),)), positive("lam", lam)
    size = unit(y)
    tolerance = accuracy("tolerance", tolerance)
    y, lam = y / size, positive("lam in the units of the data", lam / (length * size))
    d = kinds[0].M.shape[1] // 2
    outputs, cones = [], []
    Z = cp.Variable((2 * len(kinds), 2 * d))
    for k, pattern in enumerate(kinds):
        for row, side in ((2 * k, 1.0), (2 * k + 1, -1.0)):
            outputs.append(side * pattern.M / length)
            cones.append(_unit_rows(pattern.A) @ Z[row] >= 0)
    norms = cp.sum(cp.norm(Z[:, :d], 2, axis=1)) + cp.sum(cp.norm(Z[:, d:], 2, axis=1))
    M = np.hstack(outputs)
    x = M @ cp.reshape(Z, (Z.size,), order="C")
    program = cp.Problem(cp.Minimize(0.5 * cp.sum_squares(x - y) + lam * norms), cones)
    program.solve(solver=cp.CLARABEL, tol_gap_abs=tolerance, tol_gap_rel=tolerance, tol_feas=tolerance)
    if Z.value is None:
        raise ValueError(f"the conic solver ended with status {program.status}")
    found = M @ Z.value.flatten()
    cost = np.linalg.norm(Z.value[:, :d], axis=1).sum() + np.linalg.norm(Z.value[:, d:], axis=1).sum()
    objective = in_range(float(0.5 * np.square(found - y).sum() + lam * cost), size * size)
    return ThreeLayers(found * size, objective, len(kinds))


def _length(kinds: list[Pattern]) -> float:
    """The unit of all M; ``ValueError`` without a pattern, ``TypeError`` for anything but a list of patterns."""
    if not isinstance(kinds, tuple | list) or not all(isinstance(p, Pattern) for p in kinds):
        raise TypeError("kinds is no list of patterns: pass what patterns(S, cells) gives.")
    if not kinds:
        raise ValueError("there is no pattern: give those of patterns(S, cells).")
    if len(shapes := {p.M.shape for p in kinds}) > 1:
        raise ValueError(f"the patterns have shapes {sorted(shapes)}: give those of one call of patterns(S, cells).")
    return max(unit(p.M) for p in kinds)


def _unit_rows(A: Matrix) -> Matrix:
    """The same cone A z ≥ 0 with rows of length 1; zero rows demand nothing and stay."""
    length = np.linalg.norm(A, axis=1, keepdims=True)
    return A / np.where(length > 0, length, 1.0)
