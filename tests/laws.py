"""What must hold, for any instance: each function raises AssertionError when its law is broken."""

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import torch
from scipy import optimize
from torch import Tensor

from global_optimality import Certificate, PolarBound, Problem, Status, Verdict, certify
from global_optimality.factors import Factors, append, scale, zeros_like_slice
from global_optimality.losses import Loss
from global_optimality.losses.base import inner
from global_optimality.mappings import Mapping
from global_optimality.regularizers import Regularizer

EPS = torch.finfo(torch.float64).eps
SUMS = 64 * EPS
"""Relative to the largest term: sums of a few tens of terms in different orders."""


def same(a: Tensor, b: Tensor, tol: float = SUMS) -> None:
    """a = b up to tol times the largest entry of either; infinities must agree."""
    assert a.shape == b.shape, f"shapes {tuple(a.shape)} and {tuple(b.shape)}"
    assert torch.equal(torch.isinf(a), torch.isinf(b)), "infinite at different places"
    a, b = (torch.where(torch.isinf(x), torch.zeros_like(x), x) for x in (a, b))
    size = max(float(a.abs().max()), float(b.abs().max())) if a.numel() else 0.0
    assert float((a - b).abs().max() if a.numel() else 0) <= tol * size, f"differ by {float((a - b).abs().max()):.3e}"


# --- homogeneity, the two axes ----------------------------------------------------------------------------------------


def homogeneous(f: Callable[..., Tensor], degree: int, W: Factors) -> None:
    """f(sW) = s^degree f(W) for s > 0, and f(0) = 0."""
    value = f(*W)
    for s in (1e-3, 0.5, 2.0, 3.7, 1e4):
        same(f(*(s * w for w in W)), s**degree * value)
    assert float(f(*(torch.zeros_like(w) for w in W)).abs().max()) == 0


def slices_independent(f: Callable[..., Tensor], W: Factors) -> None:
    """The value at subnetwork i of run j depends on that subnetwork alone."""
    value = f(*W)
    for i in range(value.shape[1]):
        same(f(*(w[:, i : i + 1] for w in W)), value[:, i : i + 1])
    changed = tuple(w.clone() for w in W)
    for w in changed:
        w[:, 0] += 1
    same(f(*changed)[:, 1:], value[:, 1:])


def batched_is_looped(f: Callable[..., Tensor], W: Factors, tol: float = SUMS) -> None:
    """All runs at once, run by run, and vmapped: one function."""
    value = f(*W)
    same(torch.cat([f(*(w[i : i + 1] for w in W)) for i in range(len(value))]), value, tol)
    same(torch.func.vmap(lambda *w: f(*(x[None] for x in w))[0])(*W), value, tol)


def sum_over_slices(total: Callable[..., Tensor], W: Factors, tol: float = SUMS) -> None:
    """A zero subnetwork and a permutation of subnetworks change nothing."""
    value = total(*W)
    same(total(*append(W, zeros_like_slice(W))), value, tol)
    order = torch.arange(W[0].shape[1] - 1, -1, -1)
    same(total(*(w[:, order] for w in W)), value, tol)


def mapping_twins(mapping: Mapping, W: Factors, Q: Tensor) -> None:
    """Φ = Σφ and inner(Q) = ⟨Q, φ⟩, whatever faster form computes them."""
    same(mapping.Phi(*W), mapping.phi(*W).sum(1))
    same(mapping.inner(Q, *W), Mapping.inner(mapping, Q, *W))
    assert mapping.phi(*W).shape == (*W[0].shape[:2], *mapping.shape)
    assert tuple(tuple(w.shape[2:]) for w in W) == mapping.factor_shapes


# --- derivatives ------------------------------------------------------------------------------------------------------


def quadratic_remainder(remainder: Callable[[float], Tensor], size: float) -> None:
    """A remainder of order h²: it falls fourfold as h is halved, until rounding of ``size`` takes over."""
    errors = [float(remainder(h).abs().max()) for h in (2e-3, 1e-3, 5e-4)]
    for big, small in pairwise(errors):
        assert small <= 0.27 * big + 256 * EPS * size, f"remainders {errors} do not fall fourfold"


def taylor_gradient(f: Callable[..., Tensor], gradient: Callable[..., tuple], W: Factors, V: Factors) -> None:
    """f(W + hV) − f(W) − h⟨∇f, V⟩ = O(h²), of every run."""
    value = f(*W)
    slope = torch.stack([inner(g, v) for g, v in zip(gradient(*W), V, strict=True)]).sum(0)

    def remainder(h: float) -> Tensor:
        return f(*(w + h * v for w, v in zip(W, V, strict=True))) - value - h * slope

    quadratic_remainder(remainder, float(value.abs().max()))


def taylor_hessian(problem: Problem, W: Factors, V: Factors) -> None:
    """∇f(W + hV) − ∇f(W) − h∇²f V = O(h²); the Hessian is symmetric."""
    start, product = problem.gradient(*W)[1], problem.hessian_product(W, V)

    def remainder(h: float) -> Tensor:
        end = problem.gradient(*(w + h * v for w, v in zip(W, V, strict=True)))[1]
        return torch.cat([(b - a - h * p).flatten() for a, b, p in zip(start, end, product, strict=True)])

    quadratic_remainder(remainder, max(float(g.abs().max()) for g in start))
    U = tuple(v.flip(0, 1).contiguous() for v in V)
    other = problem.hessian_product(W, U)
    left, right = (
        torch.stack([inner(a, b) for a, b in zip(x, y, strict=True)]).sum(0) for x, y in ((product, U), (other, V))
    )
    same(left, right, 1e-12)


# --- losses -----------------------------------------------------------------------------------------------------------


def fenchel_young(loss: Loss, X: Tensor, G: Tensor) -> None:
    """ℓ(X) + ℓ*(G) ≥ ⟨G, X⟩, with equality at G = ∇ℓ(X)."""
    size = loss(X).abs() + inner(X.abs(), G.abs()) + 1
    assert bool((loss(X) + loss.conjugate(G) - inner(G, X) >= -SUMS * size).all()), "Fenchel–Young broken"
    D = loss.gradient(X)
    assert bool(((loss(X) + loss.conjugate(D) - inner(D, X)).abs() <= SUMS * size).all()), "no equality at the gradient"


def convex(loss: Loss, X: Tensor, Z: Tensor) -> None:
    """ℓ(Z) ≥ ℓ(X) + ⟨∇ℓ(X), Z − X⟩: convex, with that gradient."""
    assert bool((loss(Z) >= loss(X) + inner(loss.gradient(X), Z - X) - SUMS * (loss(X) + loss(Z))).all())


def conjugate_is_supremum(loss: Loss, G: Tensor) -> None:
    """ℓ*(G) = sup ⟨G, X⟩ − ℓ(X), the supremum found by scipy."""
    for g, value in zip(G, loss.conjugate(G).tolist(), strict=True):

        def negative(x: np.ndarray, g: Tensor = g) -> tuple[float, np.ndarray]:
            X = torch.tensor(x).reshape(1, *loss.shape)
            return float(loss(X) - inner(g[None], X)), (loss.gradient(X) - g).flatten().numpy()

        found = optimize.minimize(negative, np.zeros(g.numel()), jac=True, method="BFGS", options={"gtol": 1e-10})
        assert abs(-found.fun - value) <= 1e-8 * (1 + abs(value)), f"ℓ* = {value}, supremum {-found.fun}"


def dual_scale_is_best(loss: Loss, search: Callable[[Tensor, Tensor], Tensor], G: Tensor, cap: Tensor) -> None:
    """The scale found lies in [0, cap] and no scale of a fine search does better."""
    s = search(G, cap)
    assert bool(((s >= 0) & (s <= cap)).all())
    for i in range(len(G)):

        def value(t: float, g: Tensor = G[i : i + 1]) -> float:
            return float(loss.conjugate(t * g))

        top = min(float(cap[i]), 1e3)
        best = optimize.minimize_scalar(value, bounds=(0, top), method="bounded", options={"xatol": 1e-12})
        least = min(best.fun, value(0.0), value(top))
        assert value(float(s[i])) <= least + 1e-12 * (1 + abs(least)), f"ℓ*(sG) = {value(float(s[i]))}, best {least}"


def line_minimum_is_best(
    loss: Loss, search: Callable[[Tensor, Tensor], Tensor], X: Tensor, D: Tensor, slope: float
) -> None:
    """The step found is not negative and no step of a fine search does better."""
    a = search(X, D)
    assert bool((a >= 0).all())
    for i in range(len(X)):

        def value(t: float, x: Tensor = X[i : i + 1], d: Tensor = D[i : i + 1]) -> float:
            return float(loss(x + t * d)) + slope * t

        best = optimize.minimize_scalar(value, bounds=(0, 1e3), method="bounded", options={"xatol": 1e-12})
        least = min(best.fun, value(0.0))
        assert value(float(a[i])) <= least + 1e-12 * (1 + abs(least))


# --- polars -----------------------------------------------------------------------------------------------------------


def polar_encloses(
    polar: Callable[[Tensor], PolarBound], mapping: Mapping, theta: Regularizer, Q: Tensor, W: Factors
) -> None:
    """lower ≤ upper, lower is attained by a feasible atom, and no subnetwork of W beats upper."""
    bound = polar(Q)
    assert bound.lower.shape == bound.upper.shape == (len(Q),)
    assert bool((bound.lower >= 0).all())
    assert bool((bound.lower <= bound.upper).all()), "lower > upper"
    size = theta.theta(*bound.atom)
    assert size.shape == (len(Q), 1)
    assert bool((size <= 1 + SUMS).all()), "the atom is not feasible"
    same(mapping.inner(Q, *bound.atom)[:, 0], bound.lower)
    cost = theta.theta(*W)
    value = torch.where(cost > 0, mapping.inner(Q, *W) / cost, torch.zeros_like(cost))
    assert bool((value <= bound.upper[:, None]).all()), "a subnetwork exceeds the upper bound"


def polar_contains(bound: PolarBound, truth: np.ndarray, tol: float = 1e-13) -> None:
    """lower ≤ Ω° ≤ upper, where the truth itself is known to tol."""
    exact = torch.tensor(truth)
    assert bool((bound.lower <= exact * (1 + tol)).all()), "lower exceeds the truth"
    assert bool((bound.upper >= exact * (1 - tol)).all()), "upper lies below the truth"


def gauge(enclosure: Callable[[Tensor], tuple[Tensor, Tensor]], A: Tensor, B: Tensor) -> None:
    """Degree-1 homogeneity and the triangle inequality, as far as an enclosure (lower, upper) can tell."""
    (a_low, a_up), (_, b_up) = enclosure(A), enclosure(B)
    slack = 1e-12
    assert bool((enclosure(A + B)[0] <= (a_up + b_up) * (1 + slack)).all()), "triangle inequality"
    for s in (1e-6, 7.0):
        low, up = enclosure(s * A)
        assert bool((low <= s * a_up * (1 + slack)).all() and (s * a_low <= up * (1 + slack)).all()), "homogeneity"
        same(up, s * a_up, 1e-10)
    assert bool((enclosure(torch.zeros_like(A))[1] == 0).all())


# --- certificates -----------------------------------------------------------------------------------------------------


def weak_duality(certificate: Certificate, optimum: float, accuracy: float) -> None:
    """lower_bound ≤ F* ≤ objective for every run; the reference is known to the relative ``accuracy``."""
    slack = accuracy * abs(optimum)
    assert bool((certificate.lower_bound <= optimum + slack).all()), "the lower bound exceeds the optimum"
    assert bool((certificate.objective >= optimum - slack).all()), "an objective lies below the optimum"
    assert bool((certificate.gap >= 0).all())


def same_certificate(a: Certificate, b: Certificate, tol: float) -> None:
    """One lower bound and one objective, relative to the objective."""
    scale_ = a.objective.abs()
    for x, y in ((a.objective, b.objective), (a.lower_bound, b.lower_bound), (a.gap, b.gap)):
        assert bool(((x - y).abs() <= tol * scale_).all())


def pure(problem: Problem, W: Factors) -> None:
    """Certifying twice gives the same bits and leaves the weights alone."""
    before = tuple(w.clone() for w in W)
    first, second = certify(problem, W), certify(problem, W)
    for name in (
        "objective",
        "lower_bound",
        "gap",
        "polar",
        "polar_lower",
        "alignment",
        "gradient_norm",
        "dual",
        "escape_objective",
    ):
        assert torch.equal(getattr(first, name), getattr(second, name)), name
    assert all(torch.equal(a, b) for a, b in zip(before, W, strict=True))


def escape_is_real(problem: Problem, W: Factors, certificate: Certificate, tol: float) -> None:
    """REFUTED means: the exhibited network, of one more subnetwork, is lower by more than tol, recomputed."""
    value = problem(*append(W, certificate.escape))
    for i, verdict in enumerate(certificate.verdict(tol)):
        if verdict is Verdict.REFUTED:
            assert float(problem(*W)[i] - value[i]) > tol * abs(float(problem(*W)[i])) * (1 - 1e-6)


def verdict_order(certificate: Certificate, tol: float) -> None:
    """CERTIFIED iff gap ≤ tol · |f|; else REFUTED iff the escape is lower by more than that; else UNDECIDED."""
    f = certificate.objective
    for i, verdict in enumerate(certificate.verdict(tol)):
        small = float(certificate.gap[i]) <= tol * abs(float(f[i]))
        lower = float(f[i] - certificate.escape_objective[i]) > tol * abs(float(f[i]))
        assert verdict is (Verdict.CERTIFIED if small else Verdict.REFUTED if lower else Verdict.UNDECIDED)


# --- descent ----------------------------------------------------------------------------------------------------------


def descent_is_recomputed(problem: Problem, descent) -> None:
    """Objective, gradient norm and alignment are those of the returned weights."""
    W = descent.weights
    value, gradient = problem.gradient(*W)
    same(descent.objective, value)
    if not problem.regularizer.constrained:
        norm = torch.stack([g.flatten(1).square().sum(1) for g in gradient]).sum(0).sqrt()
        assert bool(((descent.gradient_norm - norm).abs() <= 1e-12 * (norm + problem.gradient_scale(value))).all())
    same(descent.alignment, problem.alignment(*W), 1e-9)
    assert len(descent.status) == len(value) == len(descent.steps)
    assert all(isinstance(s, Status) for s in descent.status)


def never_rises(values: list[float], tol: float = 1e-12) -> None:
    """No value exceeds an earlier one by more than tol, relative."""
    lowest = float("inf")
    for value in values:
        assert value <= lowest + tol * abs(lowest) or lowest == float("inf"), f"rises from {lowest} to {value}"
        lowest = min(lowest, value)


def splitting_is_neutral(problem: Problem, W: Factors, degree: int) -> None:
    """A subnetwork split into two copies of 2^{−1/p} w each leaves Φ and Θ, hence f, alone."""
    half = torch.full(W[0].shape[:2], 0.5 ** (1 / degree), dtype=W[0].dtype)
    split = append(scale(W, half), scale(W, half))
    same(problem(*split), problem(*W))
