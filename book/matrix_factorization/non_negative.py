"""Non-negative matrix factorization: the polar is only enclosed; for few columns as closely as one likes."""

from collections.abc import Sequence
from itertools import combinations

import pandas as pd
import torch
from torch import Tensor

from global_optimality.certificate import certify
from global_optimality.descent import GradientDescent, minimise
from global_optimality.factors import append
from global_optimality.losses import SquaredLoss
from global_optimality.mappings import MatrixProduct
from global_optimality.polar import PolarBound, lambda_max
from global_optimality.problem import Problem
from global_optimality.regularizers import NonNegative
from global_optimality.streams import generator, normal, uniform

from ..shared import data
from ..shared.tables import runs_table

CLOSED = 1e-9
"""The search over cones ends when no cone can exceed the best direction by more than CLOSED, relative."""

TOL, ESCAPES = 1e-6, 6
"""The relative gap that counts as certified, and how often descent is started again along the polar's atom."""

INSIDE = 1e-6
"""A projection counts as inside a face down to -INSIDE of its largest weight: one too many only raises the bound."""

CONES = 20_000
"""Cones that the search may look at; it ends with what it has proved by then."""


def non_negative_digits(
    shares: Sequence[float], *, images: int, r: int, runs: int, seed: int, tol: float = 1e-6, max_steps: int = 3000
) -> pd.DataFrame:
    """Non-negative factors of the first digits for several λ = share · λ_max: gap, polar's enclosure, verdict."""
    Y = data.digits().S[:images]
    mapping = MatrixProduct(*Y.shape)
    largest = lambda_max(Problem(SquaredLoss(Y), mapping, NonNegative(), 1.0))
    tables = []
    for share in shares:
        problem = Problem(SquaredLoss(Y), mapping, NonNegative(), share * largest)
        start = problem.regularizer.project(*(w.abs() for w in problem.random(runs, r, seed=seed)))
        descent = minimise(problem, start, GradientDescent(), tol=1e-8, max_steps=max_steps)
        certificate = certify(problem, descent.weights)
        table = runs_table(descent, certificate, share=share)
        table["polar_lower"] = certificate.polar_lower.numpy()
        table["verdict"] = [verdict.name for verdict in certificate.verdict(tol)]
        tables.append(table)
    return pd.concat(tables, ignore_index=True)


def orthant_polar(Q: Tensor) -> PolarBound:
    """max uᵀQv over non-negative unit vectors, Q ``(1, m, n)`` few columns, by cutting the orthant of v into cones.

    h(v) = ‖(Qv)₊‖ is convex and of degree 1: on the cone of v₁ … vₙ it lies below the linear function that equals it at
    the v_i, whose maximum over unit vectors of the cone is known; and h ≤ σ₁ of the rows of Q that are positive at some
    v_i, which is exact where h is constant. Cones that can exceed the best direction are halved.
    """
    M, n = Q[0], Q.shape[2]
    cones, best, at = torch.eye(n, dtype=Q.dtype)[None], 0.0, Q.new_zeros(n)
    upper, looked = 0.0, 0
    while True:
        entries = (cones @ M.T).clamp(min=0)
        values = entries.norm(dim=2)
        top = int(values.max(1).values.argmax())
        if float(values[top].max()) > best:
            best, at = float(values[top].max()), cones[top, int(values[top].argmax())]
        bounds = torch.minimum(_linear_maximum(cones, values), _largest_singular(M, entries.amax(1) > 0))
        keep, looked = bounds > best * (1 + CLOSED), looked + len(cones)
        upper = max(upper, float(bounds[~keep].max()) if bool((~keep).any()) else 0.0)
        if not bool(keep.any()) or looked + 2 * int(keep.sum()) > CONES:
            rest = float(bounds[keep].max()) if bool(keep.any()) else 0.0
            break
        cones = _halved(cones[keep])
    u = (M @ at).clamp(min=0)
    u = u / u.norm() if best > 0 else u
    rounding = 1 + 1e3 * n * torch.finfo(Q.dtype).eps
    top_value = max(min(upper, best * (1 + CLOSED)), rest, best) * rounding
    return PolarBound(
        Q.new_tensor([best]), Q.new_tensor([top_value]), (u[None, None], at[None, None] * float(best > 0))
    )


def _largest_singular(M: Tensor, rows: Tensor) -> Tensor:
    """The largest singular value of the marked rows of M, ``(c, m)``: ``(c,)``."""
    squares = torch.einsum("cm,mi,mj->cij", rows.to(M), M, M)
    return torch.linalg.eigvalsh(squares)[:, -1].clamp(min=0).sqrt()


def _linear_maximum(cones: Tensor, values: Tensor) -> Tensor:
    """The largest value on unit vectors of a cone ``(c, n, n)`` of the linear function with these values at its rows.

    It is attained on a face where the function's projection onto the span of the face lies: of all faces, the largest.
    """
    n, best = cones.shape[1], values.amax(1)
    for count in range(2, n + 1):
        for face in combinations(range(n), count):
            _, corner = torch.linalg.qr(cones[:, list(face)].mT)
            y = torch.linalg.solve_triangular(corner.mT, values[:, list(face), None], upper=False)
            weights = torch.linalg.solve_triangular(corner, y, upper=True)[..., 0]
            inside = (weights >= -INSIDE * weights.abs().amax(1, keepdim=True)).all(1)
            best = torch.where(inside, torch.maximum(best, y[..., 0].norm(dim=1)), best)
    return best


def _halved(cones: Tensor) -> Tensor:
    """Both halves of every cone ``(c, n, n)``, rows its edges, cut through the middle of its two farthest rows."""
    c, n = len(cones), cones.shape[1]
    i, j = torch.triu_indices(n, n, 1)
    widest = (cones[:, i] - cones[:, j]).norm(dim=2).argmax(1)
    rows = torch.arange(c)
    middle = cones[rows, i[widest]] + cones[rows, j[widest]]
    middle = middle / middle.norm(dim=1, keepdim=True)
    first, second = cones.clone(), cones.clone()
    first[rows, i[widest]], second[rows, j[widest]] = middle, middle
    return torch.cat([first, second])


def planted(m: int, n: int, *, seed: int) -> Tensor:
    """A non-negative matrix of rank n, half of its factors zero, plus noise of either sign: ``(m, n)``."""
    stream = generator(seed, "planted non-negative", m, n)
    A = uniform(stream, m, n) * (uniform(stream, m, n) < 0.5)
    B = torch.eye(n, dtype=torch.float64) + 0.3 * uniform(stream, n, n)
    return A @ B + 0.1 * normal(stream, m, n)


def of_higher_rank(
    columns: Sequence[int], shares: Sequence[float], *, draws: Sequence[int], m: int = 12, r: int = 6, steps: int = 600
) -> pd.DataFrame:
    """Non-negative factors of planted matrices with few columns, certified by the search over cones.

    Descent from a random start, then along the polar's atom, again and again, until the gap is below TOL. One row a
    number of columns, λ = share · Ω°(Y) and draw. ``rank`` of the product; ``alone``: the gap of descent alone,
    ``gap`` at the end, ``spectral``: the same by the spectral enclosure, with which nothing is looked for;
    ``signed``: f less the minimum over factors of either sign, relative to f.
    """
    rows = []
    for n in columns:
        for draw in draws:
            Y = planted(m, n, seed=draw)
            largest, s = float(orthant_polar(Y[None]).upper[0]), torch.linalg.svdvals(Y)
            for share in shares:
                lam = share * largest
                problem = Problem(SquaredLoss(Y), MatrixProduct(m, n), NonNegative(), lam)
                W = tuple(w.abs() for w in problem.random(1, r, seed=draw, deviation=0.3))
                gaps: list[float] = []
                while not gaps or (gaps[-1] > TOL and len(gaps) < ESCAPES):
                    W = minimise(problem, W, GradientDescent(), tol=1e-9, max_steps=steps).weights
                    certificate = certify(problem, W, orthant_polar)
                    gaps.append(float(certificate.relative_gap[0]))
                    last, W = W, append(W, certificate.escape)
                f, kept = float(problem(*last)[0]), (s - lam).clamp(min=0)
                rank = int(torch.linalg.matrix_rank(problem.mapping.Phi(*last)[0], rtol=1e-6))
                signed = 1 - float(0.5 * (s - kept).square().sum() + lam * kept.sum()) / f
                spectral = float(certify(problem, last).relative_gap[0])
                rows.append((n, share, draw, f, rank, gaps[0], gaps[-1], len(gaps) - 1, spectral, signed))
    names = ["columns", "share", "draw", "objective", "rank", "alone", "gap", "escapes", "spectral", "signed"]
    return pd.DataFrame(rows, columns=names)
