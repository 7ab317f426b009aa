"""max ‖T(·, y, z, …)‖ over unit vectors y, z, …, bounded by a semidefinite program: partial transposition.

With M = TᵀT (T's first axis summed) and X = yyᵀ ⊗ zzᵀ ⊗ …, ‖T(·, y, z, …)‖² = ⟨M, X⟩. X is unchanged where one of its
factors is transposed; call such matrices invariant and let P average over these transpositions. ⟨W, X⟩ = ⟨P(W), X⟩, so
    ‖T(·, y, z, …)‖² ≤ λ_max(M + W)  for every W with P(W) = 0.
The best W and its dual, min s: S = sI − M − W ⪰ 0 and max ⟨M, X⟩: X ⪰ 0, tr X = 1, P(X) = X, are found by a primal-dual
interior point method (Helmberg, Rendl, Vanderbei and Wolkowicz 1996; predictor and corrector as Mehrotra 1992). What it
finds is proved afterwards, whatever it is. The chapter on deep certificates says when the bound is the maximum.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from ..effort import Clock
from ..symmetric import eigvalsh
from .spectral import largest_eigenvalue, power_of_two

STEPS = 40
"""Of the interior point method; it mostly needs six to ten."""

SOLVED = 1e-4
"""Relative residual at which the conjugate gradients of one step end: it limits the accuracy, not the proof."""

LONGEST = 500
"""Conjugate gradients of one linear system."""

FINEST = 1e-10
"""Distance of the two problems' values, relative, at which the method ends."""

SHARE = 0.95
"""Of the way to the boundary of the cone that one step goes."""

WORK = 5e10
"""Floating-point operations in products for one T where no time is set: some seconds of a core."""

FEWEST = 50
"""Where WORK is less than so many conjugate gradients, none is made: order 630 and above."""

ARRAYS = 20
"""Matrices of order Π d_k that are held at once for one T."""


class PrimalDual(NamedTuple):
    """The matrices of both problems ``(n, D, D)``, X and S positive definite."""

    M: Tensor
    X: Tensor
    S: Tensor

    def of(self, rows: Tensor) -> "PrimalDual":
        return PrimalDual(self.M[rows], self.X[rows], self.S[rows])


def bytes_needed(shape: tuple[int, ...]) -> int:
    """For one T ``(N, d₁, …, d_k)``."""
    return 8 * ARRAYS * math.prod(shape[1:]) ** 2


def partial_transpose_bound(T: Tensor, goal: Tensor, clock: Clock) -> Tensor:
    """An upper bound of max ‖T(·, y, z, …)‖, ``(n,)``, for T ``(n, N, d₁, …, d_k)``; proved whatever was computed.

    It ends at ``goal`` ``(n,)``, where W is nearly the best, or with the time; +∞ where D = Π d_k is too large for
    WORK. T's unfolding is where it starts. FᵀF errs by N·eps/2·|F|ᵀ|F| to first order; N·eps·‖F‖² is added.
    """
    left = math.inf if clock.effort.seconds is not None else WORK / (4 * math.prod(T.shape[2:]) ** 3)
    if left < FEWEST or clock.over:
        return T.new_full((len(T),), torch.inf)
    dims, unit = T.shape[2:], power_of_two(T.flatten(2))
    F = T.flatten(2) / unit[:, None, None]
    M = _symmetric(F.mT @ F)
    slack = (T.shape[1] + 4) * torch.finfo(T.dtype).eps * F.square().sum((1, 2))
    eye = torch.eye(M.shape[1], dtype=T.dtype, device=T.device).expand_as(M)
    top = eigvalsh(M)[:, -1]
    state = PrimalDual(M, eye / M.shape[1], 2 * top[:, None, None] * eye - M)
    rows, square = torch.arange(len(T), device=T.device), torch.full_like(top, torch.inf)
    with clock.interruptible():
        for step in range(STEPS):
            square[rows] = torch.minimum(square[rows], proved(state, dims) + slack[rows])
            found = _root(square) * unit
            clock.say(lambda k=step, f=found: f"partial transposition, step {k}: at most {float(f.max()):.6g}")
            ajar = (found > goal)[rows] & (_inner(state.X, state.S) > FINEST * top[rows])
            if not bool(ajar.any()) or clock.over or left <= 0:
                break
            rows, state = rows[ajar], state.of(ajar)
            state, fine, spent = _step(state, dims, clock)
            rows, left = rows[fine], left - spent
    return _root(square) * unit


def _root(square: Tensor) -> Tensor:
    return square.sqrt() * (1 + 2 * torch.finfo(square.dtype).eps)


def proved(at: PrimalDual, dims: tuple[int, ...]) -> Tensor:
    """⟨M, X⟩ ≤ λ_max(B) + ‖P(B − M)‖_F for every B and every invariant X of trace 1; here B = M + W, P(W) = 0.

    Each entry of P(B − M) is a difference and at most card(dims) halvings of sums.
    """
    B = _symmetric(_invariant(at.S + at.M, dims) - at.S)
    rest = torch.linalg.matrix_norm(_invariant(B - at.M, dims))
    sizes = torch.linalg.matrix_norm(B) + torch.linalg.matrix_norm(at.M)
    eps = torch.finfo(B.dtype).eps
    return (largest_eigenvalue(B) + 2 * rest + (len(dims) + 2) * eps * sizes) * (1 + 4 * eps)


def _step(at: PrimalDual, dims: tuple[int, ...], clock: Clock) -> tuple[PrimalDual, Tensor, int]:
    """(both problems one step further, the lines ``(n,)`` in which that worked, conjugate gradients made).

    With dX = νZ − X − (X dS Z)ˢ, Z = S⁻¹, feasible X + dX means that P⁺((X dS Z)ˢ) = P⁺(νZ) − I/D on dS's space: the
    span of I and all W with P(W) = 0, on which P⁺ projects.
    """
    lower_S, bad = torch.linalg.cholesky_ex(at.S)
    lower_X, worse = torch.linalg.cholesky_ex(at.X)
    fine = (bad == 0) & (worse == 0)
    at, lower_S, lower_X = at.of(fine), lower_S[fine], lower_X[fine]
    order = at.M.shape[1]
    Z = _symmetric(torch.cholesky_inverse(lower_S))
    eye = torch.eye(order, dtype=Z.dtype, device=Z.device)
    mu = _inner(at.X, at.S) / order

    def move(constant: Tensor, start: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, int]:
        right = _admissible(constant, dims) - eye / order
        dS, count = _solve(at.X, Z, dims, right, start, clock)
        dX = constant - at.X - _symmetric(at.X @ dS @ Z)
        return dX, dS, _reach(lower_X, dX), _reach(lower_S, dS), count

    dX, dS, far_X, far_S, first = move(torch.zeros_like(Z), torch.zeros_like(Z))
    reached = _inner(at.X + far_X * dX, at.S + far_S * dS) / order
    nu = ((reached / mu).clamp(0, 1) ** 3 * mu)[:, None, None]
    dX, dS, far_X, far_S, second = move(nu * Z - _symmetric(dX @ dS @ Z), dS)
    ahead = PrimalDual(at.M, at.X + far_X * dX, at.S + far_S * dS)
    moved = torch.isfinite(_inner(ahead.X, ahead.S))
    fine = fine.clone().masked_scatter_(fine, moved)
    return ahead.of(moved), fine, first + second


def _solve(
    X: Tensor, Z: Tensor, dims: tuple[int, ...], right: Tensor, start: Tensor, clock: Clock
) -> tuple[Tensor, int]:
    """dS with P⁺((X dS Z)ˢ) = ``right`` by conjugate gradients from ``start``, and how many were made."""

    def apply(Y: Tensor) -> Tensor:
        return _admissible(_symmetric(X @ Y @ Z), dims)

    dS, rest = start, right - apply(start)
    direction, size = rest, _inner(rest, rest)
    enough = SOLVED**2 * _inner(right, right)
    for count in range(LONGEST):
        ajar = size > enough
        if not bool(ajar.any()) or clock.over:
            return dS, count
        image = apply(direction)
        curvature = _inner(direction, image)
        length = torch.where(ajar & (curvature > 0), size / curvature, torch.zeros_like(size))[:, None, None]
        dS, rest = dS + length * direction, rest - length * image
        new = _inner(rest, rest)
        direction = rest + (new / size.clamp(min=torch.finfo(size.dtype).tiny))[:, None, None] * direction
        size = new
    return dS, LONGEST


def _reach(lower: Tensor, step: Tensor) -> Tensor:
    """How much of ``step``, at most all, keeps LLᵀ definite when added, ``(n, 1, 1)``; 0 if not finite."""
    inner = torch.linalg.solve_triangular(lower, step, upper=False)
    inner = _symmetric(torch.linalg.solve_triangular(lower, inner.mT, upper=False))
    finite = torch.isfinite(inner).all(2).all(1)
    least = eigvalsh(torch.where(finite[:, None, None], inner, torch.zeros_like(inner)))[:, 0]
    return torch.where(finite, (SHARE / (-least).clamp(min=SHARE)), torch.zeros_like(least))[:, None, None]


def _admissible(Y: Tensor, dims: tuple[int, ...]) -> Tensor:
    """P⁺(Y) = Y − P(Y) + tr(Y)/D · I for symmetric Y: its part in the span of I and of all W with P(W) = 0."""
    rest = Y - _invariant(Y, dims)
    rest.diagonal(dim1=1, dim2=2).add_(Y.diagonal(dim1=1, dim2=2).mean(1, keepdim=True))
    return rest


def _invariant(Y: Tensor, dims: tuple[int, ...]) -> Tensor:
    """P(Y) for symmetric Y ``(n, D, D)``: the average over the transposes of single factors; the last is implied."""
    blocks, k = Y.reshape(len(Y), *dims, *dims), len(dims)
    for axis in range(1, k):
        blocks = (blocks + blocks.transpose(axis, axis + k)) / 2
    return blocks.reshape(Y.shape)


def _symmetric(Y: Tensor) -> Tensor:
    return (Y + Y.mT) / 2


def _inner(A: Tensor, B: Tensor) -> Tensor:
    return (A * B).sum((1, 2))
