"""Sums of scalar chains, ½(1 − Σ_i w_i1 ⋯ w_iK)² + λ Σ_i (1/K) Σ_k |w_ik|^q: section 6 where all is known by hand.

Every critical point other than zero has |w_1| = … = |w_K|; with x = w_1 ⋯ w_K it solves (1 − x) x^{1 − q/K} = λ q/K.
"""

import itertools
import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
from scipy import optimize

from global_optimality.descent import NewtonCG, minimise
from global_optimality.losses import SquaredLoss
from global_optimality.mappings import DeepLinear
from global_optimality.problem import Problem
from global_optimality.regularizers import PowerDecay
from global_optimality.streams import generator, normal


def chain(K: int, q: int, lam: float) -> Problem:
    """The objective as a problem of the package: φ = w_1 ⋯ w_K of degree K, θ = (1/K) Σ |w_k|^q of degree q."""
    one = torch.ones(1, 1, dtype=torch.float64)
    return Problem(SquaredLoss(one), DeepLinear(1, (1,) * K), PowerDecay(q), lam, allow_mismatch=True)


def tie(K: int, q: float) -> float:
    """The λ at which zero becomes global (q ≤ K): the other minimum is then at x = 2(K − q)/(2K − q), with f = ½."""
    x = 2 * (K - q) / (2 * K - q)
    return K / q * (1 - x) * x ** (1 - q / K)


def vanishing(K: int, q: int) -> float:
    """The λ at which the other minimum vanishes (q ≤ K): the largest value of (K/q)(1 − x) x^s, s = 1 − q/K."""
    s = 1 - q / K
    return K / q * s**s / (1 + s) ** (1 + s)


def roots(K: int, q: int, lam: float) -> list[float]:
    """The solutions x in (0, 1) of (1 − x) x^{1 − q/K} = λ q/K, in order."""
    s = 1 - q / K

    def excess(x: float) -> float:
        return (1 - x) * x**s - lam * q / K

    ends = [1e-300, *([s / (1 + s)] if s > 0 else []), 1.0]
    pairs = [(a, b) for a, b in itertools.pairwise(ends) if excess(a) * excess(b) < 0]
    return [float(optimize.brentq(excess, a, b, xtol=1e-15)) for a, b in pairs]  # type: ignore[arg-type]


def critical_points(K: int, q: int, lam: float, *, seed: int = 0) -> pd.DataFrame:
    """Zero and the points w_1 = … = w_K, one for all choices of signs, for q > 1: gradient and kind are measured.

    The kind compares f with its values in 4000 points on small spheres around the point.
    """
    problem, rows = chain(K, q, lam), []
    around = normal(generator(seed, "around", K), 4000, 1, K)
    around = 1e-2 * around / around.norm(dim=2, keepdim=True)
    for x in (0.0, *roots(K, q, lam)):
        at = torch.full((1, 1, K), x ** (1 / K), dtype=torch.float64)
        value, gradient = problem.gradient(*_factors(at))
        change = problem(*_factors(at + around)) - value
        low, high = float(change.min()), float(change.max())
        kind = "local minimum" if low > 0 else "local maximum" if high < 0 else "saddle"
        norm = float(torch.stack(gradient).norm())
        rows.append((q, x, float(at[0, 0, 0]), float(value), norm, kind))
    table = pd.DataFrame(rows, columns=["q", "product", "weight", "objective", "gradient_norm", "kind"])
    table.loc[table["objective"] <= table["objective"].min() + 1e-12, "kind"] = "global minimum"
    return table


def missed(K: int, q: int, lam: float, *, starts: int, seed: int) -> tuple[int, float]:
    """Newton's method on ∇f = 0 from random starts: how many ended, and the largest distance from a point on the list.

    The distance is between products and between weights in absolute value.
    """
    problem, known = chain(K, q, lam), critical_points(K, q, lam)["weight"].to_numpy()
    w = normal(generator(seed, "missed", K, q), starts, 1, K)
    basis = torch.eye(K, dtype=torch.float64)
    for _ in range(90):
        W = _factors(w)
        g = _stacked(problem.gradient(*W)[1])[:, 0]
        H = torch.stack([_stacked(problem.hessian_product(W, _factors(e.expand_as(w))))[:, 0] for e in basis], 2)
        w = w - (torch.linalg.pinv(H) @ g[..., None])[..., 0][:, None]
    ends = w[g.norm(dim=1) <= 1e-10, 0].abs().numpy()
    distance = np.abs(ends[:, :, None] - known).max(1).min(1)
    return len(ends), float(distance.max())


def slices(qs: Sequence[int], lam: float, *, points: int = 81) -> pd.DataFrame:
    """f of one chain of three weights on the plane (w_1, w_2 = w_3), for each degree q."""
    axis = torch.linspace(-1.6, 1.6, points, dtype=torch.float64)
    a, b = torch.meshgrid(axis, axis, indexing="ij")
    w = torch.stack([a, b, b], dim=2).reshape(-1, 1, 3)
    tables = []
    for q in qs:
        f = chain(3, q, lam)(*_factors(w))
        tables.append(pd.DataFrame({"q": q, "a": w[:, 0, 0], "b": w[:, 0, 1], "objective": f}))
    return pd.concat(tables, ignore_index=True)


def diagonal(K: int, q: int, lams: Sequence[float], *, points: int = 201) -> pd.DataFrame:
    """f along w_1 = … = w_K = a for several λ."""
    a = torch.linspace(-0.35, 1.15, points, dtype=torch.float64)
    w = a[:, None, None].expand(-1, 1, K)
    tables = [pd.DataFrame({"lam": lam, "a": a, "objective": chain(K, q, lam)(*_factors(w))}) for lam in lams]
    return pd.concat(tables, ignore_index=True)


def spread_out(sizes: Sequence[int], lam: float, *, runs: int, seed: int) -> pd.DataFrame:
    """θ = ½(u⁴ + v⁴) on products uv: the least f over random starts beside f_r* = λ/(r + 2λ), and what units do."""
    problem, rows = chain(2, 4, lam), []
    for r in sizes:
        descent = minimise(problem, problem.random(runs, r, seed=seed, deviation=0.7), NewtonCG(), tol=1e-10)
        best = int(descent.objective.argmin())
        x = problem.mapping.phi(*descent.weights)[best].flatten()
        rows.append((r, lam / (r + 2 * lam), float(descent.objective[best]), float(x.min()), float(x.max())))
    table = pd.DataFrame(rows, columns=["size", "closed_form", "objective", "least_unit", "largest_unit"])
    return table.assign(error=(table["objective"] / table["closed_form"] - 1).abs())


def splitting(pairs: Sequence[tuple[int, int]], copies: Sequence[int], *, seed: int) -> pd.DataFrame:
    """Θ and Φ of m copies of m^{−1/p} w for deep products, relative to one copy, for degrees (p, q)."""
    rows = []
    for p, q in pairs:
        mapping, theta = DeepLinear(3, (3,) * p), PowerDecay(q)
        W = tuple(normal(generator(seed, "splitting", k), 1, 1, 3, 3) for k in range(p))
        X = mapping.Phi(*W)
        for m in copies:
            V = tuple(m ** (-1 / p) * w.expand(-1, m, -1, -1) for w in W)
            moved = float((mapping.Phi(*V) - X).norm() / X.norm())
            rows.append((p, q, m, float(theta.Theta(*V) / theta.Theta(*W)), moved))
    return pd.DataFrame(rows, columns=["p", "q", "copies", "ratio", "moved"])


def exponents(table: pd.DataFrame, x: str, y: str, by: list[str]) -> pd.DataFrame:
    """Least-squares slope of log y against log x in each group."""

    def slope(rows: pd.DataFrame) -> float:
        return float(np.polyfit(np.log(rows[x]), np.log(rows[y]), 1)[0])

    return table.groupby(by)[[x, y]].apply(slope).rename("exponent").reset_index()


def radius(K: int, q: int, lam: float) -> float:
    """(λc/GM)^{1/(K − q)} for y = 1: no sum of chains with all norms below it is better than zero (q < K).

    c = 1/K for q ≤ 2 (θ ≥ c‖w‖^q), M = K^{−K/2} (|φ| ≤ M‖w‖^K) and G = 1.
    """
    return (lam / K * K ** (K / 2)) ** (1 / (K - q))


def onset(K: int, q: int, lam: float) -> float:
    """The least norm at which one chain is better than zero: √K x^{1/K}, least root of x^{1−q/K}(1 − x/2) = λ."""
    s = 1 - q / K
    top = 2 * s / (1 + s)
    x = optimize.brentq(lambda x: x**s * (1 - x / 2) - lam, 1e-300, top, xtol=1e-15)
    return math.sqrt(K) * float(x) ** (1 / K)  # type: ignore[arg-type]


def better_than_zero(
    K: int, q: int, lam: float, sizes: Sequence[int], *, starts: int, seed: int, points: int = 121
) -> pd.DataFrame:
    """For each r: the least norm ρ at which a search found r chains, each of norm ρ or zero, with f < f(0).

    The search is projected gradient descent on spheres, for ``points`` values of ρ at once.
    """
    low, problem, rows = radius(K, q, lam), chain(K, q, lam), []
    rho = torch.linspace(0.6 * low, 1.8 * low, points, dtype=torch.float64).repeat_interleave(starts)[:, None, None]
    for r in sizes:
        w = normal(generator(seed, "better", r), len(rho), r, K)
        order = torch.arange(len(rho)) % starts
        active = torch.arange(r)[None] < 1 + (order * r // starts)[:, None]
        best = torch.full((len(rho),), torch.inf, dtype=torch.float64)
        for _ in range(60):
            w = torch.where(active[..., None], rho * w / w.norm(dim=2, keepdim=True), 0.0)
            value, gradient = problem.gradient(*_factors(w))
            best = torch.minimum(best, value)
            w = w - 0.3 * _stacked(gradient)
            w = torch.where(w.norm(dim=2, keepdim=True) > 0, w, rho)
        found = rho[:, 0, 0][best < 0.5 - 1e-12]
        rows.append((r, low, onset(K, q, lam), float(found.min()) if len(found) else math.inf))
    return pd.DataFrame(rows, columns=["size", "bound", "predicted", "measured"])


def _factors(w: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Weights ``(n, r, K)`` as K factors ``(n, r, 1, 1)``."""
    return tuple(w[..., k, None, None] for k in range(w.shape[2]))


def _stacked(W: tuple[torch.Tensor, ...]) -> torch.Tensor:
    return torch.stack([w[..., 0, 0] for w in W], dim=2)
