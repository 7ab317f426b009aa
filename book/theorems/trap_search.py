"""Every trap of a pair with finitely many rays, by enumeration: the worst case of Theorem 2 beside the usual one."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import combinations

import numpy as np
import pandas as pd
import torch

from global_optimality.streams import generator, normal

DEPENDENT = 1e-12
"""Rays count as dependent where det AᵀA, over the product of the squared lengths, is below DEPENDENT: their minimum
then lies, up to rounding, where one of them is not used."""


class Family(Enum):
    """How rays are drawn; every ray has unit price, so a longer one is cheaper for what it produces."""

    SPHERE = "unit rays, uniform on the sphere"
    ORTHANT = "unit rays, uniform on the sphere's non-negative part"
    LENGTHS = "uniform directions, lengths between ½ and 2"


LOWER = 1e-9
"""A minimum is not global if it exceeds the best of its size by more than LOWER, relative."""


@dataclass(frozen=True, eq=False)
class Minima:
    """Of every set S of at most card(X) rays, over B instances ``(B,)``: f at the minimum that uses all of S.

    ``own[S]`` is that minimum if all its lengths are positive, else +∞; ``best[S]`` is the minimum over lengths ≥ 0;
    ``polar[S]`` is Ω°(−∇ℓ)/λ at the first of them: at most 1 where it is global over all sizes.
    """

    own: dict[tuple[int, ...], np.ndarray]
    best: dict[tuple[int, ...], np.ndarray]
    polar: dict[tuple[int, ...], np.ndarray]

    def of_size(self, r: int) -> np.ndarray:
        """The minimum f_r* over networks of at most r units, ``(B,)``."""
        return np.min([value for S, value in self.own.items() if len(S) <= r], axis=0)

    def traps(self, r: int) -> np.ndarray:
        """Which sets of r rays hold a trap, ``(sets, B)``: a strict local minimum of f_r that is not global."""
        level = self.of_size(r)
        sets = [S for S in self.own if len(S) == r]
        return np.array([np.isfinite(self.own[S]) & (self.own[S] > level * (1 + LOWER)) for S in sets])

    def barrier(self, S: tuple[int, ...]) -> np.ndarray:
        """The least rise on a path out of the minimum that uses all of S, ``(B,)``: some unit has to become zero."""
        return np.min([self.best[T] for T in combinations(S, len(S) - 1)], axis=0) - self.own[S]


def minima(A: np.ndarray, Y: np.ndarray, lam: np.ndarray) -> Minima:
    """All minima of ½‖Y − Ac‖² + λ Σc over c ≥ 0 with a given support; A ``(B, card, m)``, Y ``(B, card)``, λ ``(B,)``.

    On r units a path changes a ray only through a zero unit. So the networks of r units are the faces with |S| ≤ r of
    the orthant, glued where they meet; on each f is convex. A set of independent rays has one minimum.
    """
    card, m = A.shape[1:]
    empty = 0.5 * (Y**2).sum(1)
    own: dict[tuple[int, ...], np.ndarray] = {(): empty}
    best: dict[tuple[int, ...], np.ndarray] = {(): empty}
    polar: dict[tuple[int, ...], np.ndarray] = {(): np.einsum("bdm,bd->bm", A, Y).max(1).clip(min=0) / lam}
    for size in range(1, min(card, m) + 1):
        for S in combinations(range(m), size):
            own[S], rest = _minimum(A[:, :, S], Y, lam, empty)
            polar[S] = np.einsum("bdm,bd->bm", A, rest).max(1) / lam
            best[S] = np.minimum(own[S], np.min([best[T] for T in combinations(S, size - 1)], axis=0))
    return Minima(own, best, polar)


def _minimum(A: np.ndarray, Y: np.ndarray, lam: np.ndarray, empty: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """f where its gradient in all lengths is zero, and Y − X; +∞ where a length is not positive or rays depend."""
    gram = np.einsum("bdk,bdl->bkl", A, A)
    independent = np.linalg.det(gram) > DEPENDENT * np.einsum("bkk->bk", gram).prod(1)
    safe = np.where(independent[:, None, None], A, np.eye(*A.shape[1:]))
    b = np.einsum("bdk,bd->bk", safe, Y) - lam[:, None]
    c = np.linalg.solve(np.where(independent[:, None, None], gram, np.eye(A.shape[2])), b[..., None])[..., 0]
    value = np.where(independent & (c > 0).all(1), empty - 0.5 * (b * c).sum(1), np.inf)
    return value, Y - np.einsum("bdk,bk->bd", safe, c)


def instances(family: Family, card: int, rays: int, count: int, share: float, *, seed: int) -> tuple[np.ndarray, ...]:
    """(A, Y, λ): ``count`` random instances; Y is normal and λ is ``share`` of the λ at which zero is optimal."""
    stream = generator(seed, "finite rays", family.name, card, rays, count)
    A = normal(stream, count, card, rays).numpy()
    A /= np.linalg.norm(A, axis=1, keepdims=True)
    Y = normal(stream, count, card).numpy()
    if family is Family.ORTHANT:
        A, Y = np.abs(A), np.abs(Y)
    if family is Family.LENGTHS:
        A *= 0.5 + 1.5 * torch.rand(count, 1, rays, generator=stream, dtype=torch.float64).numpy()
    largest = np.einsum("bdm,bd->bm", A, Y).max(1)
    keep = largest > 0  # else no ray helps at any λ
    return A[keep], Y[keep], share * largest[keep]


def search(cards: Sequence[int], extra: Sequence[int], count: int, share: float, *, seed: int) -> pd.DataFrame:
    """One row for each family, card(X), number of rays card + extra and size r ≤ card(X): how often there is a trap.

    Of ``instances``, ``trapped`` hold a trap of size r; ``sets`` is the share of the sets of r rays that hold one;
    ``excess`` and ``barrier`` are the largest f − f_r* and least rise out of a trap, relative to f_r*; ``polar`` is the
    least Ω°(−∇ℓ)/λ at a trap. No row for r > card(X): more rays than that are dependent, and hold none.
    """
    rows = []
    for family in Family:
        for card in cards:
            for more in extra:
                A, Y, lam = instances(family, card, card + more, count, share, seed=seed)
                found = minima(A, Y, lam)
                sizes = range(1, min(card, A.shape[2]) + 1)
                rows += [(family.value, card, card + more, r, len(Y), *_row(found, r)) for r in sizes]
    names = ["family", "card", "rays", "r", "instances", "trapped", "sets", "excess", "barrier", "polar"]
    return pd.DataFrame(rows, columns=names)


def _row(found: Minima, r: int) -> tuple[int, float, float, float, float]:
    traps, level = found.traps(r), found.of_size(r)
    sets = [S for S in found.own if len(S) == r]
    excess, barrier, polar = 0.0, 0.0, np.inf
    for S, trapped in zip(sets, traps, strict=True):
        if trapped.any():
            excess = max(excess, float(((found.own[S] - level) / level)[trapped].max()))
            barrier = max(barrier, float((found.barrier(S) / level)[trapped].max()))
            polar = min(polar, float(found.polar[S][trapped].min()))
    return int(traps.any(0).sum()), float(traps.mean()), excess, barrier, polar
