"""Batched min-norm problems: the duals of concave piecewise-linear maximisation on a cone and the ball."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ...effort import numbers, over
from ...symmetric import eigh, norm_bound


@dataclass(frozen=True)
class MinNorm:
    """min ‖r‖, r = g − Sᵀa + W μ, over low ≤ a ≤ high and μ ≥ 0; one problem a row.

    S (N, d) is shared; g (B, d), low and high (B, N), W (B, d, k) with unit columns; k = 0 drops μ.
    Its value is the maximum of gᵀu − Σ_i max(low_i z_i, high_i z_i), z = S u, over ‖u‖ ≤ 1 with Wᵀu ≥ 0,
    and r/‖r‖ the maximiser; every feasible (a, μ) gives the upper bound ‖r‖ of that maximum.
    """

    S: Tensor
    g: Tensor
    low: Tensor
    high: Tensor
    W: Tensor

    def rows(self, keep: Tensor) -> MinNorm:
        return MinNorm(self.S, self.g[keep], self.low[keep], self.high[keep], self.W[keep])

    def residual(self, a: Tensor, mu: Tensor) -> Tensor:
        return self.g - a @ self.S + (self.W @ mu[:, :, None])[:, :, 0]

    def scales(self) -> tuple[Tensor, Tensor]:
        """Factor for the columns of W that balances both blocks, and the Lipschitz constant of the gradient."""
        free = (self.high > self.low).to(self.S.dtype)
        box = gram(self.S, free)
        cone = self.W @ self.W.mT
        tiny = torch.finfo(self.S.dtype).tiny
        size_box = norm_bound(box)
        size_cone = norm_bound(cone)
        rho = (size_box / size_cone).sqrt()
        rho = torch.where((size_box > tiny) & (size_cone > tiny), rho, torch.ones_like(rho))
        L = norm_bound(box + rho[:, None, None] ** 2 * cone)
        return rho[:, None], L[:, None]


@dataclass(frozen=True)
class Iterate:
    """State of the accelerated projected gradient: current and extrapolated points, momentum (B, 1)."""

    a: Tensor
    mu: Tensor
    a_next: Tensor
    mu_next: Tensor
    t: Tensor

    def rows(self, keep: Tensor) -> Iterate:
        return Iterate(self.a[keep], self.mu[keep], self.a_next[keep], self.mu_next[keep], self.t[keep])


PAIRS = 2**22
"""Numbers up to which all products of two columns of S are made at once."""


def gram(S: Tensor, weights: Tensor) -> Tensor:
    """Sᵀ diag(w) S for every row w of ``weights`` (B, N) -> (B, d, d)."""
    N, d = S.shape
    if N * d * d <= numbers(PAIRS, 2):
        return (weights @ (S[:, :, None] * S[:, None, :]).flatten(1)).view(-1, d, d)
    return torch.stack([(S * w[:, None]).mT @ S for w in weights]) if len(weights) else S.new_zeros(0, d, d)


def start(problem: MinNorm, a: Tensor) -> Iterate:
    """Iterate at the projection of a (B, N) onto the box, μ = 0."""
    a = torch.maximum(torch.minimum(a, problem.high), problem.low)
    mu = problem.g.new_zeros(len(problem.g), problem.W.shape[2])
    return Iterate(a, mu, a, mu, problem.g.new_ones(len(a), 1))


def iterate(problem: MinNorm, scales: tuple[Tensor, Tensor], x: Iterate, steps: int) -> Iterate:
    """`steps` accelerated projected-gradient steps (Beck & Teboulle 2009), fewer if time is short, restarted row by row
    where the momentum points uphill (O'Donoghue & Candès 2015). The points a, μ stay feasible."""
    rho, L = scales
    S, W = problem.S, problem.W
    a, mu, za, zmu, t = x.a, x.mu, x.a_next, x.mu_next, x.t
    for _ in range(steps):
        if over():
            break
        r = problem.residual(za, zmu)
        a_new = torch.maximum(torch.minimum(za + (r @ S.T) / L, problem.high), problem.low)
        mu_new = (zmu - (r[:, None, :] @ W)[:, 0] * (rho**2 / L)).clamp(min=0)
        da, dmu = a_new - a, mu_new - mu
        uphill = ((za - a_new) * da).sum(1) + (((zmu - mu_new) / rho**2) * dmu).sum(1) > 0
        t = torch.where(uphill[:, None], torch.ones_like(t), t)
        t_new = (1 + (1 + 4 * t * t).sqrt()) / 2
        beta = torch.where(uphill[:, None], torch.zeros_like(t), (t - 1) / t_new)
        za, zmu = a_new + beta * da, mu_new + beta * dmu
        a, mu, t = a_new, mu_new, t_new
    return Iterate(a, mu, za, zmu, t)


def newton(problem: MinNorm, x: Iterate) -> Iterate:
    """One projected Newton step, kept in the rows where it shortens r; it is exact once the free set is right.

    On the free coordinates, low < a < high and μ > 0, with columns B = (s_i, −W_k): Δ = Bᵀ (B Bᵀ)⁺ r makes r ⟂ B.
    """
    S, W = problem.S, problem.W
    r = problem.residual(x.a, x.mu)
    free_a = ((x.a > problem.low) & (x.a < problem.high)).to(S.dtype)
    free_mu = (x.mu > 0).to(S.dtype)
    size, basis = eigh(gram(S, free_a) + (W * free_mu[:, None]) @ W.mT)
    inverse = torch.where(size > 1e-10 * size[:, -1:], 1 / size, torch.zeros_like(size))
    y = (basis @ (inverse[:, :, None] * (basis.mT @ r[:, :, None])))[:, :, 0]
    a = torch.maximum(torch.minimum(x.a + free_a * (y @ S.T), problem.high), problem.low)
    mu = (x.mu - free_mu * (y[:, None] @ W)[:, 0]).clamp(min=0)
    better = (problem.residual(a, mu).norm(dim=1) < r.norm(dim=1))[:, None]
    a, mu = torch.where(better, a, x.a), torch.where(better, mu, x.mu)
    return Iterate(
        a,
        mu,
        torch.where(better, a, x.a_next),
        torch.where(better, mu, x.mu_next),
        torch.where(better, torch.ones_like(x.t), x.t),
    )


def solve(problem: MinNorm, a: Tensor, cut: Tensor, *, chunk: int = 20, chunks: int = 20) -> tuple[Tensor, Tensor]:
    """Feasible (a, r) for every row; a row stops once ‖r‖ ≤ cut (B,), or once one more chunk of steps can no longer
    be expected to bring it there (it fell by less than 2 % of the way), or after chunk·chunks steps."""
    a_out, r_out = a.clone(), problem.g.clone()
    scales = problem.scales()
    x = start(problem, a)
    row = torch.arange(len(a), device=a.device)
    norm = torch.full_like(cut, torch.inf)
    for _ in range(chunks):
        x = newton(problem, iterate(problem, scales, x, chunk))
        r = problem.residual(x.a, x.mu)
        a_out[row], r_out[row] = x.a, r
        new = r.norm(dim=1)
        keep = ((new > cut) & (norm - new > 0.02 * (new - cut))).nonzero()[:, 0]
        if not len(keep) or over():
            break
        row, norm, cut = row[keep], new[keep], cut[keep]
        problem, x, scales = problem.rows(keep), x.rows(keep), (scales[0][keep], scales[1][keep])
    return a_out, r_out
