"""The output bias that is best for given outputs: a convex problem of a few unknowns, solved to rounding."""

from collections.abc import Callable

import torch
from torch import Tensor

from ..symmetric import eigh
from .base import column

DAMPING = 0.03
"""The curvature along each output is raised so that a step there is at most as long as X is large over DAMPING."""

FAR = 4.0
"""No step is longer than so many times X: the best bias is not further away."""

TURNED = 0.5
SHORTER = 40

SMOOTH, COOLER = 8.0, 4.0
"""At most so many units of X may spread before temperatures come in, and by how much each is cooler than the last."""

IDLE = 20
"""So many steps in a row that do not halve the gradient end the search for the output bias."""

Terms = Callable[[Tensor], Tensor]


def best_bias(gradient: Terms, curvature: Terms, decay: float, X: Tensor) -> Tensor:
    """argmin over b ``(n, *D[1:])`` of Σ_i ℓ_i(x_i + b) + (decay/2)‖b‖² for X ``(n, N, *D[1:])``, to rounding.

    ``gradient`` gives the ∇ℓ_i, shaped as X; ``curvature`` Σ_i ∇²ℓ_i + decay, ``(n, c, c)``. Newton from b = 0.

    Where X spreads over many units the samples are steps and Newton sees one at a time: they are first smoothed by
    a temperature τ, ℓ(x/τ)τ, that falls to 1, or to the rounding of X where that is coarser.
    """
    b, size = torch.zeros_like(X[:, 0]), float(X.abs().max())
    coolest = max(1.0, 4 * torch.finfo(X.dtype).eps * size)
    temperature = max(coolest, size / SMOOTH)
    while temperature > coolest:
        b = _newton(gradient, curvature, decay, X, b, temperature, enough=1e-6)
        temperature = max(coolest, temperature / COOLER)
    return _newton(gradient, curvature, decay, X, b, coolest, enough=0.0)


def _newton(
    gradient: Terms, curvature: Terms, decay: float, X: Tensor, b: Tensor, temperature: float, enough: float
) -> Tensor:
    """Newton on the convex function of b at a temperature, until the gradient is ``enough`` of its terms, or noise.

    Only gradients are compared, which see further than values: a step is whole, unless the slope along it turns to
    more than TURNED of what it was; then it ends between. Rounding is that of the sum, and of X + b, which the
    curvature passes on.
    """
    eps = torch.finfo(X.dtype).eps
    eye = torch.eye(X[0, 0].numel(), dtype=X.dtype, device=X.device)
    size = X.abs().flatten(1).amax(1)

    def look(b: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The gradient and the curvature at b; the size of the gradient beside what is small enough, ``(n,)``."""
        shifted = (X + b[:, None]) / temperature
        G, H = gradient(shifted), curvature(shifted)
        H = (H - decay * eye) / temperature + decay * eye
        g = G.sum(1) + decay * b
        bend = H.diagonal(dim1=1, dim2=2).reshape(b.shape) * column(size, b)
        terms = G.abs().sum(1) + 2 * decay * b.abs()
        small = torch.maximum(enough * terms, 32 * eps * (terms + bend))
        return g, H, (g.abs() / small.clamp(min=1e-300)).flatten(1).amax(1)

    g, H, excess = look(b)
    best, least, idle = b, excess, 0
    while bool((going := least > 1).any()) and idle < IDLE:
        damping = DAMPING * g.flatten(1).abs() / (temperature + size)[:, None]
        H = torch.where(going[:, None, None], H + torch.diag_embed(damping), eye)
        step = torch.where(column(going, g), -apply(inverse(H), g), 0.0)  # the others are where they should be
        longest = step.flatten(1).abs().amax(1).clamp(min=1e-300)
        step = column((FAR * (temperature + size) / longest).clamp(max=1), step) * step
        slope = (g * step).flatten(1).sum(1)
        low, high, t = torch.zeros_like(slope), torch.full_like(slope, torch.inf), torch.ones_like(slope)
        for _ in range(SHORTER):
            trial = b + column(t, b) * step
            g, H, excess = look(trial)
            turned = torch.where(going, (g * step).flatten(1).sum(1) / slope, 1.0)
            turned = torch.where(turned.isfinite(), turned, -torch.inf)  # a step out of float64 is too long
            room = torch.where(high.isinf(), t, high - low) * step.abs().flatten(1).amax(1)
            moves = room > eps * (size + b.abs().flatten(1).amax(1))
            wrong = going & (turned.abs() > TURNED) & (excess > 1) & ((turned < 0) | (t < 1)) & moves
            if not bool(wrong.any()):
                break
            low, high = torch.where(turned > 0, t, low), torch.where(turned < 0, t, high)
            t = torch.where(wrong, (low + high) / 2, t)
        b = torch.where(column(going, b), trial, b)
        halved = bool(((excess < 0.5 * least) & (least > 1)).any())
        idle = 0 if halved else idle + 1
        best = torch.where(column(excess < least, b), b, best)
        least = torch.minimum(least, excess)
        if not bool((going & moves).any()):
            break
    return best


def inverse(H: Tensor) -> Tensor:
    """The pseudo-inverse of symmetric positive semidefinite H ``(n, c, c)``, its diagonal scaled to 1 first."""
    if H.shape[1] == 1:
        return torch.where(H > 0, 1 / H, torch.zeros_like(H))
    scale = H.diagonal(dim1=1, dim2=2).clamp(min=1e-200).rsqrt()
    scale = scale[:, :, None] * scale[:, None, :]
    values, V = eigh(H * scale)
    size = values.abs()
    kept = torch.where(size > 1e-13 * size.amax(1, keepdim=True), 1 / values, 0.0)
    return (V * kept[:, None]) @ V.mT * scale


def apply(H: Tensor, b: Tensor) -> Tensor:
    """H b for H ``(n, c, c)`` and b ``(n, *D[1:])``."""
    return (H @ b.flatten(1)[:, :, None])[:, :, 0].reshape(b.shape)
