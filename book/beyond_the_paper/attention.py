"""One attention head of key size one: its polar, enclosed by branch and bound, and networks certified with it.

φ(M, v) = Σ_t softmax_t(x_tᵀ M x_T) x_tᵀ v for every sample, a sequence of T tokens in the plane whose last one asks;
M = ρ k qᵀ with unit k, q and 0 ≤ ρ ≤ RADIUS, θ = ‖v‖: positively homogeneous in v, and M has no price within its set.
So Ω°(Q) = max_M ‖Σ_n Q_n m_n(M)‖, m_n the mean token of sample n under attention.
"""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from scipy.optimize import nnls
from torch import Tensor

from global_optimality.streams import generator, normal, uniform

RADIUS = 2.0
"""ρ is at most RADIUS: with tokens about one long, scores differ by a few."""

FIRST = 6
"""Boxes along each of the three axes at the start."""

BOXES = 200_000
"""Boxes bounded in one call at most; the bound holds wherever the search ends."""


RIDGE = 1e-13
"""Keeps AᵀA positive definite where atoms repeat; masses only propose, objective and bound are computed from them."""


@dataclass(frozen=True)
class Head:
    """Tokens ``(N, T, 2)``. The parameters of m heads are the angles of k and q and the length ρ, ``(m, 3)``."""

    tokens: Tensor

    def weights(self, at: Tensor) -> Tensor:
        """The attention of every token, ``(m, N, T)``."""
        k = torch.stack([at[:, 0].cos(), at[:, 0].sin()], 1)
        q = at[:, 2:] * torch.stack([at[:, 1].cos(), at[:, 1].sin()], 1)
        keys, asked = torch.einsum("ntd,md->mnt", self.tokens, k), torch.einsum("nd,md->mn", self.tokens[:, -1], q)
        return torch.softmax(keys * asked[:, :, None], 2)

    def means(self, at: Tensor) -> Tensor:
        """m_n(M): the attended mean token of every sample, ``(m, N, 2)``."""
        return torch.einsum("mnt,ntd->mnd", self.weights(at), self.tokens)

    def pull(self, Q: Tensor, at: Tensor) -> Tensor:
        """Σ_n Q_n m_n ``(m, 2)``; its length is what the polar maximises."""
        return torch.einsum("n,mnd->md", Q, self.means(at))

    def above(self, Q: Tensor, at: Tensor, reach: Tensor) -> tuple[Tensor, Tensor]:
        """(g, bound) ``(m,)``: g the length of the pull, and what it is at most where ‖ΔM‖_F ≤ ``reach`` ``(m,)``.

        Taylor: the pull moves by J ΔM, J = Σ Q_n cov_n ⊗ x_T, and by at most ½ H ‖ΔM‖², as the second derivative of a
        mean under attention is a third moment, at most D³ ‖x_T‖²/4 for tokens of diameter D. With a the part of pull +
        JΔM along the pull and b that across, √(a² + b²) ≤ a + b²/(2a).
        """
        a, asking = self.weights(at), self.tokens[:, -1]
        mean = torch.einsum("mnt,ntd->mnd", a, self.tokens)
        pull = torch.einsum("n,mnd->md", Q, mean)
        size = pull.norm(dim=1)
        spread = self.tokens - mean[:, :, None]
        covariance = torch.einsum("mnt,mntd,mnte->mnde", a, spread, spread)
        J = torch.einsum("n,mnde,nf->mdef", Q, covariance, asking)
        along = torch.einsum("md,mdef->mef", pull / size.clamp(min=1e-300)[:, None], J).flatten(1).norm(dim=1)
        every = J.flatten(1).norm(dim=1)
        D = torch.cdist(self.tokens, self.tokens).flatten(1).amax(1)
        H = float((Q.abs() * D**3 * asking.square().sum(1) / 4).sum())
        least = size - every * reach
        across = (every * reach).square() / (2 * least.clamp(min=1e-300))
        fine = torch.where(least > 0, size + along * reach + across, size + every * reach) + H * reach.square() / 2
        slope = float((Q.abs() * D.square() / 4 * asking.norm(dim=1)).sum())
        return size, torch.minimum(fine, size + slope * reach)


@dataclass(frozen=True)
class HeadPolar:
    """lower ≤ Ω°(Q) ≤ upper, and the parameters ``(3,)`` that attain ``lower``."""

    lower: float
    upper: float
    at: Tensor


def polar(head: Head, Q: Tensor, *, tolerance: float = 1e-2) -> HeadPolar:
    """All boxes of a generation at once: ``Head.above`` bounds each from its centre, those that may win are halved.

    ‖ΔM‖ ≤ |Δρ| + ρ (|Δk angle| + |Δq angle|), ρ the box's largest. Signs of k and q cancel, q needs half a turn only.
    """
    sides = torch.tensor([2 * math.pi, math.pi, RADIUS], dtype=Q.dtype) / FIRST
    grid = torch.cartesian_prod(*[torch.arange(FIRST)] * 3).to(Q)
    centre, half = (grid + 0.5) * sides, sides / 2
    best, at, counted, settled = 0.0, centre[0], 0, 0.0
    while True:
        reach = half[2] + (centre[:, 2] + half[2]) * (half[0] + half[1])
        value, bound = head.above(Q, centre, reach)
        top = int(value.argmax())
        if float(value[top]) > best:
            best, at = float(value[top]), centre[top]
        keep = bound > best * (1 + tolerance)
        settled = max(settled, min(float(bound[~keep].max()), best * (1 + tolerance)) if bool((~keep).any()) else 0.0)
        counted += len(centre)
        if not bool(keep.any()) or counted + 8 * int(keep.sum()) > BOXES:
            upper = float(bound[keep].max()) if bool(keep.any()) else best * (1 + tolerance)
            return HeadPolar(best, max(upper, settled, best) * (1 + 1e-12), at)
        shifts = torch.cartesian_prod(*[torch.tensor([-0.5, 0.5])] * 3).to(Q)
        centre = (centre[keep, None] + shifts * half).flatten(0, 1)
        half = half / 2


def train(head: Head, Y: Tensor, lam: float, *, rounds: int = 30, tolerance: float = 1e-2) -> pd.DataFrame:
    """Conditional gradients, all masses anew in each round: objective, lower bound and relative gap by round.

    The bound is that of the squared loss: ½‖Y‖² − ½‖Y − tR‖² with R the residual and t R scaled into the polar's ball.
    """
    atoms, rows = Y.new_zeros(len(Y), 0), []
    best_bound = -math.inf
    for turn in range(rounds):
        masses = _masses(atoms, Y, lam)
        residual = Y - atoms @ masses
        objective = float(0.5 * residual.square().sum() + lam * masses.sum())
        enclosed = polar(head, residual, tolerance=tolerance)
        along, size = float(residual @ Y), float(residual @ residual)
        t = min(max(along / size, 0.0), lam / enclosed.upper)
        best_bound = max(best_bound, t * along - 0.5 * t * t * size)
        alive = int((masses > 0).sum())
        rows.append((turn, objective, best_bound, 1 - best_bound / objective, alive, enclosed.upper / lam))
        if enclosed.lower <= lam * (1 + 1e-6):
            break
        v = head.pull(residual, enclosed.at[None])[0]
        atoms = torch.cat([atoms, (head.means(enclosed.at[None])[0] @ (v / v.norm()))[:, None]], 1)
    return pd.DataFrame(rows, columns=["round", "objective", "lower_bound", "relative_gap", "active", "polar"])


def _masses(atoms: Tensor, Y: Tensor, lam: float) -> Tensor:
    """The minimiser c ≥ 0 of ½‖Y − Ac‖² + λ Σc, by least squares with a Cholesky factor of AᵀA (and RIDGE of it)."""
    if not atoms.shape[1]:
        return Y.new_zeros(0)
    A = atoms.numpy()
    gram = A.T @ A
    root = np.linalg.cholesky(gram + RIDGE * np.trace(gram) * np.eye(len(gram)))
    masses, _ = nnls(root.T, np.linalg.solve(root, A.T @ Y.numpy() - lam), maxiter=1000 * len(gram))
    return torch.from_numpy(masses)


def highest_found(head: Head, Q: Tensor, tries: int, *, seed: int) -> float:
    """The largest pull of ``tries`` random heads: what no upper bound may fall below."""
    at = uniform(generator(seed, "heads"), tries, 3) * Q.new_tensor([2 * math.pi, 2 * math.pi, RADIUS])
    return float(head.pull(Q, at).norm(dim=1).max())


def problem(N: int, T: int, *, seed: int) -> tuple[Head, Tensor]:
    """Normal tokens, and the targets of two planted heads plus noise."""
    stream = generator(seed, "attention", N, T)
    head = Head(normal(stream, N, T, 2))
    planted = torch.tensor([[0.5, 0.3, 2.0], [2.5, 1.8, 1.5]], dtype=torch.float64)
    v = normal(stream, 2, 2)
    return head, torch.einsum("mnd,md->n", head.means(planted), v) + 0.05 * normal(stream, N)
