"""Laws of losses: convex, with their conjugates, dual scales and minima on lines."""

from collections.abc import Callable

import numpy as np
import torch
from scipy import optimize
from torch import Tensor

from global_optimality.losses import Loss
from global_optimality.losses.base import inner

from .closeness import SUMS


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
