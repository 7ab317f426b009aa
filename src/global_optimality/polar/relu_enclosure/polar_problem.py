"""The polar of one hidden ReLU layer as data: samples, dual point, target, and what rounding can cost."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from ..best_first import Best
from ..spectral import decompose
from . import ascent


@dataclass(frozen=True)
class PolarProblem:
    """The data of the search: S (N, d), Q (n, N, c).

    size is T = Σ_i ‖Q_i‖ ‖s_i‖ (n,), a bound and a Lipschitz constant of ‖Qᵀ(S u)₊‖, and samples the number of rows,
    both before equal rows were merged.
    """

    S: Tensor
    Q: Tensor
    size: Tensor
    samples: int

    def rounding(self, depth: Tensor | int) -> Tensor | float:
        """What rounding can cost the bound of a cone of this depth, as a multiple of T.

        A sum over N samples (their merging included) of products with d- and c-term sums errs by at most
        (N + d + c + 8) eps times its moduli, at most 3 T (F, Σ w z₊ and aᵀz: T each). At the vertices of a cone this
        counts Σ α_j ≤ √d times (unit u = Σ α_j v_j, v_j in one orthant). A cut point is off its edge by at most
        6 eps, so a level of cuts misses points by ≤ 6 √d eps, and F is T-Lipschitz.
        Total ≤ √d (3 (N + d + c + 8) + 6 (depth + 1)) eps T; 8 stands for 3 and 6.
        """
        N, d, c = self.samples, self.S.shape[1], self.Q.shape[2]
        return 8 * d**0.5 * (N + d + c + 9 + depth) * torch.finfo(self.S.dtype).eps

    def root_bound(self) -> Tensor:
        """Smaller of T and σ₁(S) times σ₁(Q), or max(‖q₊‖, ‖q₋‖) for one output: z = (S u)₊ ≥ 0 and ‖z‖ ≤ σ₁(S)."""
        return self._root

    @cached_property
    def _root(self) -> Tensor:
        longest = decompose(self.S[None])[3]
        if self.Q.shape[2] == 1:
            q = self.Q[:, :, 0]
            weight = torch.maximum(q.clamp(min=0).norm(dim=1), q.clamp(max=0).norm(dim=1))
        else:
            weight = decompose(self.Q)[3]
        rounding = self.rounding(0)  # of norms, and of merged rows, which is a share of T however they cancel
        return torch.minimum(self.size, longest * weight) * (1 + rounding) + rounding * self.size

    def outputs(self) -> int:
        """The largest rank of all Q_r."""
        return int(torch.linalg.matrix_rank(self.Q, rtol=1e-7).max()) if self.Q.shape[2] > 1 else 1

    def slack(self) -> Tensor:
        """An upper bound that exceeds the lower one by less is as good as rounding lets it be, ``(n,)``.

        No bound rests on it: it only ends the search, like 100 roundings of one cone.
        """
        return 100 * self.rounding(0) * self.size


def prepare(S: Tensor, Q: Tensor) -> PolarProblem:
    """Check the data and merge equal rows of S, whose Q_i add up."""
    _check(S, Q)
    size = Q.norm(dim=2) @ S.norm(dim=1)
    rows, index = torch.unique(S, dim=0, return_inverse=True)
    merged = Q.new_zeros(len(Q), len(rows), Q.shape[2]).index_add(1, index, Q)
    return PolarProblem(rows, merged, size, len(S))


def attained(polar: PolarProblem, u: Tensor) -> tuple[Tensor, Tensor]:
    """A lower bound from u (n, d): the value there less its rounding, and the output direction."""
    f, v = ascent.value(polar.S, polar.Q, u[:, None])
    return (f[:, 0] - polar.rounding(0) * polar.size).clamp(min=0), v[:, 0]


def improved(polar: PolarProblem, best: Best, lower: Tensor, u: Tensor, run: Tensor) -> Best:
    """The best of the points u (B, d) of each run, polished, where it beats ``lower`` (n,)."""
    x = ((u @ polar.S.T).clamp(min=0)[:, None] @ polar.Q[run])[:, 0].norm(dim=1)
    top = torch.full_like(lower, -torch.inf).scatter_reduce(0, run, x, "amax")
    if not (top > lower * (1 + 1e-9) + polar.rounding(0) * polar.size).any():
        return best
    hit = x == top[run]
    candidate = best.point[0].clone()
    candidate[run[hit]] = u[hit]
    candidate = ascent.polish(polar.S, polar.Q, candidate[:, None])[1][:, 0]
    value = attained(polar, candidate)[0]
    better = value > lower
    point = torch.where(better[:, None], candidate, best.point[0])
    return Best(torch.where(better, value, best.value), (point,))


def _check(S: Tensor, Q: Tensor) -> None:
    if S.ndim != 2 or Q.ndim != 3 or Q.shape[1] != S.shape[0] or 0 in (*S.shape, Q.shape[2]):
        shapes = f"{tuple(S.shape)} and {tuple(Q.shape)}"
        raise ValueError(f"S must be (N, d) and Q (n, N, c) with N, d, c ≥ 1; got {shapes}")
    if S.dtype != torch.float64 or Q.dtype != torch.float64 or S.device != Q.device:
        kinds = f"{S.dtype} on {S.device} and {Q.dtype} on {Q.device}"
        raise ValueError(f"S and Q must be float64 on one device; got {kinds}")
    if not (S.isfinite().all() and Q.isfinite().all()):
        raise ValueError("S and Q must be finite; remove or impute the samples that are not")
