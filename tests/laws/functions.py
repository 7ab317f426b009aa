"""Laws of functions of weights: homogeneity, the axes of runs and subnetworks, derivatives."""

from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor

from global_optimality import Problem
from global_optimality.factors import Factors, append, zeros_like_slice
from global_optimality.losses.base import inner
from global_optimality.mappings import Mapping

from .closeness import EPS, SUMS, same


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
