"""The relaxed maximum of a sum of rows over the sphere: a barrier method for its moments, batched over problems.

A row is w|z| (upper) or −w|z| (lower) with z = s_iᵀu, ‖s_i‖ = 1, and a linear part. Over distributions of unit u with
moments M = E (1, u)(1, u)ᵀ: E|z| ≤ √E z², and E|z| ≥ |E z|, E|z| ≥ ‖E z u‖ since |z| = |z| ‖u‖. So the maximum of
    Σ c_i m_i + Σ_upper w_i √v_i − Σ_lower w_i max(|m_i|, r_i),   m = s_iᵀE u, v = E z², r = ‖E z u‖,
over M ⪰ 0, M_00 = 1, tr M = 2 is an upper bound, concave in d (d + 3)/2 unknowns; the multipliers of an
approximate solution are row majorants that prove one (``Majorants``).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Self

import torch
from torch import Tensor

from ...symmetric import eigh, eigvalsh
from .majorants import Majorants


@dataclass(frozen=True)
class _Lines:
    """Tensors with one problem a line."""

    def __getitem__(self, keep: Tensor) -> Self:
        return type(self)(*(getattr(self, f.name)[keep] for f in fields(self)))


@dataclass(frozen=True)
class BarrierRows(_Lines):
    """One problem a line: which rows are upper (the others lower), their weights w ≥ 0 and linear parts c; (B, N).

    ``share`` (B, N) scales the barrier of each row: proportional to its weight in the objective.
    """

    upper: Tensor
    weight: Tensor
    linear: Tensor
    share: Tensor


@dataclass(frozen=True)
class State(_Lines):
    """The rows at moments M (B, d + 1, d + 1) for the barrier's weight mu (B,).

    mean m, square v, image E z u (B, N, d), r² = ‖image‖², and the eliminated variables: t ≥ max(|m|, r) of lower rows
    with f = 1/(t² − m²), e = 1/(t² − r²); τ ≤ √v of upper ones with its slope dτ/dv. mu_i = mu · share.
    """

    M: Tensor
    mu: Tensor
    rows: BarrierRows
    mu_i: Tensor
    mean: Tensor
    square: Tensor
    image: Tensor
    r2: Tensor
    t: Tensor
    f: Tensor
    e: Tensor
    tau: Tensor
    slope: Tensor

    def value(self) -> Tensor:
        """The relaxed objective at M, without the barrier -> (B,)."""
        upper, w = self.rows.upper, self.rows.weight
        lower = torch.maximum(self.mean.abs(), self.r2.sqrt())
        return (self.rows.linear * self.mean + w * torch.where(upper, self.square.sqrt(), -lower)).sum(1)

    def merit(self) -> Tensor:
        """The objective with its barrier; −∞ where M is not positive definite -> (B,)."""
        rows, mu_i = self.rows, self.mu_i
        L, info = torch.linalg.cholesky_ex(self.M)
        determinant = 2 * L.diagonal(dim1=1, dim2=2).clamp(min=torch.finfo(L.dtype).tiny).log().sum(1)
        upper = rows.weight * self.tau + mu_i * self.tau.log()
        lower = -rows.weight * self.t - mu_i * (self.f * self.e).log()
        value = (rows.linear * self.mean + torch.where(rows.upper, upper, lower)).sum(1) + self.mu * determinant
        return torch.where(info == 0, value, -torch.inf).nan_to_num(-math.inf, -math.inf, -math.inf)


class Barrier:
    """Newton's method for the rows of one S (N, d) with unit rows; see the module.

    Directions are symmetric matrices in the eigenbasis of M, in the p (p + 1)/2 coordinates X_ii, √2 X_ij, p = d + 1:
    there the Hessian of −log det M is diagonal.
    """

    def __init__(self, S: Tensor):
        N, d = S.shape
        p, device = d + 1, S.device
        self.S, self.d, self.p = S, d, p
        self.lifted = torch.cat([S.new_zeros(N, 1), S], 1)
        self.i, self.j = torch.triu_indices(p, p, device=device)
        self.factor = torch.where(self.i == self.j, 1.0, 0.5**0.5).to(S)
        index = torch.zeros(p, p, dtype=torch.long, device=device)
        index[self.i, self.j] = index[self.j, self.i] = torch.arange(len(self.i), device=device)
        self.diagonal = index.diagonal()
        a, b, c = (x.flatten() for x in torch.meshgrid(*[torch.arange(p, device=device)] * 3, indexing="ij"))
        self.pair, self.entry = index[a, b] * len(self.i) + index[a, c], b * p + c
        self.pair_factor = self.factor[index[a, b]] * self.factor[index[a, c]]

    def centre(self, B: int) -> Tensor:
        """The moments of the uniform distribution on the sphere, B times."""
        M = torch.eye(self.p, dtype=self.S.dtype, device=self.S.device) / self.d
        M[0, 0] = 1
        return M.repeat(B, 1, 1)

    def state(self, M: Tensor, rows: BarrierRows, mu: Tensor) -> State:
        product = self.lifted @ M
        mean, image = product[:, :, 0], product[:, :, 1:]
        square = (image * self.S).sum(2).clamp(min=torch.finfo(M.dtype).tiny)
        r2, mu_i = image.square().sum(2), mu[:, None] * rows.share
        h = 2 * mu[:, None] * torch.where(rows.weight > 0, rows.share / rows.weight, 1.0)
        most = torch.maximum(mean.square(), r2)
        t = h / 2 + (h.square() / 4 + most).sqrt()
        for _ in range(6):  # Newton from the left on the decreasing convex side of 1 = h t (f + e)
            f, e = 1 / (t.square() - mean.square()), 1 / (t.square() - r2)
            t = t + (h * t * (f + e) - 1) / (2 * h * t.square() * (f.square() + e.square()) - h * (f + e))
        f, e = 1 / (t.square() - mean.square()), 1 / (t.square() - r2)
        tau = 2 * square / (h + (h.square() + 4 * square).sqrt())
        return State(M, mu, rows, mu_i, mean, square, image, r2, t, f, e, tau, 1 / (2 * tau + h))

    def direction(self, x: State) -> tuple[Tensor, Tensor, Tensor]:
        """Newton's direction dM, the largest safe step along it (at most 1) and the squared decrement over mu."""
        values, R = eigh(x.M)
        values = values.clamp(min=torch.finfo(values.dtype).tiny)
        gradient, H, first = self._model(x, values, R)
        scale = H.diagonal(dim1=1, dim2=2).rsqrt()
        H = H * scale[:, :, None] * scale[:, None, :]
        H.diagonal(dim1=1, dim2=2).add_(1e-13)  # of a unit diagonal: rounding, far below what Newton's method feels
        trace = torch.zeros_like(first)
        trace[:, self.diagonal] = 1
        right = torch.stack([gradient, first, trace], 2)
        solved = scale[:, :, None] * torch.cholesky_solve(
            scale[:, :, None] * right, torch.linalg.cholesky_ex(H).L.nan_to_num(1.0)
        )
        small = right[:, :, 1:].mT @ solved
        nu = torch.linalg.solve_ex(small[:, :, 1:], small[:, :, :1]).result
        step = (solved[:, :, :1] - solved[:, :, 1:] @ nu)[:, :, 0].nan_to_num(0.0, 0.0, 0.0)
        X = torch.zeros_like(x.M)
        X[:, self.i, self.j] = X[:, self.j, self.i] = step * self.factor
        root = values.rsqrt()
        least = eigvalsh((X * root[:, :, None] * root[:, None, :]).nan_to_num(0.0, 0.0, 0.0))[:, 0]
        reach = (0.9 / (-least).clamp(min=0.9)).to(least)
        dM = R @ X @ R.mT
        dM[:, 0, 0] = 0  # as it would be without rounding, likewise the trace
        dM[:, 1:, 1:] -= (dM.diagonal(dim1=1, dim2=2).sum(1) / self.d)[:, None, None] * torch.eye(
            self.d, device="cpu"
        ).to(dM)
        return dM, reach, (step * gradient).sum(1) / x.mu

    def ahead(self, x: State, dM: Tensor, reach: Tensor) -> State:
        """A step along dM (B, p, p), shortened until the merit does not fall; none where that fails."""
        before, length = x.merit(), reach
        for _ in range(6):
            y = self.state(x.M + length[:, None, None] * dM, x.rows, x.mu)
            fell = ~(y.merit() >= before - 1e-12)
            if not fell.any():
                return y
            length = torch.where(fell, 0.4 * length, length)
        stay = torch.where(fell[:, None, None], x.M, y.M)
        return self.state(stay, x.rows, x.mu)

    def _model(self, x: State, values: Tensor, R: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Gradient and negative Hessian of the merit in coordinates, and those of the constraint M_00 = 1."""
        rows, t, f, e, mu_i = x.rows, x.t, x.f, x.e, x.mu_i
        zero = torch.zeros_like(t)
        K = self.lifted @ R
        image = torch.cat([torch.zeros_like(t)[:, :, None], x.image], 2)
        partner = torch.where(rows.upper[:, :, None], self.lifted, image) @ R
        J = K.index_select(2, self.i).mul_(partner.index_select(2, self.j))
        J += K.index_select(2, self.j).mul_(partner.index_select(2, self.i))
        J *= 0.5 / self.factor
        one = R[:, :1]  # the first unit vector in the eigenbasis, (B, 1, p); E maps K to the coordinates of m
        E = torch.zeros(*R.shape[:2], len(self.i), dtype=R.dtype, device=R.device)
        column = torch.arange(len(self.i), device=R.device)
        E[:, self.i, column] = one[:, 0, self.j] * (0.5 / self.factor)
        E[:, self.j, column] += one[:, 0, self.i] * (0.5 / self.factor)
        g_m = rows.linear + torch.where(rows.upper, zero, -2 * mu_i * x.mean * f)
        g_s = torch.where(rows.upper, rows.weight / (2 * x.tau), -2 * mu_i * e)
        gradient = ((g_m[:, None] @ K) @ E + g_s[:, None] @ J)[:, 0]
        gradient[:, self.diagonal] += x.mu[:, None] / values
        n_mm, n_ms, n_ss, k = _curvatures(x)
        Jt = J.mT
        H = Jt @ (n_ss[:, :, None] * J)
        cross = E.mT @ ((n_ms[:, :, None] * K).mT @ J)
        H += cross + cross.mT + E.mT @ ((n_mm[:, :, None] * K).mT @ K) @ E
        spread = ((k[:, :, None] * K).mT @ K).flatten(1)[:, self.entry] * self.pair_factor
        H.flatten(1).index_add_(1, self.pair, spread)
        H.diagonal(dim1=1, dim2=2).add_(x.mu[:, None] / (values[:, self.i] * values[:, self.j]))
        return gradient, H, (one @ E)[:, 0]

    def majorants(self, x: State, dM: Tensor) -> Majorants:
        """Row majorants from the multipliers of the problem linearised at M, at the end of Newton's full step.

        Any numbers are valid once |κ| + ‖y‖ ≤ w on lower rows, which are shrunk to it; γ = w²/(4β) on upper ones.
        """
        rows, t, f, e, mu_i = x.rows, x.t, x.f, x.e, x.mu_i
        w, eps = rows.weight, torch.finfo(t.dtype).eps
        product = self.lifted @ dM
        d_mean, image = product[:, :, 0], x.image + product[:, :, 1:]
        d_square, d_r = (product[:, :, 1:] * self.S).sum(2), (product[:, :, 1:] * x.image).sum(2)
        a_m, a_r, h = _couplings(x)
        d_t = torch.where(rows.share > 0, (a_m * d_mean + a_r * d_r) / h, 0.0)
        kappa = 2 * mu_i * f * (x.mean + d_mean + 2 * x.mean.square() * f * d_mean) - a_m * d_t
        stretch = (2 * mu_i * e * (1 + 2 * e * d_r) - a_r * d_t).clamp(min=0)
        length = kappa.abs() + stretch * image.norm(dim=2)
        shrink = torch.where(length > w, w / length, 1.0) * (1 - 8 * (self.d + 8) * eps)
        lower = (~rows.upper).to(t)
        kappa, stretch = lower * (kappa * shrink).nan_to_num(0.0), lower * (stretch * shrink).nan_to_num(0.0)
        beta = w / (2 * x.tau) * (1 - x.slope * d_square / x.tau).clamp(min=0.1)
        beta = torch.where(rows.upper & (w > 0), beta, 0.0).nan_to_num(1.0)
        gamma = torch.where(beta > 0, w.square() / (4 * beta.clamp(min=torch.finfo(t.dtype).tiny)) * (1 + 4 * eps), 0.0)
        size = rows.linear.abs() + 3 * w
        return Majorants(self.S, rows.linear - kappa, beta, gamma, stretch[:, :, None] * image, size)


def _couplings(x: State) -> tuple[Tensor, Tensor, Tensor]:
    """Mixed second derivatives of a lower row's barrier in (t, m), (t, r·) and the negative one in t."""
    t, f, e = x.t, x.f, x.e
    h = 2 * x.mu_i * (f.square() * (t.square() + x.mean.square()) + e.square() * (t.square() + x.r2))
    return 4 * x.mu_i * x.mean * t * f.square(), 4 * x.mu_i * t * e.square(), h


def _curvatures(x: State) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Negative second derivatives of a row with t eliminated: in (m, m), (m, s), (s, s) and of ‖δ(E z u)‖².

    s is the square of upper rows, ⟨E z u, δ(E z u)⟩ of lower ones.
    """
    t, f, e, mu_i, upper = x.t, x.f, x.e, x.mu_i, x.rows.upper
    a_m, a_r, h = _couplings(x)
    inverse, zero = torch.where(x.rows.share > 0, 1 / h, 0.0), torch.zeros_like(t)
    spread = torch.where(upper, zero, 2 * mu_i * e)
    n_mm = 2 * mu_i * f + 4 * mu_i * x.mean.square() * f.square() - a_m.square() * inverse - spread
    n_ss = 4 * mu_i * e.square() - a_r.square() * inverse
    concave = x.rows.weight / (2 * x.tau.square()) * x.slope
    return (
        torch.where(upper, zero, n_mm),
        torch.where(upper, zero, -a_m * a_r * inverse),
        torch.where(upper, concave, n_ss),
        spread,
    )
